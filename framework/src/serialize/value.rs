//! The values that Django's serializers can write: what a session holds, untouched and in order.
//!
//! Python's distinctions are kept (`1`, `1.0` and `True` are three values, a tuple is not a list, integers have no
//! limit, text may hold lone surrogates), because a value that this process does not touch must go back as it came.
//!
//! ```
//! use nuages::serialize::value::{Dict, Value};
//!
//! let mut cart = Dict::new();
//! cart.insert("book", 2);
//! cart.insert("notes", vec!["gift", "no hurry"]);
//! assert_eq!(cart.get("book").and_then(Value::as_i64), Some(2));
//! ```

use std::sync::Arc;

use indexmap::IndexMap;
use num_bigint::BigInt;

pub use crate::serialize::datetime::DateTime;
pub use crate::serialize::timedelta::TimeDelta;

/// A Python value.
///
/// Two values are equal when they are of one kind and hold the same (`Int(1) != Float(1.0)`, unlike Python's `==`;
/// a [`Key`] compares as Python does). Dicts are equal whatever their order, as in Python.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `None`
    #[default]
    None,
    /// `True`, `False`
    Bool(bool),
    /// An `int` of 64 bits.
    Int(i64),
    /// An `int` beyond 64 bits: never one that [`Value::Int`] could hold (`Value::from(BigInt)` chooses).
    BigInt(BigInt),
    /// A `float`, with NaN and the infinities.
    Float(f64),
    /// A `str` of Unicode scalar values.
    Str(String),
    /// A `str` with lone surrogates, as code points: never one that [`Value::Str`] could hold
    /// ([`Value::from_code_points`] chooses).
    Surrogates(Box<[u32]>),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `list`
    List(Vec<Self>),
    /// `tuple`
    Tuple(Vec<Self>),
    /// `set`
    Set(Vec<Self>),
    /// `frozenset`
    FrozenSet(Vec<Self>),
    /// `dict`
    Dict(Dict),
    /// `datetime.datetime`
    DateTime(DateTime),
    /// `datetime.date`
    Date(time::Date),
    /// `datetime.time`, naive
    Time(time::Time),
    /// `datetime.timedelta`
    TimeDelta(TimeDelta),
    /// `decimal.Decimal`, as `str()` writes it
    Decimal(String),
    /// `uuid.UUID`
    Uuid(uuid::Uuid),
    /// `complex`
    Complex(f64, f64),
}

/// A `dict`: ordered as Python's, with keys of any hashable kind.
///
/// A key keeps its place when its value is replaced; a removed key leaves the order of the rest alone.
///
/// A clone shares the entries until one of the two is changed.
#[derive(Clone, Default)]
pub struct Dict {
    /// `None` as long as nothing was put in: an empty dict is not on the heap.
    pub(super) entries: Option<Arc<Entries>>,
}

/// What a dict holds.
pub(super) type Entries = IndexMap<Key, Value>;

/// A dict's key: hashed and compared as Python does (`1 == 1.0 == True`).
///
/// One difference: a NaN is equal to itself, so a dict holds one NaN key at most.
#[derive(Debug, Clone)]
pub struct Key(pub(super) Value);

/// A value that cannot be a dict's key: Python's `TypeError: unhashable type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unhashable type: '{type_name}'; a dict's key is text, a number, or another value that cannot change"
)]
pub struct UnhashableError {
    /// The name of its class in Python.
    pub type_name: &'static str,
}

impl Value {
    /// Text made of code points, which may be lone surrogates; `None` if one is beyond U+10FFFF.
    pub fn from_code_points(points: impl IntoIterator<Item = u32>) -> Option<Self> {
        let points: Vec<u32> = points.into_iter().collect();
        if points.iter().any(|&point| point > 0x10_FFFF) {
            return None;
        }
        match points.iter().map(|&point| char::from_u32(point)).collect::<Option<String>>() {
            Some(text) => Some(Self::Str(text)),
            None => Some(Self::Surrogates(points.into_boxed_slice())),
        }
    }

    /// The text of a `str` without lone surrogates.
    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// An `int` that 64 bits hold; not a `bool`.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A `float`, or an `int` of 64 bits as the nearest one.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// A `bool`.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The items of a `list` or `tuple`.
    #[must_use]
    pub const fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items.as_slice()),
            _ => None,
        }
    }

    /// A `dict`.
    #[must_use]
    pub const fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// Whether it is `None`.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What Python's `bool(value)` says: false for `None`, zeros and whatever is empty.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                !items.is_empty()
            }
            Self::Dict(dict) => !dict.is_empty(),
            Self::TimeDelta(delta) => *delta != TimeDelta::ZERO,
            // Zero, whatever its sign and exponent: no digit before the exponent but 0. (NaN and Infinity have none.)
            Self::Decimal(text) => {
                let digits = text.split(['E', 'e']).next().unwrap_or_default();
                !digits.contains('0') || digits.contains(|c: char| c.is_alphanumeric() && c != '0')
            }
            Self::BigInt(_)
            | Self::Surrogates(_)
            | Self::DateTime(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::Uuid(_) => true,
        }
    }

    /// The name of its class in Python: `type(value).__name__`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) | Self::Surrogates(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::ByteArray(_) => "bytearray",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
            Self::Dict(_) => "dict",
            Self::DateTime(_) => "datetime",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::TimeDelta(_) => "timedelta",
            Self::Decimal(_) => "Decimal",
            Self::Uuid(_) => "UUID",
            Self::Complex(..) => "complex",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_pythons() {
        let truths = [
            Value::Bool(true),
            Value::Int(-1),
            Value::Float(f64::NAN),
            Value::from("0"),
            Value::Tuple(vec![Value::None]),
            Value::Decimal("0.10".to_owned()),
            Value::Decimal("1E-7".to_owned()),
            Value::Decimal("NaN".to_owned()),
            Value::Decimal("-Infinity".to_owned()),
            Value::Time(time::Time::MIDNIGHT),
        ];
        for value in truths {
            assert!(value.is_truthy(), "{value:?}");
        }
        let falsehoods = [
            Value::None,
            Value::Bool(false),
            Value::Int(0),
            Value::Float(-0.0),
            Value::Complex(0.0, -0.0),
            Value::from(""),
            Value::Bytes(vec![]),
            Value::Set(vec![]),
            Value::Dict(Dict::new()),
            Value::TimeDelta(TimeDelta::ZERO),
            Value::Decimal("-0.00".to_owned()),
            Value::Decimal("0E+7".to_owned()),
        ];
        for value in falsehoods {
            assert!(!value.is_truthy(), "{value:?}");
        }
    }

    #[test]
    fn code_points_become_the_simplest_text() {
        assert_eq!(Value::from_code_points([0x61, 0x1F600]), Some(Value::from("a😀")));
        assert_eq!(Value::from_code_points([]), Some(Value::from("")));
        let lone = Value::from_code_points([0x61, 0xD800]);
        assert_eq!(lone, Some(Value::Surrogates(Box::new([0x61, 0xD800]))));
        assert_eq!(Value::from_code_points([0x11_0000]), None);
    }
}
