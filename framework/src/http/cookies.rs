//! The cookies that a request brings.

use std::collections::HashMap;
use std::ops::Range;

use http::HeaderMap;
use http::header::COOKIE;

/// The cookies of a request, in the order in which their names first came (Django's `request.COOKIES`).
///
/// The header is split at every `;`, quoted or not; a piece without `=` is a value without a name; the last of equal
/// names wins. Quotes around a value are taken off and what is escaped within them restored, as Python's `http.cookies`
/// does; nothing is percent-decoded (Django 5.2 `http/cookie.py`).
///
/// ```
/// use nuages::http::cookies::RequestCookies;
///
/// let cookies = RequestCookies::parse(r#"sessionid=abc; theme="dark\054 blue"; sessionid=def"#);
/// assert_eq!(cookies.get("sessionid"), Some("def"));
/// assert_eq!(cookies.get("theme"), Some("dark, blue"));
/// ```
#[derive(Clone, Default)]
pub struct RequestCookies {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    name: Range<usize>,
    value: Value,
}

#[derive(Clone)]
enum Value {
    AsSent(Range<usize>),
    Unquoted(Box<str>),
}

impl RequestCookies {
    /// Those of a request that brings none.
    pub(crate) const NONE: &Self = &Self { text: String::new(), entries: Vec::new() };

    /// Reads the text of a `Cookie` header.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        Self::of(header.into())
    }

    /// Reads the `Cookie` headers of a request: several (HTTP/2 may split them) are one; the bytes are UTF-8, broken
    /// ones U+FFFD.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(COOKIE).iter();
        let Some(first) = lines.next() else { return Self::default() };
        let mut text = String::from_utf8_lossy(first.as_bytes()).into_owned();
        for line in lines {
            text.push_str("; ");
            text.push_str(&String::from_utf8_lossy(line.as_bytes()));
        }
        Self::of(text)
    }

    fn of(text: String) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut start = 0;
        // Above a handful of names, looking through them for each new one would take quadratic time.
        let mut index: HashMap<&str, usize> = HashMap::new();
        for piece in text.split(';') {
            let (name, value) = match piece.find('=') {
                Some(at) => {
                    (trim(&text, start, start + at), trim(&text, start + at + 1, start + piece.len()))
                }
                None => (start..start, trim(&text, start, start + piece.len())),
            };
            start += piece.len() + 1;
            if name.is_empty() && value.is_empty() {
                continue;
            }
            let key = &text[name.clone()];
            let known = if entries.len() <= FEW {
                entries.iter().position(|entry| text[entry.name.clone()] == *key)
            } else {
                if index.is_empty() {
                    index.extend(
                        entries.iter().enumerate().map(|(at, entry)| (&text[entry.name.clone()], at)),
                    );
                }
                index.get(key).copied()
            };
            let value = match unquote(&text[value.clone()]) {
                Some(plain) => Value::Unquoted(plain.into()),
                None => Value::AsSent(value),
            };
            match known {
                Some(at) => entries[at].value = value,
                None => {
                    if !index.is_empty() {
                        index.insert(key, entries.len());
                    }
                    entries.push(Entry { name, value });
                }
            }
        }
        drop(index);
        Self { text, entries }
    }

    /// The value of that cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Whether that cookie came.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Each name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| {
            let value = match &entry.value {
                Value::AsSent(range) => &self.text[range.clone()],
                Value::Unquoted(plain) => plain,
            };
            (&self.text[entry.name.clone()], value)
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Names alone: a cookie's value may be all that an account is guarded by.
impl std::fmt::Debug for RequestCookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// Up to so many names are looked through one by one.
const FEW: usize = 16;

fn trim(text: &str, start: usize, end: usize) -> Range<usize> {
    let piece = &text[start..end];
    let start = end - piece.trim_start_matches(is_python_space).len();
    start..start + text[start..end].trim_end_matches(is_python_space).len()
}

/// What Python's `str.strip` takes off: Unicode's white space and the four separators below it.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// The value inside the quotes, or `None` when there are no quotes around it (Python 3.11 `http.cookies._unquote`).
fn unquote(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = after.as_bytes() {
            out.push(char::from((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')));
            rest = &after[3..];
        } else {
            match after.chars().next() {
                Some(c) if c != '\n' => {
                    out.push(c);
                    rest = &after[c.len_utf8()..];
                }
                _ => {
                    out.push('\\');
                    rest = after;
                }
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::http::vectors;

    #[test]
    fn headers_are_read_as_django_reads_them() {
        for case in vectors::load("parse_cookie") {
            let cookies = RequestCookies::parse(case["header"].as_str().unwrap());
            let read: Vec<_> = cookies.iter().collect();
            let expected: Vec<_> = case["cookies"].as_object().unwrap().iter().collect();
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            assert_eq!(read, expected, "{case}");
        }
    }

    #[test]
    fn several_headers_are_one_and_broken_bytes_are_replaced() {
        let mut headers = HeaderMap::new();
        assert!(RequestCookies::from_headers(&headers).is_empty());
        headers.append(COOKIE, HeaderValue::from_static("a=1; b=2"));
        headers.append(COOKIE, HeaderValue::from_bytes(b"c=\xff; a=\xc3\xa9").unwrap());
        let cookies = RequestCookies::from_headers(&headers);
        assert_eq!(cookies.iter().collect::<Vec<_>>(), [("a", "é"), ("b", "2"), ("c", "\u{fffd}")]);
        assert_eq!(format!("{cookies:?}"), r#"{"a", "b", "c"}"#, "no value in a log");
    }

    #[test]
    fn many_names_take_linear_time() {
        let header: String = (0..20_000).map(|n| format!("c{n}=1;")).collect();
        let again = format!("{header}c7=2;{header}c19999=3");
        let start = Instant::now();
        let cookies = RequestCookies::parse(&again);
        assert_eq!((cookies.len(), cookies.get("c7"), cookies.get("c19999")), (20_000, Some("1"), Some("3")));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn no_header_panics(header in r#"[a-c=;" \\0-7é\u{a0}]{0,60}"#) {
            let cookies = RequestCookies::parse(&header);
            for (name, value) in cookies.iter() {
                prop_assert_eq!(cookies.get(name), Some(value));
            }
        }
    }
}
