//! `request.GET` and `request.POST`: names with one or more values each, in the order in which they came.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::http::charset::{Charset, latin1};
use crate::http::quote::{Safe, push_quoted, unquote};

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryDict {
    lists: IndexMap<String, Vec<String>>,
}

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
        if let Some(limit) = max_fields {
            let fields = 1 + memchr::memchr_iter(b'&', query).count();
            if fields > limit {
                return Err(TooManyFields { fields, limit });
            }
        }
        let text = charset.decode(query).unwrap_or_else(|| latin1(query));
        let mut dict = Self::new();
        for piece in text.split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            dict.appendlist(unescape(name, charset), unescape(value, charset));
        }
        Ok(dict)
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

    /// The query as text, with `+` for spaces.
    #[must_use]
    pub fn urlencode(&self) -> String {
        self.encode(Safe::PART, "+", |text| Some(Cow::Borrowed(text.as_bytes()))).unwrap_or_default()
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
        self.urlencode_in(Charset::Utf8, safe).unwrap_or_default()
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

fn unescape(text: &str, charset: Charset) -> String {
    if text.contains('+') {
        unquote(&text.replace('+', " "), charset).into_owned()
    } else {
        unquote(text, charset).into_owned()
    }
}
