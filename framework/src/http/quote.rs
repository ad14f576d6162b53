//! Percent-encoding, as Python's `urllib.parse` does it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::http::charset::Charset;

/// The characters that are left as they are: letters, digits, `_.-~`, and some more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safe([bool; 128]);

impl Safe {
    /// Letters, digits, `_.-~` and nothing else: for one part of an address, or one name or value of a query.
    pub const PART: Self = Self::and("");
    /// Those and `/`: what Python's `quote` leaves alone when nothing is asked for.
    pub const PATH: Self = Self::and("/");

    /// Letters, digits, `_.-~` and the ASCII characters of `more`.
    #[must_use]
    pub const fn and(more: &str) -> Self {
        let mut safe = [false; 128];
        let mut byte = 0;
        while byte < 128u8 {
            safe[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'~');
            byte += 1;
        }
        let more = more.as_bytes();
        let mut at = 0;
        while at < more.len() {
            if more[at] < 128 {
                safe[more[at] as usize] = true;
            }
            at += 1;
        }
        Self(safe)
    }

    const fn has(&self, byte: u8) -> bool {
        byte < 128 && self.0[byte as usize]
    }
}

/// Writes every byte that is not safe as `%XX` (Python's `quote`).
///
/// ```
/// use nuages::http::quote::{Safe, quote};
///
/// assert_eq!(quote("a b/é", Safe::PATH), "a%20b/%C3%A9");
/// assert_eq!(quote("a b/é", Safe::PART), "a%20b%2F%C3%A9");
/// ```
#[must_use]
pub fn quote(text: &str, safe: Safe) -> Cow<'_, str> {
    match text.bytes().position(|byte| !safe.has(byte)) {
        None => Cow::Borrowed(text),
        Some(clean) => {
            let mut out = String::with_capacity(text.len() + 16);
            out.push_str(&text[..clean]);
            push_quoted(&mut out, &text.as_bytes()[clean..], safe);
            Cow::Owned(out)
        }
    }
}

/// The same with `+` for a space, as in a query (Python's `quote_plus`).
#[must_use]
pub fn quote_plus(text: &str, safe: Safe) -> Cow<'_, str> {
    let quoted = quote(text, safe.with_space());
    if quoted.contains(' ') { Cow::Owned(quoted.replace(' ', "+")) } else { quoted }
}

impl Safe {
    const fn with_space(mut self) -> Self {
        self.0[b' ' as usize] = true;
        self
    }
}

pub(crate) fn push_quoted(out: &mut String, bytes: &[u8], safe: Safe) {
    for &byte in bytes {
        if safe.has(byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Turns `%XX` back into bytes; what is not two hex digits after a `%` stays (Python's `unquote_to_bytes`).
#[must_use]
pub fn unquote_to_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', text) else { return Cow::Borrowed(text) };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let [byte, tail @ ..] = rest {
        if *byte == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    Cow::Owned(out)
}

/// Turns `%XX` back into text of that charset; broken bytes become U+FFFD (Python's `unquote`).
///
/// Each run of ASCII is decoded by itself, so an escape never completes a character that stands there unescaped.
#[must_use]
pub fn unquote(text: &str, charset: Charset) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(ascii);
        out.push_str(&charset.decode_lossy(&unquote_to_bytes(run.as_bytes())));
        let other = tail.bytes().position(|byte| byte.is_ascii()).unwrap_or(tail.len());
        let (run, tail) = tail.split_at(other);
        out.push_str(run);
        rest = tail;
    }
    Cow::Owned(out)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unquote_keeps_what_is_no_escape() {
        for (text, plain) in [
            ("a%20b", "a b"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%u00e9", "%u00e9"),
            ("%c3%a9", "é"),
            ("%c3", "\u{fffd}"),
            ("é%41", "éA"),
            ("%C3\u{a9}", "\u{fffd}\u{a9}"),
            ("%%41", "%A"),
        ] {
            assert_eq!(unquote(text, Charset::Utf8), plain, "{text}");
        }
        assert_eq!(unquote("%e9%80", Charset::Latin1), "\u{e9}\u{80}");
    }

    proptest! {
        #[test]
        fn quoted_text_comes_back(text: String) {
            for safe in [Safe::PART, Safe::PATH, Safe::and("!$&'()*+,;=:@")] {
                let quoted = quote(&text, safe);
                prop_assert_eq!(unquote(&quoted, Charset::Utf8), text.as_str());
            }
            let plus = quote_plus(&text, Safe::PART);
            prop_assert!(!plus.contains(' '));
            let spaced = plus.replace('+', " ");
            prop_assert_eq!(unquote(&spaced, Charset::Utf8), text.as_str());
        }

        #[test]
        fn unquoting_never_panics(bytes: Vec<u8>) {
            let _ = unquote_to_bytes(&bytes);
        }
    }
}
