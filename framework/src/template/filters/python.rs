//! What Python's built-in functions make of a template's value.

use std::fmt;

use tera::{Number, Value};

use crate::serialize::ser::to_value;
use crate::serialize::{float, repr};

/// Why something is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoNumber {
    /// A text, or a float that is none (`ValueError`).
    Value,
    /// Something that could not be one (`TypeError`).
    Type,
}

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "this text is no number",
            Self::Type => "a number or text is needed",
        })
    }
}

/// `str(value)`.
pub(super) fn text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    repr_of(value)
}

/// `repr(value)`.
pub(super) fn repr_of(value: &Value) -> String {
    match value.as_number() {
        Some(Number::Integer(number)) => number.to_string(),
        Some(Number::Float(number)) => float::repr(number),
        // What has no counterpart (a map with keys of its own) is shown as tera shows it.
        _ => to_value(value).map_or_else(|_| value.to_string(), |value| repr::repr(&value)),
    }
}

/// `bool(value)`.
pub(super) fn truth(value: &Value) -> bool {
    if let Some(truth) = value.as_bool() {
        return truth;
    }
    match value.as_number() {
        Some(Number::Integer(number)) => number != 0,
        Some(Number::Float(number)) => number != 0.0,
        _ => !(value.is_none() || value.is_undefined()) && value.len() != Some(0),
    }
}

/// `int(value)`, as far as 128 bits go.
pub(super) fn int(value: &Value) -> Result<i128, NoNumber> {
    if let Some(truth) = value.as_bool() {
        return Ok(i128::from(truth));
    }
    match value.as_number() {
        Some(Number::Integer(number)) => return Ok(number),
        #[expect(clippy::cast_possible_truncation, reason = "int() truncates")]
        Some(Number::Float(number)) if number.is_finite() => return Ok(number.trunc() as i128),
        Some(Number::Float(_)) => return Err(NoNumber::Value),
        _ => {}
    }
    let text = value.as_str().ok_or(NoNumber::Type)?;
    digits(text.trim_matches(is_space)).and_then(|text| text.parse().ok()).ok_or(NoNumber::Value)
}

/// `float(value)`.
pub(super) fn number(value: &Value) -> Result<f64, NoNumber> {
    if let Some(truth) = value.as_bool() {
        return Ok(f64::from(u8::from(truth)));
    }
    match value.as_number() {
        #[expect(clippy::cast_precision_loss, reason = "float() rounds")]
        Some(Number::Integer(number)) => return Ok(number as f64),
        Some(Number::Float(number)) => return Ok(number),
        _ => {}
    }
    let text = value.as_str().ok_or(NoNumber::Type)?;
    digits(text.trim_matches(is_space)).and_then(|text| text.parse().ok()).ok_or(NoNumber::Value)
}

/// The text without the underscores that Python allows between two digits; `None` when one is elsewhere.
pub(super) fn digits(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let fits = bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| *byte != b'_' || (is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))));
    fits.then(|| text.replace('_', ""))
}

/// `character.isspace()`.
pub(super) const fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// `text.split()`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}
