//! Values that serde's data model has no word for, on their way through it.
//!
//! They travel as a newtype struct with a private name. Our own serializer and deserializer know the name and keep the
//! value's kind; any other sees what is inside: text, or a sequence. What is inside has two forms, told apart by the
//! serializer's `is_human_readable`: one to be shown, and one ([`Plain`]) that the value can be made of again.

use serde::ser::{Serialize, SerializeSeq, SerializeTuple, Serializer};

use crate::serialize::datetime::{DateTime, iso_date, iso_time};
use crate::serialize::float::repr;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Key, Value};

/// The name under which a [`Value`] asks to be given as it is.
pub(super) const ANY: &str = "$nuages::Value";

/// The kinds, by the names they travel under. Every name begins with [`ANY`].
macro_rules! kinds {
    ($($constant:ident $name:literal;)*) => {
        $(pub(super) const $constant: &str = concat!("$nuages::Value::", $name);)*
        pub(super) const KINDS: &[&str] = &[$($constant),*];
    };
}

kinds! {
    BIG_INT "int";
    SURROGATES "str";
    BYTE_ARRAY "bytearray";
    TUPLE "tuple";
    SET "set";
    FROZEN_SET "frozenset";
    DATE_TIME "datetime";
    DATE "date";
    TIME "time";
    TIME_DELTA "timedelta";
    DECIMAL "decimal";
    UUID "uuid";
    COMPLEX "complex";
}

/// The name that a value travels under; `None` for what serde has words for.
pub(super) const fn kind(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::BigInt(_) => BIG_INT,
        Value::Surrogates(_) => SURROGATES,
        Value::ByteArray(_) => BYTE_ARRAY,
        Value::Tuple(_) => TUPLE,
        Value::Set(_) => SET,
        Value::FrozenSet(_) => FROZEN_SET,
        Value::DateTime(_) => DATE_TIME,
        Value::Date(_) => DATE,
        Value::Time(_) => TIME,
        Value::TimeDelta(_) => TIME_DELTA,
        Value::Decimal(_) => DECIMAL,
        Value::Uuid(_) => UUID,
        Value::Complex(..) => COMPLEX,
        Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Dict(_) => return None,
    })
}

/// The value of a kind whose [`Plain`] form this is; `None` if it cannot be.
pub(super) fn restore(kind: &str, plain: Value) -> Option<Value> {
    Some(match (kind, plain) {
        (BIG_INT, Value::Str(digits)) => Value::from(digits.parse::<num_bigint::BigInt>().ok()?),
        (SURROGATES, Value::List(points)) => {
            let points: Option<Vec<u32>> =
                points.iter().map(|point| point.as_i64().and_then(|point| point.try_into().ok())).collect();
            Value::Surrogates(points?.into_boxed_slice())
        }
        (BYTE_ARRAY, Value::Bytes(bytes)) => Value::ByteArray(bytes),
        (TUPLE, Value::List(items)) => Value::Tuple(items),
        (SET, Value::List(items)) => Value::Set(items),
        (FROZEN_SET, Value::List(items)) => Value::FrozenSet(items),
        (DATE_TIME, Value::Str(text)) => Value::DateTime(DateTime::fromisoformat(&text).ok()?),
        (DATE, Value::Int(day)) => Value::Date(time::Date::from_julian_day(day.try_into().ok()?).ok()?),
        (TIME, Value::Int(nanoseconds)) => {
            let since_midnight = time::Duration::nanoseconds(nanoseconds);
            Value::Time(time::Time::MIDNIGHT + since_midnight)
        }
        (TIME_DELTA, Value::Str(text)) => Value::TimeDelta(TimeDelta::from_microseconds(text.parse().ok()?)?),
        (DECIMAL, Value::Str(text)) => Value::Decimal(text),
        (UUID, Value::Str(text)) => Value::Uuid(text.parse().ok()?),
        (COMPLEX, Value::List(parts)) => match parts.as_slice() {
            [Value::Float(re), Value::Float(im)] => Value::Complex(*re, *im),
            _ => return None,
        },
        _ => return None,
    })
}

/// What is inside a newtype struct: text or a sequence to be shown, or what [`restore`] takes.
pub(super) struct Plain<'a>(pub(super) &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = serializer.is_human_readable();
        match self.0 {
            Value::BigInt(number) => serializer.collect_str(number),
            Value::Surrogates(points) if shown => serializer.serialize_str(&lossy(points)),
            Value::Surrogates(points) => serializer.collect_seq(points),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => serializer.serialize_bytes(bytes),
            Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::DateTime(moment) => serializer.collect_str(moment),
            Value::Date(date) if shown => serializer.serialize_str(&iso_date(*date)),
            Value::Date(date) => serializer.serialize_i32(date.to_julian_day()),
            Value::Time(time) if shown => serializer.serialize_str(&iso_time(*time)),
            Value::Time(time) => {
                // A day's nanoseconds fit.
                serializer.serialize_i64((*time - time::Time::MIDNIGHT).whole_nanoseconds() as i64)
            }
            Value::TimeDelta(delta) if shown => serializer.collect_str(delta),
            Value::TimeDelta(delta) => serializer.collect_str(&delta.as_microseconds()),
            Value::Decimal(text) => serializer.serialize_str(text),
            Value::Uuid(uuid) => serializer.collect_str(uuid),
            Value::Complex(re, im) if shown => serializer.serialize_str(&complex(*re, *im)),
            Value::Complex(re, im) => {
                let mut parts = serializer.serialize_tuple(2)?;
                parts.serialize_element(re)?;
                parts.serialize_element(im)?;
                parts.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// The text of a value as any other reader sees it, where it is one.
pub(super) fn shown_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Str(text) | Value::Decimal(text) => text.clone(),
        Value::BigInt(number) => number.to_string(),
        Value::Surrogates(points) => lossy(points),
        Value::DateTime(moment) => moment.to_string(),
        Value::Date(date) => iso_date(*date),
        Value::Time(time) => iso_time(*time),
        Value::TimeDelta(delta) => delta.to_string(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Complex(re, im) => complex(*re, *im),
        _ => return None,
    })
}

/// A key that serde's maps have no word for, as text: many formats take only text as a key.
pub(super) fn key_text(key: &Key) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::None => out.push_str("None"),
            Value::Bool(truth) => out.push_str(if *truth { "True" } else { "False" }),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Float(number) => out.push_str(&repr(*number)),
            Value::Bytes(bytes) => out.push_str(&format!("b'{}'", bytes.escape_ascii())),
            Value::Tuple(items) | Value::FrozenSet(items) => {
                out.push('(');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write(item, out);
                }
                out.push(')');
            }
            other => out.push_str(&shown_text(other).unwrap_or_default()),
        }
    }
    let mut text = String::new();
    write(key.value(), &mut text);
    text
}

/// Lone surrogates as U+FFFD.
fn lossy(points: &[u32]) -> String {
    points.iter().map(|&point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Python's `str()` of a `complex`.
pub(super) fn complex(re: f64, im: f64) -> String {
    // Unlike `repr(float)`, whole numbers go without a fraction here.
    let part = |number: f64| {
        let text = repr(number);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(im));
    }
    let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", part(re), part(im))
}
