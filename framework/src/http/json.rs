//! JSON in the manner of Python's `json.dumps`.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::error::Error;
use crate::serialize::ser::to_value;
use crate::serialize::value::{Key, Value};

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

/// How JSON is written, where it is not for programs alone (the arguments of Python's `json.dumps`).
///
/// ```
/// use nuages::http::json::JsonStyle;
/// use nuages::http::response::HttpResponse;
///
/// let style = JsonStyle::default().indent(2).sort_keys(true).ensure_ascii(false);
/// let response = HttpResponse::json_with(&serde_json::json!({"b": "é", "a": []}), &style)?;
/// assert_eq!(response.content().unwrap(), "{\n  \"a\": [],\n  \"b\": \"é\"\n}");
/// # Ok::<(), nuages::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct JsonStyle {
    indent: Option<usize>,
    sort_keys: bool,
    ensure_ascii: bool,
    separators: Option<(String, String)>,
}

impl Default for JsonStyle {
    fn default() -> Self {
        Self { indent: None, sort_keys: false, ensure_ascii: true, separators: None }
    }
}

impl JsonStyle {
    /// Each thing on a line of its own, so many spaces further in than what it is in.
    pub const fn indent(mut self, spaces: usize) -> Self {
        self.indent = Some(spaces);
        self
    }

    /// The names of each object in the order of their characters.
    pub const fn sort_keys(mut self, sorted: bool) -> Self {
        self.sort_keys = sorted;
        self
    }

    /// Whether everything beyond ASCII is escaped: it is, unless this says no.
    pub const fn ensure_ascii(mut self, escaped: bool) -> Self {
        self.ensure_ascii = escaped;
        self
    }

    /// What stands between things, and after a name: `", "` and `": "`, or `","` and `": "` with an indent.
    pub fn separators(mut self, between: impl Into<String>, after_name: impl Into<String>) -> Self {
        self.separators = Some((between.into(), after_name.into()));
        self
    }
}

/// The same in another style.
///
/// # Errors
/// As [`dumps`].
pub(crate) fn dumps_with<T: Serialize + ?Sized>(value: &T, style: &JsonStyle) -> Result<Vec<u8>, Error> {
    let (between, after_name) = match &style.separators {
        Some((between, after_name)) => (between.as_str(), after_name.as_str()),
        None if style.indent.is_some() => (",", ": "),
        None => (", ", ": "),
    };
    let mut out = Vec::with_capacity(128);
    let formatter = Styled { style, between, after_name, depth: 0, has_value: false };
    let mut serializer = Serializer::with_formatter(&mut out, formatter);
    if style.sort_keys {
        let mut value = to_value(value)?;
        sort(&mut value);
        value.serialize(&mut serializer)?;
    } else {
        value.serialize(&mut serializer)?;
    }
    Ok(out)
}

fn sort(value: &mut Value) {
    match value {
        Value::List(list) | Value::Tuple(list) => list.iter_mut().for_each(sort),
        Value::Dict(dict) => {
            let mut members: Vec<(Key, Value)> = std::mem::take(dict).into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.as_str().cmp(&b.as_str()));
            members.iter_mut().for_each(|(_, value)| sort(value));
            *dict = members.into_iter().collect();
        }
        _ => {}
    }
}

struct Styled<'a> {
    style: &'a JsonStyle,
    between: &'a str,
    after_name: &'a str,
    depth: usize,
    has_value: bool,
}

impl Styled<'_> {
    fn line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        match self.style.indent {
            None => Ok(()),
            Some(spaces) => write!(writer, "\n{:1$}", "", spaces * self.depth),
        }
    }

    fn begin<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    fn next<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(self.between.as_bytes())?;
        }
        self.line(writer)
    }

    fn end<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.line(writer)?;
        }
        self.has_value = true;
        writer.write_all(bracket)
    }
}

impl Formatter for Styled<'_> {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.after_name.as_bytes())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.style.ensure_ascii {
            Python.write_string_fragment(writer, fragment)
        } else {
            writer.write_all(fragment.as_bytes())
        }
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        Python.write_f64(writer, value)
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        Python.write_f32(writer, value)
    }
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
    fn integers_beyond_64_bits_are_integers() {
        let ten_to_25 = i128::pow(10, 25);
        for number in [ten_to_25, -ten_to_25, i128::from(u64::MAX), i128::MIN] {
            let list = Value::from([Value::from(number)]);
            let text = format!("[{number}]");
            assert_eq!(dumps(&list).unwrap(), text.as_bytes());
            assert_eq!(dumps_with(&list, &JsonStyle::default()).unwrap(), text.as_bytes());
        }
        assert_eq!(dumps(&Value::from(u128::MAX)).unwrap(), u128::MAX.to_string().as_bytes());
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
