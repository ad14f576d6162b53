//! Header names and values from text, by Django's rules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

/// Why a header cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is empty or has other characters than a name may have.
    #[error("{name:?} cannot be a header's name: letters, digits and !#$%&'*+-.^_`|~ make one")]
    Name {
        /// What was said.
        name: String,
    },
    /// The value has a line end or another control character.
    #[error("{value:?} cannot be a header's value: it may hold no line end and no other control character")]
    Value {
        /// What was said.
        value: String,
    },
}

/// A header's name, in any case.
///
/// # Errors
/// [`HeaderError::Name`].
pub fn header_name(name: &str) -> Result<HeaderName, HeaderError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name { name: name.to_owned() })
}

/// A number as a header's value. A small one, which the length of most answers to scripts is, takes no memory of its own.
pub(crate) fn header_number(number: u64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    let bytes = match usize::try_from(number).ok().and_then(|number| SMALL.get(number)) {
        Some(small) => Bytes::from_static(small.get(small.len() - digits.len()..).unwrap_or(small)),
        None => Bytes::copy_from_slice(digits.as_bytes()),
    };
    // Digits are a header's value.
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static("0"))
}

/// A value that every response brings. It is the program's own text where it is one of those that sites have: any other is counted by whoever
/// holds it, and all cores count in one place.
pub(crate) fn constant(value: HeaderValue) -> HeaderValue {
    let usual = USUAL.into_iter().find(|usual| value == *usual);
    usual.map_or(value, HeaderValue::from_static)
}

const USUAL: [&str; 12] = [
    "DENY",
    "SAMEORIGIN",
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "same-origin-allow-popups",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-none",
    "unsafe-url",
];

/// The digits of each number below a thousand, with leading zeros.
static SMALL: [[u8; 3]; 1000] = {
    let mut all = [[b'0'; 3]; 1000];
    let mut number = 0;
    while number < 1000 {
        all[number] = [digit(number / 100), digit(number / 10 % 10), digit(number % 10)];
        number += 1;
    }
    all
};

#[allow(clippy::cast_possible_truncation)]
const fn digit(digit: usize) -> u8 {
    b'0' + digit as u8
}

/// A header's value: latin-1 goes out as its bytes, anything beyond in the words of RFC 2047
/// (Django 5.2 `http/response.py`, Python's `email.header`).
///
/// # Errors
/// [`HeaderError::Value`] for line ends and every other control character but the tab.
///
/// ```
/// use nuages::http::header_value::header_value;
///
/// assert_eq!(header_value("plain").unwrap(), "plain");
/// assert_eq!(header_value("é").unwrap().as_bytes(), b"\xe9");
/// assert_eq!(header_value("日本").unwrap(), "=?utf-8?b?5pel5pys?=");
/// assert!(header_value("a\r\nSet-Cookie: b=c").is_err());
/// ```
pub fn header_value(value: &str) -> Result<HeaderValue, HeaderError> {
    let fault = |_| HeaderError::Value { value: value.to_owned() };
    if value.is_ascii() {
        return HeaderValue::try_from(value).map_err(fault);
    }
    if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
        return Err(HeaderError::Value { value: value.to_owned() });
    }
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
    match bytes {
        Some(latin1) => HeaderValue::from_bytes(&latin1).map_err(fault),
        None => HeaderValue::try_from(encoded_word(value)).map_err(fault),
    }
}

/// RFC 2047, in base64 or in Q, whichever is shorter.
fn encoded_word(text: &str) -> String {
    let q_length: usize = text.bytes().map(|byte| if is_q_plain(byte) || byte == b' ' { 1 } else { 3 }).sum();
    let b_length = text.len().div_ceil(3) * 4;
    if b_length < q_length {
        return format!("=?utf-8?b?{}?=", STANDARD.encode(text));
    }
    let mut out = String::with_capacity(q_length + 12);
    out.push_str("=?utf-8?q?");
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('_'),
            _ if is_q_plain(byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("={byte:02X}")),
        }
    }
    out.push_str("?=");
    out
}

const fn is_q_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'!' | b'*' | b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_digits() {
        let numbers = (0..2000).chain([9_999, 10_000, 4_294_967_296, u64::MAX]);
        for number in numbers {
            assert_eq!(header_number(number).as_bytes(), number.to_string().as_bytes());
        }
    }
    use crate::http::vectors;

    #[test]
    fn values_are_sent_as_django_sends_them() {
        for case in vectors::load("header_values") {
            let Some(text) = case["in"].as_str() else { continue };
            if text.contains('\u{2028}') {
                // Python takes it for a line end, and drops it.
                continue;
            }
            match header_value(text) {
                Ok(value) => assert_eq!(value.as_bytes(), vectors::bytes(&case["sent_bytes"]), "{case}"),
                Err(HeaderError::Value { value }) => {
                    // Of the control characters Django refuses line ends alone.
                    let control = value.chars().any(|c| c.is_ascii_control() && c != '\t');
                    assert!(case["error"] == "BadHeaderError" || control, "{case}");
                }
                Err(error) => panic!("{case}: {error}"),
            }
        }
    }

    #[test]
    fn names_are_tokens() {
        for evil in ["", "a b", "a:b", "a\r\nb", "é"] {
            assert!(header_name(evil).is_err(), "{evil:?}");
        }
        assert_eq!(header_name("X-Tune").unwrap(), "x-tune");
    }
}
