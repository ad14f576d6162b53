//! How values are read from any format, and from each other without loss.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use crate::serialize::datetime::DateTime;
use crate::serialize::de::ValueDeserializer;
use crate::serialize::exotic;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Key, Value};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(exotic::ANY, ValueVisitor)
    }
}

/// A type that is one kind of value.
macro_rules! of_kind {
    ($($type:ident $variant:ident $expected:literal;)*) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    Value::$variant(inner) => Ok(inner),
                    other => Err(D::Error::invalid_type(ValueDeserializer(&other).kind(), &$expected)),
                }
            }
        })*
    };
}

of_kind! {
    Dict Dict "a dict";
    TimeDelta TimeDelta "a timedelta";
}

/// A `datetime`, or its ISO text: JSON leaves nothing else of it.
impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::DateTime(moment) => Ok(moment),
            Value::Str(text) => Self::fromisoformat(&text)
                .map_err(|_| D::Error::invalid_value(Unexpected::Other("string"), &"a datetime in ISO 8601")),
            other => Err(D::Error::invalid_type(ValueDeserializer(&other).kind(), &"a datetime")),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value that Python has")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    /// Only our own deserializer calls this one, with an exotic value.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (kind, content) = access.variant_seed(KindSeed)?;
        let plain: PlainValue = content.newtype_variant()?;
        exotic::restore(kind, plain.0).ok_or_else(|| A::Error::custom(format_args!("a broken {kind}")))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f32<E: de::Error>(self, number: f32) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut dict = Dict::new();
        while let Some((key, value)) = access.next_entry::<Key, Value>()? {
            dict.insert(key, value);
        }
        Ok(Value::Dict(dict))
    }
}

/// What is inside an exotic value: never exotic itself, though its items may be.
struct PlainValue(Value);

impl<'de> Deserialize<'de> for PlainValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

/// Reads an exotic value's kind.
struct KindSeed;

impl<'de> DeserializeSeed<'de> for KindSeed {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        exotic::KINDS
            .iter()
            .find(|kind| **kind == name)
            .copied()
            .ok_or_else(|| D::Error::custom("an unknown kind"))
    }
}
