//! From a [`Value`] to any `serde` type.
//!
//! The reverse of [`ser`](crate::serialize::ser), and more forgiving: `tuple`, `set` and `frozenset` are sequences,
//! `datetime`, `Decimal`, `UUID` and their like are text to whoever wants text, and a map's numeric keys may be text (as
//! they are after one trip through JSON).

use std::borrow::Cow;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::serialize::convert_error::ConvertError;
use crate::serialize::exotic;
use crate::serialize::value::{Dict, Key, Value};

/// What a value stands for, as a type of one's own.
///
/// ```
/// use nuages::serialize::de::from_value;
/// use nuages::serialize::value::Value;
///
/// assert_eq!(from_value::<Vec<u8>>(Value::from([1, 2])), Ok(vec![1, 2]));
/// let error = from_value::<u8>(Value::from("two")).unwrap_err();
/// assert_eq!(error.to_string(), r#"invalid type: string, expected u8"#);
/// ```
///
/// # Errors
///
/// When the value is of another kind or out of range; the message names what was expected, which kind was there, and where.
#[expect(clippy::needless_pass_by_value, reason = "the mirror of to_value; from_value_ref borrows")]
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ConvertError> {
    from_value_ref(&value)
}

/// What a value stands for, which may borrow its text.
///
/// # Errors
///
/// As [`from_value`].
pub fn from_value_ref<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, ConvertError> {
    T::deserialize(ValueDeserializer(value))
}

#[derive(Clone, Copy)]
struct ValueDeserializer<'de>(&'de Value);

