//! JSON in the manner of Python's `json.dumps`.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// `", "` between things, `": "` after a name, everything beyond ASCII as `\uXXXX`.
///
/// Floats are written as Python writes them; NaN and the infinities become `null`, which is JSON.
///
/// # Errors
/// What cannot be JSON: a map whose keys are no text, or what a `Serialize` says itself.
pub(crate) fn dumps<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut out, Python))?;
    Ok(out)
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~')) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // The shortest digits that read back as the same float are Python's too; only the form of the exponent differs:
        // Python has one from 1e16 up and below 1e-4, with a sign and two digits.
        let magnitude = value.abs();
        if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
            return write!(writer, "{value:?}");
        }
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(writer, "{digits}e{sign}{exponent:0>2}")
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        // By way of its own shortest digits, or 0.1 would become 0.10000000149011612.
        self.write_f64(writer, value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_pythons() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
            (-1.25e-7, "-1.25e-07"),
        ] {
            assert_eq!(dumps(&value).unwrap(), text.as_bytes(), "{value}");
        }
        assert_eq!(dumps(&0.1f32).unwrap(), b"0.1");
    }

    #[test]
    fn everything_beyond_ascii_is_escaped() {
        for (value, text) in [
            ("a", r#""a""#),
            ("é", r#""\u00e9""#),
            ("a\u{7f}b", r#""a\u007fb""#),
            ("\u{1f3b8}x", r#""\ud83c\udfb8x""#),
            ("\n\u{1}\"\\/", r#""\n\u0001\"\\/""#),
        ] {
            assert_eq!(String::from_utf8(dumps(value).unwrap()).unwrap(), text);
        }
    }
}
