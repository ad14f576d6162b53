//! Plain Rust values as [`Value`] and [`Key`].

use num_bigint::BigInt;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
use uuid::Uuid;

use crate::serialize::datetime::DateTime;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Key, Value};

macro_rules! from_as {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        })*
    };
}

from_as! {
    () => |_unit| Self::None;
    bool => |truth| Self::Bool(truth);
    i8 => |number| Self::Int(number.into());
    i16 => |number| Self::Int(number.into());
    i32 => |number| Self::Int(number.into());
    i64 => |number| Self::Int(number);
    u8 => |number| Self::Int(number.into());
    u16 => |number| Self::Int(number.into());
    u32 => |number| Self::Int(number.into());
    f64 => |number| Self::Float(number);
    &str => |text| Self::Str(text.to_owned());
    String => |text| Self::Str(text);
    &String => |text| Self::Str(text.clone());
    char => |letter| Self::Str(letter.into());
    Dict => |dict| Self::Dict(dict);
    Key => |key| key.into_value();
    DateTime => |moment| Self::DateTime(moment);
    OffsetDateTime => |moment| Self::DateTime(moment.into());
    PrimitiveDateTime => |moment| Self::DateTime(moment.into());
    Date => |date| Self::Date(date);
    Time => |time| Self::Time(time);
    TimeDelta => |delta| Self::TimeDelta(delta);
    time::Duration => |span| Self::TimeDelta(span.into());
    Uuid => |uuid| Self::Uuid(uuid);
}

/// Numbers that may be beyond 64 bits: [`Value::Int`] where it can be.
macro_rules! from_integer {
    ($($from:ty),*) => {
        $(impl From<$from> for Value {
            fn from(number: $from) -> Self {
                i64::try_from(number).map_or_else(|_| Self::BigInt(number.into()), Self::Int)
            }
        })*
    };
}

from_integer!(u64, i128, u128, usize, isize);

impl From<BigInt> for Value {
    fn from(number: BigInt) -> Self {
        match i64::try_from(&number) {
            Ok(small) => Self::Int(small),
            Err(_) => Self::BigInt(number),
        }
    }
}

/// The float whose shortest text is that of the `f32` (`0.1_f32` is `0.1`, not `0.10000000149011612`).
impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Float(widen(number))
    }
}

/// The `f64` with the shortest text of an `f32`.
pub(super) fn widen(number: f32) -> f64 {
    // Display writes the shortest text that reads back, and NaN and the infinities as parse takes them.
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Self>> From<&[T]> for Value {
    fn from(items: &[T]) -> Self {
        Self::List(items.iter().cloned().map(Into::into).collect())
    }
}

impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// Keys of kinds that are always hashable.
macro_rules! key_from {
    ($($from:ty),*) => {
        $(impl From<$from> for Key {
            fn from(key: $from) -> Self {
                Self(key.into())
            }
        })*
    };
}

key_from!(
    &str, String, &String, char, bool, i32, i64, u32, u64, f64, BigInt, Uuid, DateTime, Date, Time, TimeDelta
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_smallest_kind() {
        assert_eq!(Value::from(u64::MAX), Value::BigInt(BigInt::from(u64::MAX)));
        assert_eq!(Value::from(i64::MAX as u64), Value::Int(i64::MAX));
        assert_eq!(Value::from(i128::from(i64::MIN)), Value::Int(i64::MIN));
        assert_eq!(Value::from(BigInt::from(7)), Value::Int(7));
        assert_eq!(Value::from(u128::MAX), Value::BigInt(BigInt::from(u128::MAX)));
    }

    #[test]
    fn small_floats_keep_their_text() {
        assert_eq!(Value::from(0.1_f32), Value::Float(0.1));
        assert_eq!(Value::from(f32::MAX), Value::Float(3.402_823_5e38));
        assert_eq!(Value::from(f32::NEG_INFINITY), Value::Float(f64::NEG_INFINITY));
        assert!(matches!(Value::from(f32::NAN), Value::Float(nan) if nan.is_nan()));
    }

    #[test]
    fn containers_become_lists() {
        let list = Value::List(vec![Value::Int(1), Value::None]);
        assert_eq!(Value::from(vec![Some(1), None]), list);
        assert_eq!(Value::from([Some(1), None]), list);
        assert_eq!(Value::from([Some(1), None].as_slice()), list);
        assert_eq!([Some(1), None].into_iter().collect::<Value>(), list);
    }
}
