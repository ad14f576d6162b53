//! From any `serde` type to a [`Value`].
//!
//! Structs become dicts, tuples lists, `Option::None` and `()` become `None`, enums what `serde_json` makes of them (a
//! variant's name, or a dict of one name), and `serde_bytes` types become `bytes`. Integers of any size fit; an `f32`
//! becomes the `f64` of the same shortest text. Map keys keep their types, as in a Python dict, when they are hashable.
//!
//! A [`Value`] inside comes through as it is. Given to another serializer (a template, `serde_json`), what that has no
//! words for becomes text (`datetime`, `Decimal`, `UUID`, …) or a sequence (`tuple`, `set`).

use serde::ser::{self, Serialize, SerializeMap, Serializer};

use crate::serialize::conversions::widen;
use crate::serialize::convert_error::ConvertError;
use crate::serialize::datetime::DateTime;
use crate::serialize::exotic::{self, Plain};
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Key, Value};

/// The value that stands for anything `serde` can serialize.
///
/// ```
/// use nuages::serialize::ser::to_value;
/// use nuages::serialize::value::{Dict, Value};
///
/// #[derive(serde::Serialize)]
/// struct Line { book: &'static str, count: u8 }
///
/// let line = to_value(&Line { book: "Nuages", count: 2 }).unwrap();
/// assert_eq!(line, Value::from(Dict::from([("book", Value::from("Nuages")), ("count", Value::from(2))])));
/// ```
///
/// # Errors
///
/// When the type's own `Serialize` fails, or a map's key is nothing that Python can hash.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ConvertError> {
    value.serialize(ValueSerializer { shown: true })
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => serializer.collect_seq(items),
            Self::Dict(dict) => dict.serialize(serializer),
            // Integers beyond 64 bits that serde has a word for.
            Self::BigInt(number) if let Ok(number) = u64::try_from(number) => {
                serializer.serialize_u64(number)
            }
            Self::BigInt(number) if let Ok(number) = i128::try_from(number) => {
                serializer.serialize_i128(number)
            }
            Self::BigInt(number) if let Ok(number) = u128::try_from(number) => {
                serializer.serialize_u128(number)
            }
            exotic => match exotic::kind(exotic) {
                Some(kind) => serializer.serialize_newtype_struct(kind, &Plain(exotic)),
                None => Plain(exotic).serialize(serializer),
            },
        }
    }
}

impl Serialize for Dict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The name under which a key travels that is no text, integer or truth value.
const KEY: &str = "$nuages::Key";

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value() {
            plain @ (Value::Str(_) | Value::Int(_) | Value::Bool(_)) => plain.serialize(serializer),
            _ => serializer.serialize_newtype_struct(KEY, &PlainKey(self)),
        }
    }
}

/// Text to others; to our own serializer the value itself.
struct PlainKey<'a>(&'a Key);

impl Serialize for PlainKey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&exotic::key_text(self.0))
        } else {
            self.0.value().serialize(serializer)
        }
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::DateTime(*self).serialize(serializer)
    }
}

impl Serialize for TimeDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::TimeDelta(*self).serialize(serializer)
    }
}

/// Makes a [`Value`].
struct ValueSerializer {
    /// Whether an exotic value should give its form to be shown: not when it is to be restored.
    shown: bool,
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ConvertError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn is_human_readable(&self) -> bool {
        self.shown
    }

    fn serialize_bool(self, truth: bool) -> Result<Value, ConvertError> {
        Ok(truth.into())
    }

    fn serialize_i8(self, number: i8) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_i64(self, number: i64) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_i128(self, number: i128) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_u8(self, number: u8) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_u128(self, number: u128) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_f32(self, number: f32) -> Result<Value, ConvertError> {
        Ok(Value::Float(widen(number)))
    }

    fn serialize_f64(self, number: f64) -> Result<Value, ConvertError> {
        Ok(number.into())
    }

    fn serialize_char(self, letter: char) -> Result<Value, ConvertError> {
        Ok(letter.into())
    }

    fn serialize_str(self, text: &str) -> Result<Value, ConvertError> {
        Ok(text.into())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ConvertError> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ConvertError> {
        Ok(Value::None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ConvertError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ConvertError> {
        Ok(Value::None)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ConvertError> {
        Ok(Value::None)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ConvertError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ConvertError> {
        if !name.starts_with("$nuages::") {
            return value.serialize(self);
        }
        let plain = value.serialize(Self { shown: false })?;
        if name == KEY {
            return Ok(plain);
        }
        exotic::restore(name, plain).ok_or_else(|| ConvertError::new(format!("a broken {name}")))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ConvertError> {
        let value = to_value(value).map_err(|error| error.within(variant))?;
        Ok(tagged(Some(variant), value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, ConvertError> {
        // A length is only a hint: it is not trusted with memory.
        Ok(Items { variant: None, items: Vec::with_capacity(length.unwrap_or_default().min(1024)) })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, ConvertError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Items, ConvertError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items, ConvertError> {
        Ok(Items { variant: Some(variant), items: Vec::new() })
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries, ConvertError> {
        Ok(Entries { variant: None, dict: Dict::new(), key: None })
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Entries, ConvertError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Entries, ConvertError> {
        Ok(Entries { variant: Some(variant), dict: Dict::new(), key: None })
    }
}

/// A value, or the dict of one name that an enum's variant with content becomes.
fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Dict(Dict::from([(variant, value)])),
        None => value,
    }
}

struct Items {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        self.items.push(to_value(item).map_err(|error| error.within(self.items.len().to_string()))?);
        Ok(())
    }

    fn finish(self) -> Value {
        tagged(self.variant, Value::List(self.items))
    }
}

impl ser::SerializeSeq for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        self.push(item)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTuple for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        self.push(item)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleStruct for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        self.push(item)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

impl ser::SerializeTupleVariant for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        self.push(item)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

struct Entries {
    variant: Option<&'static str>,
    dict: Dict,
    /// Met, its value not yet.
    key: Option<Key>,
}

impl Entries {
    fn insert<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), ConvertError> {
        let value = to_value(value).map_err(|error| error.within(exotic::key_text(&key)))?;
        self.dict.insert(key, value);
        Ok(())
    }

    fn finish(self) -> Value {
        tagged(self.variant, Value::Dict(self.dict))
    }
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConvertError> {
        let key = Key::try_from(to_value(key)?).map_err(|error| ConvertError::new(error.to_string()))?;
        self.key = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConvertError> {
        let key = self.key.take().ok_or_else(|| ConvertError::new("a map's value came before its key"))?;
        self.insert(key, value)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

impl ser::SerializeStruct for Entries {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ConvertError> {
        self.insert(name.into(), value)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

impl ser::SerializeStructVariant for Entries {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ConvertError> {
        self.insert(name.into(), value)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}
