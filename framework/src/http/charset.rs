//! The character encodings that a request may be written in.

mod east_asian;

use std::borrow::Cow;

use encoding_rs::Encoding;

use self::east_asian::{EastAsian, GB2312};
use crate::conf::core;

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
    /// `utf-16`: with a mark of the byte order, which is little-endian when there is none.
    Utf16,
    /// `gb2312`: what GBK has in bytes above 0xA0.
    Gb2312,
    /// Another, by the tables that browsers use.
    Other(&'static Encoding),
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
            "utf_16" | "utf16" | "u16" => Some(Self::Utf16),
            "gb2312" | "gb2312_80" | "gb2312_1980" | "chinese" | "csiso58gb231280" | "euc_cn" | "euccn"
            | "eucgb2312_cn" | "iso_ir_58" => Some(Self::Gb2312),
            name => Some(Self::Other(other(name)?)),
        }
    }

    /// The name that a `Content-Type` says.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "iso-8859-1",
            Self::Ascii => "us-ascii",
            Self::Utf16 => "utf-16",
            Self::Gb2312 => "gb2312",
            Self::Other(encoding) => encoding.name(),
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
            Self::Utf16 => {
                let (encoding, bytes) = byte_order(bytes);
                encoding.decode_without_bom_handling_and_without_replacement(bytes)
            }
            Self::Gb2312 => GB2312.decode(bytes, None).map(Cow::Owned),
            Self::Other(encoding) => match EastAsian::of(encoding) {
                Some(rules) => rules.decode(bytes, None).map(Cow::Owned),
                None => encoding
                    .decode_without_bom_handling_and_without_replacement(bytes)
                    .filter(|text| !text.chars().any(|c| is_unassigned(encoding, c))),
            },
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
            Self::Utf16 => {
                let (encoding, bytes) = byte_order(bytes);
                encoding.decode_without_bom_handling(bytes).0
            }
            Self::Gb2312 => GB2312.decode(bytes, Some('\u{fffd}')).map(Cow::Owned).unwrap_or_default(),
            Self::Other(encoding) => match EastAsian::of(encoding) {
                Some(rules) => rules.decode(bytes, Some('\u{fffd}')).map(Cow::Owned).unwrap_or_default(),
                None => {
                    let text = encoding.decode_without_bom_handling(bytes).0;
                    if text.chars().any(|c| is_unassigned(encoding, c)) {
                        text.chars()
                            .map(|c| if is_unassigned(encoding, c) { '\u{fffd}' } else { c })
                            .collect()
                    } else {
                        text
                    }
                }
            },
        }
    }

    /// The bytes of that text, or `None` when it has characters that this charset lacks.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Utf8 => Some(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 | Self::Ascii if text.is_ascii() => Some(Cow::Borrowed(text.as_bytes())),
            Self::Latin1 => {
                text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            Self::Ascii => None,
            Self::Utf16 => {
                let mark_and_text = std::iter::once(0xfeff).chain(text.encode_utf16());
                Some(Cow::Owned(mark_and_text.flat_map(u16::to_le_bytes).collect()))
            }
            Self::Gb2312 => GB2312.encode(text).map(Cow::Owned),
            // No page is written in these, and encoding_rs does not.
            Self::Other(encoding) if encoding.output_encoding() != encoding => None,
            Self::Other(encoding) => match EastAsian::of(encoding) {
                Some(rules) => rules.encode(text).map(Cow::Owned),
                None => {
                    let (bytes, _, lacking) = encoding.encode(text);
                    (!lacking && !text.chars().any(|c| is_unassigned(encoding, c))).then_some(bytes)
                }
            },
        }
    }
}

/// A text that a charset cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text has a character that {charset} lacks")]
pub struct EncodingError {
    /// The charset.
    pub charset: String,
}

/// The byte order that UTF-16 begins with, and the rest.
fn byte_order(bytes: &[u8]) -> (&'static Encoding, &[u8]) {
    match bytes {
        [0xfe, 0xff, rest @ ..] => (encoding_rs::UTF_16BE, rest),
        [0xff, 0xfe, rest @ ..] => (encoding_rs::UTF_16LE, rest),
        rest => (encoding_rs::UTF_16LE, rest),
    }
}

/// Whether the character stands for a byte that means nothing in that code page: browsers read such a byte as a control.
fn is_unassigned(encoding: &'static Encoding, character: char) -> bool {
    match character {
        '\u{80}'..='\u{9f}' => encoding.name().starts_with("windows-"),
        '\u{5ba}' => encoding == encoding_rs::WINDOWS_1255,
        _ => false,
    }
}

impl From<core::Charset> for Charset {
    fn from(setting: core::Charset) -> Self {
        match setting {
            core::Charset::Utf8 => Self::Utf8,
            core::Charset::Latin1 => Self::Latin1,
        }
    }
}

