//! Python's `repr()` of a value: for people, on one line, with nothing in it that a terminal would obey.

use std::fmt::Write;

use crate::serialize::exotic::complex;
use crate::serialize::float;
use crate::serialize::value::{DateTime, Value};

/// What Python's `repr()` writes.
///
/// ```
/// use nuages::serialize::repr::repr;
/// use nuages::serialize::value::Value;
///
/// let value = Value::Tuple(vec![Value::from("Zoë\n"), Value::Bool(true), Value::None]);
/// assert_eq!(repr(&value), r"('Zoë\n', True, None)");
/// ```
#[must_use]
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) -> std::fmt::Result {
    match value {
        Value::None => out.write_str("None"),
        Value::Bool(truth) => out.write_str(if *truth { "True" } else { "False" }),
        Value::Int(number) => write!(out, "{number}"),
        Value::BigInt(number) => write!(out, "{number}"),
        Value::Float(number) => out.write_str(&float::repr(*number)),
        Value::Str(text) => write_text(text.chars().map(u32::from), out),
        Value::Surrogates(points) => write_text(points.iter().copied(), out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::ByteArray(bytes) => {
            out.write_str("bytearray(")?;
            write_bytes(bytes, out)?;
            out.write_char(')')
        }
        Value::List(items) => write_items("[", items, "]", out),
        Value::Tuple(items) if items.len() == 1 => write_items("(", items, ",)", out),
        Value::Tuple(items) => write_items("(", items, ")", out),
        Value::Set(items) if items.is_empty() => out.write_str("set()"),
        Value::Set(items) => write_items("{", items, "}", out),
        Value::FrozenSet(items) if items.is_empty() => out.write_str("frozenset()"),
        Value::FrozenSet(items) => write_items("frozenset({", items, "})", out),
        Value::Dict(dict) => {
            out.write_char('{')?;
            for (index, (key, value)) in dict.iter().enumerate() {
                out.write_str(if index == 0 { "" } else { ", " })?;
                write_value(key.value(), out)?;
                out.write_str(": ")?;
                write_value(value, out)?;
            }
            out.write_char('}')
        }
        Value::DateTime(moment) => write_moment(*moment, out),
        Value::Date(date) => {
            write!(out, "datetime.date({}, {}, {})", date.year(), u8::from(date.month()), date.day())
        }
        Value::Time(time) => {
            out.write_str("datetime.time(")?;
            write_clock(*time, out)?;
            out.write_char(')')
        }
        Value::TimeDelta(span) => {
            let parts = [
                ("days", i64::from(span.days())),
                ("seconds", i64::from(span.seconds())),
                ("microseconds", i64::from(span.microseconds())),
            ];
            let parts: Vec<String> = parts
                .into_iter()
                .filter(|(_, count)| *count != 0)
                .map(|(name, count)| format!("{name}={count}"))
                .collect();
            let parts = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
            write!(out, "datetime.timedelta({parts})")
        }
        Value::Decimal(text) => write!(out, "Decimal('{}')", text.escape_default()),
        Value::Uuid(uuid) => write!(out, "UUID('{uuid}')"),
        Value::Complex(re, im) => out.write_str(&complex(*re, *im)),
    }
}

fn write_items(open: &str, items: &[Value], close: &str, out: &mut String) -> std::fmt::Result {
    out.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        out.write_str(if index == 0 { "" } else { ", " })?;
        write_value(item, out)?;
    }
    out.write_str(close)
}

/// Single quotes, unless only they are in the text.
fn quote_for(points: impl Iterator<Item = u32>) -> char {
    let (mut single, mut double) = (false, false);
    for point in points {
        single |= point == u32::from('\'');
        double |= point == u32::from('"');
    }
    if single && !double { '"' } else { '\'' }
}

fn write_text(points: impl Iterator<Item = u32> + Clone, out: &mut String) -> std::fmt::Result {
    let quote = quote_for(points.clone());
    out.write_char(quote)?;
    for point in points {
        match char::from_u32(point) {
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some('\t') => out.write_str("\\t")?,
            Some('\\') => out.write_str("\\\\")?,
            Some(c) if c == quote => write!(out, "\\{c}")?,
            Some(c) if is_printable(c) => out.write_char(c)?,
            _ if point <= 0xFF => write!(out, "\\x{point:02x}")?,
            _ if point <= 0xFFFF => write!(out, "\\u{point:04x}")?,
            _ => write!(out, "\\U{point:08x}")?,
        }
    }
    out.write_char(quote)
}

