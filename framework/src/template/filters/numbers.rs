//! Filters of numbers.

use tera::{Error, Number, TeraResult, Value};

use super::Call;
use super::python::{self, NoNumber};
use crate::serialize::float;

pub(super) fn add(call: &Call<'_>) -> TeraResult<Value> {
    let arg = call.arg()?;
    if let (Ok(one), Ok(other)) = (python::int(call.value), python::int(arg))
        && let Some(sum) = one.checked_add(other)
    {
        return Ok(sum.into());
    }
    if let (Some(one), Some(other)) = (call.value.as_str(), arg.as_str()) {
        let sum = format!("{one}{other}");
        return Ok(if call.value.is_safe() && arg.is_safe() { Value::safe_string(&sum) } else { sum.into() });
    }
    if let (Some(one), Some(other)) = (call.value.as_array(), arg.as_array()) {
        return Ok([one, other].concat().into());
    }
    match (call.value.as_number(), arg.as_number()) {
        (Some(one), Some(other)) => Ok((one.as_float() + other.as_float()).into()),
        _ => Ok("".into()),
    }
}

pub(super) fn divisibleby(call: &Call<'_>) -> TeraResult<Value> {
    let value = python::int(call.value).map_err(|fault| Error::message(fault.to_string()))?;
    match value.checked_rem(call.int_arg()?) {
        Some(rest) => Ok((rest == 0).into()),
        None => Err(Error::message("divisibleby: division by zero")),
    }
}

pub(super) fn get_digit(call: &Call<'_>) -> TeraResult<Value> {
    let (digit, value) = match (python::int(call.arg()?), python::int(call.value)) {
        (Err(NoNumber::Value), _) | (Ok(_), Err(NoNumber::Value)) => return Ok(call.value.clone()),
        (Err(fault), _) | (_, Err(fault)) => return Err(Error::message(fault.to_string())),
        (Ok(digit), Ok(value)) => (digit, value),
    };
    let Some(back) = usize::try_from(digit).ok().filter(|digit| *digit > 0) else {
        return Ok(if digit < 1 { value.into() } else { 0.into() });
    };
    match value.to_string().bytes().rev().nth(back - 1) {
        None => Ok(0.into()),
        Some(b'-') => Err(Error::message("get_digit: the sign is no digit")),
        Some(byte) => Ok(i64::from(byte - b'0').into()),
    }
}

pub(super) fn pluralize(call: &Call<'_>) -> TeraResult<Value> {
    let suffixes = call.arg.map_or_else(|| "s".to_owned(), python::text);
    let suffixes = if suffixes.contains(',') { suffixes } else { format!(",{suffixes}") };
    let Some((singular, plural)) = suffixes.split_once(',').filter(|(_, rest)| !rest.contains(',')) else {
        return Ok("".into());
    };
    #[expect(clippy::float_cmp, reason = "one is one")]
    let is_one = match python::number(call.value) {
        Ok(number) => number == 1.0,
        Err(NoNumber::Value) => return Ok("".into()),
        Err(NoNumber::Type) => match call.value.len() {
            Some(length) => length == 1,
            None => return Ok("".into()),
        },
    };
    Ok(if is_one { singular } else { plural }.into())
}

pub(super) fn filesizeformat(call: &Call<'_>) -> TeraResult<Value> {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    let Ok(bytes) = python::int(call.value) else { return Ok("0\u{a0}bytes".into()) };
    let sign = if bytes < 0 { "-" } else { "" };
    let size = bytes.unsigned_abs();
    if size < 1024 {
        let unit = if size == 1 { "byte" } else { "bytes" };
        return Ok(format!("{sign}{size}\u{a0}{unit}").into());
    }
    let exponent = (1..5).find(|exponent| size < 1 << (10 * (exponent + 1))).unwrap_or(5);
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let shown = size as f64 / (1_u128 << (10 * exponent)) as f64;
    // Python's round() looks at the exact value, as Rust's formatting does.
    Ok(format!("{sign}{shown:.1}\u{a0}{}", UNITS[exponent - 1]).into())
}

/// A decimal number, digit by digit (Python's `Decimal`).
struct Decimal {
    negative: bool,
    /// Values from 0 to 9, without zeros at the front, but one digit at least.
    digits: Vec<u8>,
    exponent: i64,
}

enum Parsed {
    Number(Decimal),
    /// `NaN` or an infinity.
    Special,
}