/// Python's names of the encodings that browsers know too.
fn other(name: &str) -> Option<&'static Encoding> {
    use encoding_rs::{
        BIG5, EUC_JP, EUC_KR, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4,
        ISO_8859_5, ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15,
        ISO_8859_16, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_874, WINDOWS_1250,
        WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257,
        WINDOWS_1258,
    };
    Some(match name {
        "big5" | "big5_tw" | "csbig5" => BIG5,
        "euc_jp" | "eucjp" | "ujis" | "u_jis" => EUC_JP,
        "euc_kr" | "euckr" | "korean" | "ks_c_5601_1987" => EUC_KR,
        "gb18030" | "gb18030_2000" => GB18030,
        "gbk" | "936" | "cp936" | "ms936" => GBK,
        "cp866" | "866" | "ibm866" => IBM866,
        "iso2022_jp" | "iso_2022_jp" | "csiso2022jp" | "iso2022jp" => ISO_2022_JP,
        "iso8859_2" | "iso_8859_2" | "latin2" | "l2" => ISO_8859_2,
        "iso8859_3" | "iso_8859_3" | "latin3" | "l3" => ISO_8859_3,
        "iso8859_4" | "iso_8859_4" | "latin4" | "l4" => ISO_8859_4,
        "iso8859_5" | "iso_8859_5" | "cyrillic" => ISO_8859_5,
        "iso8859_6" | "iso_8859_6" | "arabic" => ISO_8859_6,
        "iso8859_7" | "iso_8859_7" | "greek" | "greek8" => ISO_8859_7,
        "iso8859_8" | "iso_8859_8" | "hebrew" => ISO_8859_8,
        "iso8859_10" | "iso_8859_10" | "latin6" | "l6" => ISO_8859_10,
        "iso8859_13" | "iso_8859_13" | "latin7" | "l7" => ISO_8859_13,
        "iso8859_14" | "iso_8859_14" | "latin8" | "l8" => ISO_8859_14,
        "iso8859_15" | "iso_8859_15" | "latin9" | "l9" => ISO_8859_15,
        "iso8859_16" | "iso_8859_16" | "latin10" | "l10" => ISO_8859_16,
        "koi8_r" | "cskoi8r" => KOI8_R,
        "koi8_u" => KOI8_U,
        "mac_roman" | "macintosh" | "macroman" => MACINTOSH,
        "shift_jis" | "shiftjis" | "sjis" | "s_jis" | "csshiftjis" | "cp932" | "932" | "ms932"
        | "mskanji" => SHIFT_JIS,
        "utf_16_le" | "utf_16le" => UTF_16LE,
        "utf_16_be" | "utf_16be" => UTF_16BE,
        "cp874" => WINDOWS_874,
        "cp1250" | "1250" | "windows_1250" => WINDOWS_1250,
        "cp1251" | "1251" | "windows_1251" => WINDOWS_1251,
        "cp1252" | "1252" | "windows_1252" => WINDOWS_1252,
        "cp1253" | "1253" | "windows_1253" => WINDOWS_1253,
        "cp1254" | "1254" | "windows_1254" => WINDOWS_1254,
        "cp1255" | "1255" | "windows_1255" => WINDOWS_1255,
        "cp1256" | "1256" | "windows_1256" => WINDOWS_1256,
        "cp1257" | "1257" | "windows_1257" => WINDOWS_1257,
        "cp1258" | "1258" | "windows_1258" => WINDOWS_1258,
        _ => return None,
    })
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

    /// Python 3.11: `bytes.decode(name, "replace")`.
    #[test]
    fn broken_pairs_are_replaced_as_python_replaces_them() {
        for (name, bytes, text) in [
            ("gb2312", &b"\xc30"[..], "\u{fffd}0"),
            ("gb2312", b"\x82A", "\u{fffd}A"),
            ("gbk", b"\xc4\xe3\xba\xc3", "你好"),
            ("gbk", b"a\xff", "a\u{fffd}"),
            ("shift_jis", b"\xf0\x95", "\u{fffd}\u{fffd}"),
            ("shift_jis", b"\x83\x65\xb1", "テｱ"),
            ("shift_jis", b"F\x80c\xa0\xfd", "F\u{fffd}c\u{fffd}\u{fffd}"),
            ("shift_jis", b"\x81\x60\x87\x40\xfa\x40", "〜\u{fffd}@\u{fffd}@"),
            ("euc-jp", b"\xf0\x9f", "\u{fffd}\u{fffd}"),
            ("euc-jp", b"\xe2\x82", "\u{fffd}\u{fffd}"),
            ("euc-jp", b"\xa4\xa2\x8e\xb1\x8f\xb0\xa1\x8f\xa2\xb7\xa1\xc1", "あｱ丂~〜"),
            ("euc-jp", b"\x8fAb\x8fA", "\u{fffd}Ab\u{fffd}"),
            ("euc-jp", b"\xad\xa1", "\u{fffd}\u{fffd}"),
            ("gb2312", b"\x80\xa1\xa4\xa6\xd9", "\u{fffd}・\u{fffd}\u{fffd}"),
            ("gbk", b"\x80\xa2\xa1", "\u{fffd}ⅰ"),
            ("euc-kr", b"\xb0\xa1\x81A", "가\u{fffd}A"),
            ("windows-1252", b"\x80\x81", "€\u{fffd}"),
            ("cp1251", b"\x97\x98\xe9", "—\u{fffd}й"),
            ("iso-8859-15", b"\x80\xa4", "\u{80}€"),
            ("utf-16", b"\xfe\xff\x00a", "a"),
            ("utf-16", b"a\x00", "a"),
        ] {
            assert_eq!(Charset::lookup(name).unwrap().decode_lossy(bytes), text, "{name} {bytes:?}");
        }
        for (name, text, bytes) in [
            ("shift_jis", "〜テ", Some(&b"\x81\x60\x83\x65"[..])),
            ("shift_jis", "～", None),
            ("euc-jp", "−", Some(b"\xa1\xdd")),
            ("gb2312", "・", Some(b"\xa1\xa4")),
            ("windows-1252", "\u{81}", None),
        ] {
            assert_eq!(Charset::lookup(name).unwrap().encode(text).as_deref(), bytes, "{name} {text}");
        }
        assert_eq!(Charset::Utf16.encode("é").as_deref(), Some(&b"\xff\xfe\xe9\x00"[..]));
    }
}
