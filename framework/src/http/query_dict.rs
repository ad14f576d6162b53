//! `request.GET` and `request.POST`: names with one or more values each, in the order in which they came.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::http::charset::{Charset, latin1};
use crate::http::quote::{Safe, push_quoted, unquote};
use crate::routes::reverse::ReverseQuery;

/// The query of an address, or a form (Django's `QueryDict`).
///
/// What a request hands out is borrowed and so cannot change; a `clone()` can.
///
/// ```
/// use nuages::http::query_dict::QueryDict;
///
/// let query = QueryDict::parse("color=red&color=blue&q=").unwrap();
/// assert_eq!(query.get("color"), Some("blue"));
/// assert_eq!(query.getlist("color"), ["red", "blue"]);
///
/// let mut next = query.clone();
/// next.insert("page", "2");
/// assert_eq!(next.urlencode(), "color=red&color=blue&q=&page=2");
/// ```
#[derive(Debug, Clone, Default)]
pub struct QueryDict {
    lists: IndexMap<String, Vec<String>>,
    encoding: Charset,
}

/// The charset and the order of the names do not count.
impl PartialEq for QueryDict {
    fn eq(&self, other: &Self) -> bool {
        self.lists == other.lists
    }
}

impl Eq for QueryDict {}

/// More names than `DATA_UPLOAD_MAX_NUMBER_FIELDS` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fields} parameters were sent, and DATA_UPLOAD_MAX_NUMBER_FIELDS allows {limit}")]
pub struct TooManyFields {
    /// How many pieces between `&` there were, empty ones too.
    pub fields: usize,
    /// How many may be.
    pub limit: usize,
}

impl QueryDict {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a query such as `a=1&b=2`, in UTF-8, with at most 1000 fields (Django's default).
    ///
    /// # Errors
    /// [`TooManyFields`].
    pub fn parse(query: &str) -> Result<Self, TooManyFields> {
        Self::parse_bytes(query.as_bytes(), Charset::Utf8, Some(1000))
    }

    /// Reads a query or a body as it was sent.
    ///
    /// Bytes that are not of the charset even before unescaping are taken for latin-1, all of them; after unescaping,
    /// broken bytes become U+FFFD. `;` separates nothing (Django 5.2 `http/request.py`, Python's `parse_qsl`).
    ///
    /// # Errors
    /// [`TooManyFields`], when there are more than `max_fields`; `None` allows any number.
    pub fn parse_bytes(
        query: &[u8],
        charset: Charset,
        max_fields: Option<usize>,
    ) -> Result<Self, TooManyFields> {
        if let Some(limit) = max_fields.filter(|_| !query.is_empty()) {
            let fields = 1 + memchr::memchr_iter(b'&', query).count();
            if fields > limit {
                return Err(TooManyFields { fields, limit });
            }
        }
        let text = charset.decode(query).unwrap_or_else(|| latin1(query));
        let mut dict = Self { encoding: charset, ..Self::default() };
        for piece in text.split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            dict.appendlist(unescape(name, charset), unescape(value, charset));
        }
        Ok(dict)
    }

    /// The charset that it was read in, and is written in again; UTF-8 for one that was not read.
    #[must_use]
    pub const fn encoding(&self) -> Charset {
        self.encoding
    }

    /// The same to be written in that charset.
    #[must_use]
    pub const fn with_encoding(mut self, charset: Charset) -> Self {
        self.encoding = charset;
        self
    }

