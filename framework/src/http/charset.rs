//! The character encodings that a request may be written in.

use std::borrow::Cow;

/// A character encoding, under the names that Python knows it by.
///
/// `ISO-8859-1` is the true one, where 0x80–0x9F are controls; browsers take the name for windows-1252.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Charset {
    /// `utf-8`
    #[default]
    Utf8,
    /// `iso-8859-1`
    Latin1,
    /// `us-ascii`
    Ascii,
}

impl Charset {
    /// The charset of that name, as Python's `codecs.lookup` finds it; `None` when it is unknown here.
    #[must_use]
    pub fn lookup(name: &str) -> Option<Self> {
        if name.len() > 32 {
            return None;
        }
        let mut normal = String::with_capacity(name.len());
        for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
            if !normal.is_empty() {
                normal.push('_');
            }
            normal.extend(part.chars().map(|c| c.to_ascii_lowercase()));
        }
        match normal.as_str() {
            "utf_8" | "utf8" | "u8" | "utf" | "utf8_ucs2" | "utf8_ucs4" | "cp65001" => Some(Self::Utf8),
            "latin_1" | "latin1" | "latin" | "l1" | "iso_8859_1" | "iso8859_1" | "iso8859"
            | "iso_8859_1_1987" | "iso_ir_100" | "8859" | "cp819" | "csisolatin1" | "ibm819" => {
                Some(Self::Latin1)
            }
            "ascii" | "us_ascii" | "us" | "646" | "ansi_x3.4_1968" | "ansi_x3_4_1968" | "ansi_x3.4_1986"
            | "cp367" | "csascii" | "ibm367" | "iso646_us" | "iso_646.irv_1991" | "iso_ir_6" => {
                Some(Self::Ascii)
            }
            _ => None,
        }
    }

    /// The text of those bytes, or `None` when they are broken.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 => Some(latin1(bytes)),
            Self::Ascii => {
                if bytes.is_ascii() {
                    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
                } else {
                    None
                }
            }
        }
    }

    /// The text of those bytes, with U+FFFD for what is broken.
    #[must_use]
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Latin1 => latin1(bytes),
            Self::Ascii => self.decode(bytes).unwrap_or_else(|| {
                bytes.iter().map(|&b| if b.is_ascii() { char::from(b) } else { '\u{fffd}' }).collect()
            }),
        }
    }

    /// The bytes of that text, or `None` when it has characters that this charset lacks.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Utf8 => Some(Cow::Borrowed(text.as_bytes())),
            _ if text.is_ascii() => Some(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 => {
                text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            Self::Ascii => None,
        }
    }
}

/// Each byte as the code point of its number.
pub(crate) fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pythons() {
        for (name, charset) in [
            ("utf-8", Some(Charset::Utf8)),
            ("UTF8", Some(Charset::Utf8)),
            ("Utf_8", Some(Charset::Utf8)),
            ("latin-1", Some(Charset::Latin1)),
            ("ISO-8859-1", Some(Charset::Latin1)),
            ("us-ascii", Some(Charset::Ascii)),
            ("", None),
            ("bogus", None),
        ] {
            assert_eq!(Charset::lookup(name), charset, "{name}");
        }
    }

    #[test]
    fn latin1_is_no_windows_1252() {
        assert_eq!(Charset::Latin1.decode(b"\x80\xe9").as_deref(), Some("\u{80}\u{e9}"));
        assert_eq!(Charset::Latin1.encode("\u{80}é").as_deref(), Some(&b"\x80\xe9"[..]));
        assert_eq!(Charset::Latin1.encode("€"), None);
        assert_eq!(Charset::Ascii.decode_lossy(b"a\xe9"), "a\u{fffd}");
        assert_eq!(Charset::Ascii.encode("é"), None);
    }
}
