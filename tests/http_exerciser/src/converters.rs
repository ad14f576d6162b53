//! The converters that the protocol adds to Django's.

use nuages::routes::converter::{Converter, Kind};
use nuages::serialize::value::Value;
use num_bigint::BigInt;

/// `<hex:h>`: four hex digits and an integer; `dead` is refused both ways.
pub(crate) struct Hex;

impl Converter for Hex {
    fn regex(&self) -> &str {
        "[0-9a-f]{4}"
    }
    fn kind(&self) -> Kind {
        Kind::Int
    }
    fn to_value(&self, text: &str) -> Option<Value> {
        i64::from_str_radix(text, 16).ok().filter(|&number| number != 0xDEAD).map(Value::Int)
    }
    fn to_url(&self, value: &Value) -> Option<String> {
        // Text is an integer by Python's rules: signs, underscores between digits and white space around may be there.
        let number = match value {
            Value::Int(0xDEAD) => return None,
            Value::Str(text) => python_int(text)?,
            Value::Uuid(id) => BigInt::from(id.as_u128()),
            value => integer(value)?,
        };
        let digits = number.magnitude().to_str_radix(16);
        Some(if number.sign() == num_bigint::Sign::Minus {
            format!("-{digits:0>3}")
        } else {
            format!("{digits:0>4}")
        })
    }
}

/// `<yyyy:y>`: four digits, but it writes any integer as it is.
pub(crate) struct Year;

impl Converter for Year {
    fn regex(&self) -> &str {
        "[0-9]{4}"
    }
    fn kind(&self) -> Kind {
        Kind::Int
    }
    fn to_value(&self, text: &str) -> Option<Value> {
        text.parse().ok().map(Value::Int)
    }
    fn to_url(&self, value: &Value) -> Option<String> {
        written(value)
    }
}

/// `<list:l>`: words with `+` between them.
pub(crate) struct List;

impl Converter for List {
    fn regex(&self) -> &str {
        r"(?:[a-z]+\+)*[a-z]+"
    }
    fn kind(&self) -> Kind {
        Kind::Other("list")
    }
    fn to_value(&self, text: &str) -> Option<Value> {
        Some(text.split('+').map(Value::from).collect())
    }
    fn to_url(&self, value: &Value) -> Option<String> {
        match value {
            Value::List(words) => {
                Some(words.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.join("+"))
            }
            value => written(value),
        }
    }
}

fn integer(value: &Value) -> Option<BigInt> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::BigInt(number) => Some(number.clone()),
        _ => None,
    }
}

fn python_int(text: &str) -> Option<BigInt> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let well_formed =
        digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Python's `str()`.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Uuid(id) => Some(id.hyphenated().to_string()),
        value => integer(value).map(|number| number.to_string()),
    }
}