    /// The last value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lists.get(name)?.last().map(String::as_str)
    }

    /// Every value of that name, in order; empty when it is not there.
    #[must_use]
    pub fn getlist(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether that name was sent.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.lists.contains_key(name)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// The names, each once, in the order in which they first came.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }

    /// The last value of each name.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.items().map(|(_, value)| value)
    }

    /// Each name with its last value.
    pub fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lists.iter().filter_map(|(name, list)| Some((name.as_str(), list.last()?.as_str())))
    }

    /// Each name with all its values.
    pub fn lists(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.lists.iter().map(|(name, list)| (name.as_str(), list.as_slice()))
    }

    /// A plain map of the last values.
    #[must_use]
    pub fn dict(&self) -> IndexMap<String, String> {
        self.items().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Sets a name to one value, which takes the place of all it had.
    #[doc(alias = "__setitem__")]
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.lists.insert(name.into(), vec![value.into()]);
    }

    /// Sets all the values of a name.
    pub fn setlist<V: Into<String>>(&mut self, name: impl Into<String>, values: impl IntoIterator<Item = V>) {
        self.lists.insert(name.into(), values.into_iter().map(Into::into).collect());
    }

    /// Adds one value to a name.
    pub fn appendlist(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.lists.entry(name.into()).or_default().push(value.into());
    }

    /// The last value of that name, which is set to `default` first when it is not there.
    pub fn setdefault(&mut self, name: impl Into<String>, default: impl Into<String>) -> &str {
        let list = self.lists.entry(name.into()).or_insert_with(|| vec![default.into()]);
        list.last().map_or("", String::as_str)
    }

    /// The values of that name, which are set to `default` first when it is not there.
    pub fn setlistdefault<V: Into<String>>(
        &mut self,
        name: impl Into<String>,
        default: impl IntoIterator<Item = V>,
    ) -> &mut Vec<String> {
        self.lists.entry(name.into()).or_insert_with(|| default.into_iter().map(Into::into).collect())
    }

    /// Takes a name out, with all its values.
    pub fn pop(&mut self, name: &str) -> Option<Vec<String>> {
        self.lists.shift_remove(name)
    }

    /// Takes the last name out, with all its values.
    pub fn popitem(&mut self) -> Option<(String, Vec<String>)> {
        self.lists.pop()
    }

    /// Adds the values of another to the names here: it extends, and replaces nothing.
    pub fn update(&mut self, other: &Self) {
        for (name, list) in &other.lists {
            self.lists.entry(name.clone()).or_default().extend(list.iter().cloned());
        }
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.lists.clear();
    }

    /// The query as text, with `+` for spaces. Its escapes are bytes of the charset that it was read in; if that lacks a
    /// character which was added later, of UTF-8, where Django raises `UnicodeEncodeError`.
    ///
    /// ```
    /// # use nuages::http::{charset::Charset, query_dict::QueryDict};
    /// let query = QueryDict::parse_bytes(b"city=Li%E8ge", Charset::Latin1, None)?;
    /// assert_eq!((query.get("city"), query.urlencode().as_str()), (Some("Liège"), "city=Li%E8ge"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn urlencode(&self) -> String {
        self.urlencode_safe("")
    }

    /// The query as text, leaving the characters of `safe` as they are, with `%20` for spaces.
    ///
    /// ```
    /// # use nuages::http::query_dict::QueryDict;
    /// let mut query = QueryDict::new();
    /// query.insert("next", "/a&b/");
    /// assert_eq!(query.urlencode(), "next=%2Fa%26b%2F");
    /// assert_eq!(query.urlencode_safe("/"), "next=/a%26b/");
    /// ```
    #[must_use]
    pub fn urlencode_safe(&self, safe: &str) -> String {
        let own = self.urlencode_in(self.encoding, safe);
        own.or_else(|| self.urlencode_in(Charset::Utf8, safe)).unwrap_or_default()
    }

    /// The query as text whose escapes are bytes of that charset; `None` when the charset lacks a character.
    ///
    /// With nothing `safe`, spaces become `+`, else `%20`.
    #[must_use]
    pub fn urlencode_in(&self, charset: Charset, safe: &str) -> Option<String> {
        let space = if safe.is_empty() {
            "+"
        } else if safe.contains(' ') {
            " "
        } else {
            "%20"
        };
        self.encode(Safe::and(safe), space, |text| charset.encode(text))
    }

    fn encode<'a>(
        &'a self,
        safe: Safe,
        space: &str,
        bytes: impl Fn(&'a str) -> Option<Cow<'a, [u8]>>,
    ) -> Option<String> {
        let mut out = String::new();
        let push = |out: &mut String, text: &'a str| {
            for (at, word) in bytes(text)?.split(|&byte| byte == b' ').enumerate() {
                if at > 0 {
                    out.push_str(space);
                }
                push_quoted(out, word, safe);
            }
            Some(())
        };
        for (name, list) in &self.lists {
            for value in list {
                if !out.is_empty() {
                    out.push('&');
                }
                push(&mut out, name)?;
                out.push('=');
                push(&mut out, value)?;
            }
        }
        Some(out)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for QueryDict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut dict = Self::new();
        dict.extend(pairs);
        dict
    }
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for QueryDict {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.appendlist(name, value);
        }
    }
}