impl Decimal {
    /// Python's `Decimal(text)`.
    fn parse(text: &str) -> Option<Parsed> {
        let text = text.trim_matches(python::is_space).replace('_', "");
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let lower = body.to_ascii_lowercase();
        let payload = lower.strip_prefix("snan").or_else(|| lower.strip_prefix("nan"));
        let is_special = matches!(lower.as_str(), "inf" | "infinity")
            || payload.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        if is_special {
            return Some(Parsed::Special);
        }
        let (mantissa, exponent) = match lower.split_once('e') {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (lower.as_str(), 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let kept = all.trim_start_matches('0');
        let digits = if kept.is_empty() { vec![0] } else { kept.bytes().map(|byte| byte - b'0').collect() };
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Parsed::Number(Self { negative, digits, exponent }))
    }

    /// The whole part's digits, and those behind the point, as text. Small exponents only.
    fn split(&self) -> (String, String) {
        let text: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        match usize::try_from(self.exponent) {
            Ok(zeros) => (format!("{text}{}", "0".repeat(zeros)), String::new()),
            Err(_) => {
                let places = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
                let padded = format!("{text:0>width$}", width = places + 1);
                let (whole, fraction) = padded.split_at(padded.len() - places);
                (whole.to_owned(), fraction.to_owned())
            }
        }
    }
}

/// The most places behind the point.
const MOST_PLACES: u128 = 10_000;

pub(super) fn floatformat(call: &Call<'_>) -> TeraResult<Value> {
    let mut grouped = false;
    let places = match call.arg {
        None => Ok(-1),
        Some(arg) => match arg.as_str() {
            Some("") => return Err(Error::message("floatformat: the argument is empty")),
            Some(text) => {
                // `u` leaves out the language's ways, and with them the groups.
                let (number, ungrouped) = match text {
                    text if text.ends_with("gu") || text.ends_with("ug") => (&text[..text.len() - 2], true),
                    text if text.ends_with('g') => {
                        grouped = true;
                        (&text[..text.len() - 1], false)
                    }
                    text => (text.strip_suffix('u').unwrap_or(text), false),
                };
                grouped &= !ungrouped;
                if number.is_empty() { Ok(-1) } else { python::int(&number.into()) }
            }
            None => python::int(arg),
        },
    };
    let input = python::text(call.value);
    let parsed = Decimal::parse(&input).or_else(|| {
        let number = python::number(call.value).ok()?;
        Decimal::parse(&float::repr(number))
    });
    let Some(parsed) = parsed else { return Ok("".into()) };
    let places = match places {
        Ok(places) => places,
        Err(NoNumber::Value) => return Ok(input.into()),
        Err(fault) => return Err(Error::message(fault.to_string())),
    };
    let Parsed::Number(decimal) = parsed else { return Ok(input.into()) };
    if decimal.digits.len() as u64 + decimal.exponent.unsigned_abs() > 200 {
        return Ok(input.into());
    }
    let (whole, fraction) = decimal.split();
    let is_whole = fraction.bytes().all(|byte| byte == b'0');
    if is_whole && places <= 0 {
        let whole = whole.trim_start_matches('0');
        let sign = if decimal.negative && !whole.is_empty() { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        return Ok(Value::safe_string(&format!("{sign}{}", group(whole, grouped))));
    }
    let count = places.unsigned_abs();
    if count > MOST_PLACES {
        return Err(Error::message(format!("floatformat: {count} places are too many")));
    }
    let (whole, fraction) = round(&whole, &fraction, usize::try_from(count).unwrap_or_default());
    let is_zero = whole.bytes().chain(fraction.bytes()).all(|byte| byte == b'0');
    let sign = if decimal.negative && !is_zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(Value::safe_string(&format!("{sign}{}{point}{fraction}", group(&whole, grouped))))
}

/// To so many places, a half away from zero.
fn round(whole: &str, fraction: &str, places: usize) -> (String, String) {
    let up = fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5');
    let mut digits: Vec<u8> =
        whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(places)).collect();
    if up {
        let mut carry = true;
        for digit in digits.iter_mut().rev() {
            if !carry {
                break;
            }
            carry = *digit == b'9';
            *digit = if carry { b'0' } else { *digit + 1 };
        }
        if carry {
            digits.insert(0, b'1');
        }
    }
    let text: String = digits.into_iter().map(char::from).collect();
    let (whole, fraction) = text.split_at(text.len() - places);
    let whole = whole.trim_start_matches('0');
    (if whole.is_empty() { "0" } else { whole }.to_owned(), fraction.to_owned())
}

/// Thousands with commas between them.
fn group(whole: &str, grouped: bool) -> String {
    if !grouped {
        return whole.to_owned();
    }
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The number that a value is, for filters that tell floats from integers.
pub(super) fn as_number(value: &Value) -> Option<Number> {
    value.as_bool().map(|truth| Number::Integer(i128::from(truth))).or_else(|| value.as_number())
}