/// Python's `str.isprintable`, as far as Rust knows the characters: Rust escapes the same categories.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Not the first character: there Rust escapes combining marks, too.
    let after_another: String = ['a', c].into_iter().collect();
    after_another.escape_debug().nth(1) == Some(c)
}

fn write_bytes(bytes: &[u8], out: &mut String) -> std::fmt::Result {
    let quote = quote_for(bytes.iter().map(|&byte| u32::from(byte)));
    write!(out, "b{quote}")?;
    for &byte in bytes {
        match byte {
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            b'\\' => out.write_str("\\\\")?,
            _ if char::from(byte) == quote => write!(out, "\\{quote}")?,
            b' '..=b'~' => out.write_char(char::from(byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char(quote)
}

fn write_moment(moment: DateTime, out: &mut String) -> std::fmt::Result {
    let local = moment.local();
    write!(out, "datetime.datetime({}, {}, {}, ", local.year(), u8::from(local.month()), local.day())?;
    write_clock(local.time(), out)?;
    if let DateTime::Aware(aware) = moment {
        match aware.offset().whole_seconds() {
            0 => out.write_str(", tzinfo=datetime.timezone.utc")?,
            offset => {
                let (days, seconds) = (offset.div_euclid(86_400), offset.rem_euclid(86_400));
                let days = if days == 0 { String::new() } else { format!("days={days}, ") };
                write!(out, ", tzinfo=datetime.timezone(datetime.timedelta({days}seconds={seconds}))")?;
            }
        }
    }
    out.write_char(')')
}

/// Seconds and microseconds only where there are any.
fn write_clock(time: time::Time, out: &mut String) -> std::fmt::Result {
    write!(out, "{}, {}", time.hour(), time.minute())?;
    let (second, micros) = (time.second(), time.microsecond());
    if second != 0 || micros != 0 {
        write!(out, ", {second}")?;
    }
    if micros != 0 { write!(out, ", {micros}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime, time};

    use super::*;
    use crate::serialize::timedelta::TimeDelta;
    use crate::serialize::value::Dict;

    /// The texts are what CPython 3.11 prints.
    #[test]
    fn values_look_as_in_python() {
        let inner = Dict::from_iter([("k", Value::List(vec![])), ("é", Value::Set(vec![]))]);
        for (value, text) in [
            (Value::None, "None"),
            (Value::Bool(false), "False"),
            (Value::Int(-7), "-7"),
            (Value::Float(1e16), "1e+16"),
            (Value::from("it's"), r#""it's""#),
            (Value::from("'\"\\"), r#"'\'"\\'"#),
            (
                Value::from("\x1b[31m\x7f\u{9b}\u{a0}\u{202e}\u{e0001}"),
                r"'\x1b[31m\x7f\x9b\xa0\u202e\U000e0001'",
            ),
            (Value::from("e\u{301}\u{1F600}"), "'e\u{301}\u{1F600}'"),
            (Value::Surrogates(Box::new([0x61, 0xD800])), r"'a\ud800'"),
            (Value::Bytes(b"a'\n\xff".to_vec()), r#"b"a'\n\xff""#),
            (Value::ByteArray(b"x".to_vec()), "bytearray(b'x')"),
            (Value::Tuple(vec![Value::Int(1)]), "(1,)"),
            (Value::Tuple(vec![]), "()"),
            (Value::FrozenSet(vec![Value::Int(1)]), "frozenset({1})"),
            (Value::Dict(inner), "{'k': [], 'é': set()}"),
            (
                Value::DateTime(DateTime::Aware(datetime!(2026-01-02 03:04 UTC))),
                "datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)",
            ),
            (
                Value::DateTime(DateTime::Aware(datetime!(2026-01-02 03:04:05 -1:00))),
                "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=82800)))",
            ),
            (
                Value::DateTime(DateTime::Naive(datetime!(2026-01-02 03:04:00.000006))),
                "datetime.datetime(2026, 1, 2, 3, 4, 0, 6)",
            ),
            (Value::Date(date!(2026 - 01 - 02)), "datetime.date(2026, 1, 2)"),
            (Value::Time(time!(0:00)), "datetime.time(0, 0)"),
            (Value::TimeDelta(TimeDelta::ZERO), "datetime.timedelta(0)"),
            (
                Value::TimeDelta(TimeDelta::from_microseconds(-1).unwrap()),
                "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)",
            ),
            (Value::Decimal("1.10".to_owned()), "Decimal('1.10')"),
            (Value::Uuid(uuid::Uuid::nil()), "UUID('00000000-0000-0000-0000-000000000000')"),
            (Value::Complex(0.0, 1.0), "1j"),
        ] {
            assert_eq!(repr(&value), text);
        }
    }
}