impl<'de> ValueDeserializer<'de> {
    /// What it is, without what it says.
    fn kind(self) -> Unexpected<'static> {
        match self.0 {
            Value::Bool(_) => Unexpected::Other("boolean"),
            Value::Int(_) | Value::BigInt(_) => Unexpected::Other("integer"),
            Value::Float(_) => Unexpected::Other("floating point number"),
            Value::Str(_) => Unexpected::Other("string"),
            Value::Bytes(_) => Unexpected::Other("byte array"),
            Value::List(_) => Unexpected::Seq,
            Value::Dict(_) => Unexpected::Map,
            Value::None => Unexpected::Unit,
            value => Unexpected::Other(value.type_name()),
        }
    }

    fn unexpected(self, expected: &dyn de::Expected) -> ConvertError {
        ConvertError::invalid_type(self.kind(), expected)
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de> {
    type Error = ConvertError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::None => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::BigInt(number) => {
                if let Ok(number) = u64::try_from(number) {
                    visitor.visit_u64(number)
                } else if let Ok(number) = i128::try_from(number) {
                    visitor.visit_i128(number)
                } else if let Ok(number) = u128::try_from(number) {
                    visitor.visit_u128(number)
                } else {
                    visitor.visit_string(number.to_string())
                }
            }
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Str(text) | Value::Decimal(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                visit_items(items, visitor)
            }
            Value::Dict(dict) => visit_dict(dict, visitor),
            // A Rust string cannot hold them, and another text is not what was stored.
            Value::Surrogates(_) => {
                Err(ConvertError::invalid_type(Unexpected::Other("text with lone surrogates"), &visitor))
            }
            Value::Complex(re, im) => visitor.visit_seq(SeqDeserializer::new([*re, *im].into_iter())),
            Value::DateTime(_) | Value::Date(_) | Value::Time(_) | Value::TimeDelta(_) | Value::Uuid(_) => {
                visitor.visit_string(exotic::shown_text(self.0).unwrap_or_default())
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        match exotic::kind(self.0) {
            Some(kind) if name == exotic::ANY => visitor.visit_enum(ExoticAccess { kind, value: self.0 }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        let (variant, content) = match self.0 {
            Value::Str(variant) => (variant.as_str(), None),
            Value::Dict(dict) => match dict.iter().next() {
                Some((key, content))
                    if dict.len() == 1
                        && let Some(variant) = key.as_str() =>
                {
                    (variant, Some(content))
                }
                _ => {
                    return Err(ConvertError::invalid_value(
                        Unexpected::Map,
                        &"a dict of one variant's name",
                    ));
                }
            },
            _ => return Err(self.unexpected(&"a variant's name, or a dict of one")),
        };
        visitor.visit_enum(Variant { name: variant, content })
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

fn visit_items<'de, V: Visitor<'de>>(items: &'de [Value], visitor: V) -> Result<V::Value, ConvertError> {
    let mut access = Items { rest: items.iter(), index: 0 };
    let value = visitor.visit_seq(&mut access)?;
    if access.rest.len() > 0 {
        return Err(ConvertError::invalid_length(items.len(), &"fewer items"));
    }
    Ok(value)
}

fn visit_dict<'de, V: Visitor<'de>>(dict: &'de Dict, visitor: V) -> Result<V::Value, ConvertError> {
    let mut access = Entries { rest: dict.iter(), current: None };
    let value = visitor.visit_map(&mut access)?;
    if access.rest.len() > 0 {
        return Err(ConvertError::invalid_length(dict.len(), &"fewer entries"));
    }
    Ok(value)
}

struct Items<'de> {
    rest: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ConvertError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConvertError> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(ValueDeserializer(item)).map(Some).map_err(|error| error.within(index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Entries<'de> {
    rest: crate::serialize::dict::Iter<'de>,
    current: Option<(&'de Key, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = ConvertError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConvertError> {
        self.current = self.rest.next();
        match self.current {
            Some((key, _)) => seed.deserialize(KeyDeserializer(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConvertError> {
        let Some((key, value)) = self.current.take() else {
            return Err(ConvertError::new("a map's value was asked for before its key"));
        };
        seed.deserialize(ValueDeserializer(value)).map_err(|error| error.within(exotic::key_text(key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A map's key: as its value, but text may stand for a number or truth value and the other way round.
struct KeyDeserializer<'de>(&'de Key);

impl<'de> KeyDeserializer<'de> {
    fn as_value(&self) -> ValueDeserializer<'de> {
        ValueDeserializer(self.0.value())
    }

    /// The text that JSON would make of the key, where it makes one.
    fn json_text(&self) -> Option<Cow<'de, str>> {
        Some(match self.0.value() {
            Value::Str(text) => Cow::Borrowed(text.as_str()),
            Value::None => Cow::Borrowed("null"),
            Value::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Float(number) => Cow::Owned(crate::serialize::float::repr(*number)),
            other => Cow::Owned(exotic::shown_text(other)?),
        })
    }
}

/// Numbers and truth values, which a key may give as text.
macro_rules! parsed {
    ($($method:ident $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
            match self.0.as_str().and_then(|text| text.parse().ok()) {
                Some(parsed) => visitor.$visit(parsed),
                None => self.as_value().$method(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = ConvertError;

    parsed! {
        deserialize_bool visit_bool;
        deserialize_i8 visit_i8;
        deserialize_i16 visit_i16;
        deserialize_i32 visit_i32;
        deserialize_i64 visit_i64;
        deserialize_i128 visit_i128;
        deserialize_u8 visit_u8;
        deserialize_u16 visit_u16;
        deserialize_u32 visit_u32;
        deserialize_u64 visit_u64;
        deserialize_u128 visit_u128;
        deserialize_f32 visit_f32;
        deserialize_f64 visit_f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        self.as_value().deserialize_any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.json_text() {
            Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Some(Cow::Owned(text)) => visitor.visit_string(text),
            None => self.as_value().deserialize_str(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0.value() {
            Value::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        if name == exotic::ANY {
            self.as_value().deserialize_newtype_struct(name, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        self.as_value().deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

/// A variant's name and what it holds.
struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ConvertError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ConvertError> {
        let variant = seed.deserialize(de::value::BorrowedStrDeserializer::<ConvertError>::new(self.name))?;
        Ok((variant, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self, expected: &'static str) -> Result<ValueDeserializer<'de>, ConvertError> {
        self.content
            .map(ValueDeserializer)
            .ok_or_else(|| ConvertError::invalid_type(Unexpected::UnitVariant, &expected).within(self.name))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ConvertError;

    fn unit_variant(self) -> Result<(), ConvertError> {
        match self.content {
            None => Ok(()),
            Some(content) => {
                <()>::deserialize(ValueDeserializer(content)).map_err(|error| error.within(self.name))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ConvertError> {
        let content = self.content("a variant with a value")?;
        seed.deserialize(content).map_err(|error| error.within(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ConvertError> {
        let content = self.content("a variant with items")?;
        content.deserialize_tuple(length, visitor).map_err(|error| error.within(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        let content = self.content("a variant with fields")?;
        content.deserialize_struct("", fields, visitor).map_err(|error| error.within(self.name))
    }
}

/// An exotic value, given to a visitor that wants it as it is: its kind's name, then what is inside.
struct ExoticAccess<'de> {
    kind: &'static str,
    value: &'de Value,
}

impl<'de> EnumAccess<'de> for ExoticAccess<'de> {
    type Error = ConvertError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ConvertError> {
        let kind = seed.deserialize(de::value::BorrowedStrDeserializer::<ConvertError>::new(self.kind))?;
        Ok((kind, self))
    }
}

impl<'de> VariantAccess<'de> for ExoticAccess<'de> {
    type Error = ConvertError;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ConvertError> {
        seed.deserialize(PlainDeserializer(self.value))
    }

    fn unit_variant(self) -> Result<(), ConvertError> {
        Err(ConvertError::new("a value's kind has content"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, _visitor: V) -> Result<V::Value, ConvertError> {
        Err(ConvertError::new("a value's kind has one content"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, ConvertError> {
        Err(ConvertError::new("a value's kind has one content"))
    }
}

/// The form of an exotic value that [`exotic::restore`] takes.
struct PlainDeserializer<'de>(&'de Value);

impl<'de> Deserializer<'de> for PlainDeserializer<'de> {
    type Error = ConvertError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::BigInt(number) => visitor.visit_string(number.to_string()),
            Value::Surrogates(points) => visitor.visit_seq(SeqDeserializer::new(points.iter().copied())),
            Value::Date(date) => visitor.visit_i32(date.to_julian_day()),
            Value::Time(time) => visitor.visit_i64((*time - time::Time::MIDNIGHT).whole_nanoseconds() as i64),
            Value::TimeDelta(delta) => visitor.visit_string(delta.as_microseconds().to_string()),
            plain => ValueDeserializer(plain).deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

mod visitor;

#[cfg(test)]
mod tests;
