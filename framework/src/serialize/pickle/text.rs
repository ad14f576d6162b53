//! The forms in which pickles hold text: UTF-8 with lone surrogates, and the escapes of protocol 0.

use std::borrow::Cow;

/// Text as code points, which may be lone surrogates, or as it stands in the pickle.
pub(super) enum Text<'a> {
    Plain(Cow<'a, str>),
    Points(Box<[u32]>),
}

impl Text<'_> {
    fn from_points(points: Vec<u32>) -> Self {
        match points.iter().map(|&point| char::from_u32(point)).collect::<Option<String>>() {
            Some(text) => Self::Plain(text.into()),
            None => Self::Points(points.into()),
        }
    }
}

/// UTF-8 that lone surrogates pass through, three bytes each: Python's `surrogatepass`.
pub(super) fn utf8(bytes: &[u8]) -> Option<Text<'_>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Text::Plain(text.into()));
    }
    let mut points = Vec::new();
    for chunk in bytes.utf8_chunks() {
        points.extend(chunk.valid().chars().map(u32::from));
        // The standard library ends an invalid run after the first byte of a surrogate: put the three together again.
        points.extend(chunk.invalid().iter().map(|&byte| u32::from(byte) | INVALID));
    }
    join_surrogates(&points).map(Text::from_points)
}

/// Marks a byte that is no UTF-8 among code points.
const INVALID: u32 = 1 << 31;

fn join_surrogates(points: &[u32]) -> Option<Vec<u32>> {
    let mut out = Vec::with_capacity(points.len());
    let mut rest = points;
    loop {
        rest = match rest {
            [] => return Some(out),
            &[first, second, third, ref rest @ ..]
                if first == INVALID | 0xED
                    && (INVALID | 0xA0..=INVALID | 0xBF).contains(&second)
                    && (INVALID | 0x80..=INVALID | 0xBF).contains(&third) =>
            {
                out.push(0xD000 | (second & 0x3F) << 6 | third & 0x3F);
                rest
            }
            &[point, ref rest @ ..] if point & INVALID == 0 => {
                out.push(point);
                rest
            }
            _ => return None,
        };
    }
}

/// Latin-1 with `\uxxxx` and `\Uxxxxxxxx`: the codec `raw-unicode-escape`.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Option<Text<'_>> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return std::str::from_utf8(line).ok().map(|text| Text::Plain(text.into()));
    }
    let mut points = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [byte, tail @ ..] = rest {
        let digits = match (byte, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // A backslash before anything else stands for itself, and so does what follows it.
            (b'\\', Some(&next)) => {
                points.extend([u32::from(b'\\'), next.into()]);
                rest = &tail[1..];
                continue;
            }
            _ => {
                points.push((*byte).into());
                rest = tail;
                continue;
            }
        };
        let (point, after) = hex(&tail[1..], digits)?;
        if point > char::MAX.into() {
            return None;
        }
        points.push(point);
        rest = after;
    }
    Some(Text::from_points(points))
}

/// What is between the quotes of a byte string's `repr()`, with its escapes resolved.
pub(super) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii_end();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return None,
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [byte, tail @ ..] = rest {
        if *byte != b'\\' {
            out.push(*byte);
            rest = tail;
            continue;
        }
        let [escape, tail @ ..] = tail else { return None };
        rest = tail;
        let byte = match escape {
            b'\\' | b'\'' | b'"' => *escape,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'v' => 0x0B,
            b'\n' => continue,
            b'x' => {
                let (byte, after) = hex(rest, 2)?;
                rest = after;
                byte as u8
            }
            b'0'..=b'7' => {
                let mut byte = escape - b'0';
                for _ in 0..2 {
                    let [digit @ b'0'..=b'7', tail @ ..] = rest else { break };
                    byte = byte.wrapping_mul(8).wrapping_add(digit - b'0');
                    rest = tail;
                }
                byte
            }
            other => {
                out.push(b'\\');
                *other
            }
        };
        out.push(byte);
    }
    Some(out)
}

fn hex(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number = number
        .iter()
        .try_fold(0_u32, |number, digit| char::from(*digit).to_digit(16).map(|digit| number << 4 | digit))?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: Option<Text<'_>>) -> Option<Vec<u32>> {
        Some(match text? {
            Text::Plain(text) => text.chars().map(u32::from).collect(),
            Text::Points(points) => points.into(),
        })
    }

    #[test]
    fn surrogates_pass_through_utf8() {
        let check = |bytes: &[u8], expected: Option<&[u32]>| {
            assert_eq!(points(utf8(bytes)).as_deref(), expected, "{bytes:?}");
        };
        check("aé😀".as_bytes(), Some(&[0x61, 0xE9, 0x1F600]));
        check(b"a\xED\xA0\x80\xC3\xA9", Some(&[0x61, 0xD800, 0xE9]));
        check(b"\xED\xA0\xBD\xED\xB8\x80", Some(&[0xD83D, 0xDE00]));
        check(b"\xED\xBF\xBF", Some(&[0xDFFF]));
        check(b"\xED\xA0", None);
        check(b"\xED\xA0a\x80", None);
        check(b"\xFF", None);
        check(b"\xC0\x80", None);
        check(b"\xF4\x90\x80\x80", None);
    }

    #[test]
    fn raw_unicode_escapes() {
        let check = |bytes: &[u8], expected: Option<&[u32]>| {
            assert_eq!(points(raw_unicode_escape(bytes)).as_deref(), expected, "{bytes:?}");
        };
        check(b"ab", Some(&[0x61, 0x62]));
        check(b"\xE9", Some(&[0xE9]));
        check(br"\u005c\u000a\U0001f600", Some(&[0x5C, 0xA, 0x1F600]));
        check(br"\ud800", Some(&[0xD800]));
        check(br"\n\\u0041", Some(&[0x5C, 0x6E, 0x5C, 0x5C, 0x75, 0x30, 0x30, 0x34, 0x31]));
        check(br"\", Some(&[0x5C]));
        check(br"\u12", None);
        check(br"\U00110000", None);
        check(br"\u+123", None);
    }

    #[test]
    fn quoted_byte_strings() {
        let check =
            |line: &[u8], expected: Option<&[u8]>| assert_eq!(quoted(line).as_deref(), expected, "{line:?}");
        check(b"'a'", Some(b"a"));
        check(br#""it's""#, Some(b"it's"));
        check(br"'\\\'\n\x41\101\0\q'", Some(b"\\'\nAA\0\\q"));
        check(b"''", Some(b""));
        check(b"'", None);
        check(b"'a\"", None);
        check(b"a", None);
        check(br"'\x4'", None);
        check(br"'\'", None);
    }
}