impl From<&QueryDict> for ReverseQuery {
    fn from(query: &QueryDict) -> Self {
        query.urlencode().into()
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for ReverseQuery {
    fn from(pairs: [(K, V); N]) -> Self {
        Self::from(&QueryDict::from_iter(pairs))
    }
}

impl<K: Into<String>, V: Into<String>> From<Vec<(K, V)>> for ReverseQuery {
    fn from(pairs: Vec<(K, V)>) -> Self {
        Self::from(&QueryDict::from_iter(pairs))
    }
}

fn unescape(text: &str, charset: Charset) -> String {
    if text.contains('+') {
        unquote(&text.replace('+', " "), charset).into_owned()
    } else {
        unquote(text, charset).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::vectors;

    fn lists(dict: &QueryDict) -> Value {
        dict.lists().map(|(name, list)| json!([name, list])).collect()
    }

    fn charset(case: &Value) -> Charset {
        Charset::lookup(case["encoding"].as_str().unwrap_or("utf-8")).unwrap()
    }

    #[test]
    fn bytes_are_read_as_django_reads_them() {
        for case in vectors::load("querydict_bytes") {
            let limit =
                case["max_number_fields"].as_u64().map_or(Some(1000), |limit| usize::try_from(limit).ok());
            let read = QueryDict::parse_bytes(&vectors::bytes(&case["bytes"]), charset(&case), limit);
            if case["error"] == "TooManyFieldsSent" {
                assert_eq!(read.unwrap_err().limit, limit.unwrap(), "{case}");
                continue;
            }
            let dict = read.unwrap();
            let expected = if case["out"].is_null() { &case["lists"] } else { &case["out"] };
            if case["encoding"] == "shift_jis" && expected.to_string().contains('\u{fffd}') {
                // Browsers' table has a few more characters than Python's, and broken text a few less U+FFFD.
                continue;
            }
            assert_eq!(&lists(&dict), expected, "{case}");
            for (key, safe) in [("urlencode", ""), ("urlencode_safe", "/")] {
                if let Some(text) = case[key].as_str() {
                    assert_eq!(dict.urlencode_in(charset(&case), safe).unwrap(), text, "{case}");
                    assert_eq!(dict.urlencode_safe(safe), text, "{case}");
                    if safe.is_empty() {
                        assert_eq!(dict.urlencode(), text, "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_read_as_django_reads_it() {
        for case in vectors::load("querydict") {
            let query = case["query"].as_str().unwrap();
            let read = QueryDict::parse_bytes(query.as_bytes(), charset(&case), Some(1000));
            let Ok(dict) = read else {
                assert_eq!(case["lists"]["error"], "TooManyFieldsSent");
                continue;
            };
            assert_eq!(lists(&dict), case["lists"], "{case}");
            for (name, value) in case["get"].as_object().into_iter().flatten() {
                assert_eq!(dict.get(name), value.as_str(), "{case}");
            }
            let safe = case["safe"].as_str().unwrap_or_default();
            assert_eq!(
                dict.urlencode_in(charset(&case), safe).as_deref(),
                case["urlencode"].as_str(),
                "{case}"
            );
        }
    }

    #[test]
    fn changes_are_djangos() {
        let mut dict = QueryDict::parse("a=1&a=2&b=3").unwrap();
        let check = |dict: &QueryDict, query: &str| assert_eq!(dict.urlencode(), query);
        dict.appendlist("a", "4");
        check(&dict, "a=1&a=2&a=4&b=3");
        dict.insert("a", "5");
        check(&dict, "a=5&b=3");
        dict.update(&QueryDict::parse("b=6&c=7").unwrap());
        check(&dict, "a=5&b=3&b=6&c=7");
        assert_eq!(dict.setdefault("d", "8"), "8");
        assert_eq!(dict.setdefault("d", "9"), "8");
        dict.setlistdefault("d", ["0"]).push("1".to_owned());
        check(&dict, "a=5&b=3&b=6&c=7&d=8&d=1");
        assert_eq!(dict.pop("b"), Some(vec!["3".to_owned(), "6".to_owned()]));
        assert_eq!(dict.popitem(), Some(("d".to_owned(), vec!["8".to_owned(), "1".to_owned()])));
        dict.setlist("c", Vec::<String>::new());
        assert_eq!((dict.get("c"), dict.getlist("c").len(), dict.contains_key("c")), (None, 0, true));
        assert_eq!(dict.dict().into_iter().collect::<Vec<_>>(), [("a".to_owned(), "5".to_owned())]);
        assert_eq!(QueryDict::parse("a=1&b=2"), QueryDict::parse("b=2&a=1"), "order does not count");
        dict.clear();
        assert!(dict.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pairs: Vec<(String, String)>) {
            let dict: QueryDict = pairs.into_iter().collect();
            prop_assert_eq!(&QueryDict::parse_bytes(dict.urlencode().as_bytes(), Charset::Utf8, None).unwrap(), &dict);
            let safe = dict.urlencode_safe("/:");
            prop_assert_eq!(&QueryDict::parse_bytes(safe.as_bytes(), Charset::Utf8, None).unwrap(), &dict);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for name in ["utf-8", "latin-1", "ascii", "shift_jis"] {
                let _ = QueryDict::parse_bytes(&bytes, Charset::lookup(name).unwrap(), Some(100));
            }
        }
    }
}
