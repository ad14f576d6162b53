//! Python's way of writing a value, where Django shows it: in an address (`str`), and in the text of an error
//! (`repr`, `re.escape`).

use std::fmt::Write as _;

use crate::serialize::value::Value;

/// What `str()` writes; `None` for text that no address can hold (lone surrogates) and for containers, whose text is
/// of use to nobody.
pub(crate) fn python_str(value: &Value) -> Option<String> {
    Some(match value {
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(number) => number.to_string(),
        Value::Float(number) => python_float(*number),
        Value::Str(text) | Value::Decimal(text) => text.clone(),
        Value::Uuid(id) => id.hyphenated().to_string(),
        Value::Date(date) => {
            format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
        }
        _ => return None,
    })
}

/// What `repr()` writes, near enough for a message.
pub(crate) fn python_repr(value: &Value) -> String {
    match value {
        Value::Str(text) => python_repr_text(text),
        Value::Uuid(id) => format!("UUID('{}')", id.hyphenated()),
        Value::Decimal(text) => format!("Decimal('{text}')"),
        other => python_str(other).unwrap_or_else(|| format!("{other:?}")),
    }
}

/// `repr()` of text: single quotes, unless only they are in it.
pub(crate) fn python_repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// What `re.escape` of Python 3.7 and later writes.
pub(crate) fn python_re_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '#' | '$' | '&' | '(' | ')' | '*' | '+')
            || matches!(c, '-' | '.' | '?' | '[' | '\\' | ']' | '^' | '{' | '|' | '}' | '~')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `repr()` of a float: the shortest digits that read back, with an exponent outside 1e-4 .. 1e16.
fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let check = |number: f64, text: &str| assert_eq!(python_float(number), text);
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.5, "1.5");
        check(1e16, "1e+16");
        check(123_456_789_012_345.0, "123456789012345.0");
        check(1.5e-7, "1.5e-07");
        check(1e-4, "0.0001");
        check(1e300, "1e+300");
        check(f64::NEG_INFINITY, "-inf");
    }

    #[test]
    fn text_is_quoted_as_python_quotes_it() {
        let check = |text: &str, repr: &str| assert_eq!(python_repr_text(text), repr);
        check("a", "'a'");
        check("it's", "\"it's\"");
        check("it's \"so\"", "'it\\'s \"so\"'");
        check("a\n\u{1}\\", "'a\\n\\x01\\\\'");
    }

    #[test]
    fn escaping_is_python_3_7s() {
        assert_eq!(python_re_escape("a+b(c)[d].e/%41 é-_"), r"a\+b\(c\)\[d\]\.e/%41\ é\-_");
    }
}
