//! The values that Django's serializers can write: what a session holds, untouched and in order.
//!
//! Python's distinctions are kept (`1`, `1.0` and `True` are three values, a tuple is not a list, integers have no
//! limit, text may hold lone surrogates), because a value that this process does not touch must go back as it came.

use indexmap::IndexMap;
use num_bigint::BigInt;

/// A Python value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An `int` of 64 bits.
    Int(i64),
    /// An `int` beyond 64 bits: never one that [`Value::Int`] could hold.
    BigInt(BigInt),
    /// A `float`, with NaN and the infinities.
    Float(f64),
    /// A `str` of Unicode scalar values.
    Str(String),
    /// A `str` with lone surrogates, as code points: never one that [`Value::Str`] could hold.
    Surrogates(Box<[u32]>),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `list`
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `set`
    Set(Vec<Value>),
    /// `frozenset`
    FrozenSet(Vec<Value>),
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

/// A `dict`: ordered as Python's, keys of any hashable kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dict {
    entries: IndexMap<Key, Value>,
}

/// A dict's key: hashed and compared as Python does (`1 == 1.0 == True`).
#[derive(Debug, Clone, PartialEq)]
pub struct Key(Value);
impl Eq for Key {}
impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// A `datetime`: naive, or aware with a fixed offset from UTC. Whole microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateTime {
    /// Without a zone.
    Naive(time::PrimitiveDateTime),
    /// With an offset.
    Aware(time::OffsetDateTime),
}

/// A `timedelta`: whole microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(i128);
