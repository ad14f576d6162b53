//! The objects that a pickle makes, before they are one value.
//!
//! They refer to each other by number: an object may be shared, changed after it was remembered, or hold itself.

use std::borrow::Cow;

use time::UtcOffset;

use crate::serialize::pickle::MAX_DEPTH;
use crate::serialize::pickle::fault::DecodeError;
use crate::serialize::pickle::global::Global;
use crate::serialize::pickle::text::Text;
use crate::serialize::value::{Dict, Key, Value};

/// What an object costs in the count of [`Arena`], beside its bytes: about the memory of a [`Value`].
const OBJECT_COST: usize = 64;
/// What the value may cost for each byte of the pickle. Without shared objects it never costs more: an object takes a byte
/// at least, and is counted twice at most, as itself and as a key.
const COST_OF_BYTE: usize = 2 * OBJECT_COST;
/// What shared objects may cost on top.
const SHARING_ALLOWANCE: usize = 64 << 20;

/// The number of an object.
pub(super) type Id = usize;

pub(super) enum Object<'a> {
    /// A value without others in it.
    Value(Value),
    Text(Cow<'a, str>),
    Surrogates(Box<[u32]>),
    Bytes(Cow<'a, [u8]>),
    ByteArray(Cow<'a, [u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    FrozenSet(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// A `timezone`
    Zone(UtcOffset),
    /// A `UUID` whose number comes later.
    UnsetUuid,
}

impl<'a> From<Text<'a>> for Object<'a> {
    fn from(text: Text<'a>) -> Self {
        match text {
            Text::Plain(text) => Object::Text(text),
            Text::Points(points) => Object::Surrogates(points),
        }
    }
}

pub(super) struct Arena<'a> {
    objects: Vec<Object<'a>>,
    /// What copies may still cost.
    left: usize,
}

impl<'a> Arena<'a> {
    /// For a pickle of so many bytes.
    pub(super) fn new(pickle_length: usize) -> Self {
        let left = pickle_length.saturating_mul(COST_OF_BYTE).saturating_add(SHARING_ALLOWANCE);
        Self { objects: Vec::new(), left }
    }

    pub(super) fn add(&mut self, object: Object<'a>) -> Id {
        self.objects.push(object);
        self.objects.len() - 1
    }

    /// An object by the number that [`Arena::add`] gave.
    pub(super) fn get(&self, id: Id) -> &Object<'a> {
        &self.objects[id]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Object<'a> {
        &mut self.objects[id]
    }

    /// Counts what it costs to copy an object's bytes or items.
    pub(super) fn charge_copy(&mut self, id: Id) -> Result<(), DecodeError> {
        let items = match self.get(id) {
            Object::List(items) | Object::Tuple(items) | Object::Set(items) | Object::FrozenSet(items) => {
                items.len()
            }
            other => other.bytes(),
        };
        self.left = self.left.checked_sub(items).ok_or(DecodeError::Size)?;
        Ok(())
    }

    /// The value that an object is. What is shared is copied.
    pub(super) fn into_value(self, root: Id) -> Result<Value, DecodeError> {
        let open = vec![false; self.objects.len()];
        Builder { objects: self.objects, open, left: self.left }.build(root, 0).map(|(value, _)| value)
    }
}

impl Object<'_> {
    /// How many bytes it holds, beside those that every object takes.
    fn bytes(&self) -> usize {
        match self {
            Object::Text(text) => text.len(),
            Object::Surrogates(points) => points.len() * size_of::<u32>(),
            Object::Bytes(bytes) | Object::ByteArray(bytes) => bytes.len(),
            Object::Value(Value::Decimal(text)) => text.len(),
            Object::Value(Value::BigInt(number)) => (number.bits() / 8) as usize,
            _ => 0,
        }
    }
}

struct Builder<'a> {
    objects: Vec<Object<'a>>,
    /// Which objects are being built: to meet one again is a cycle.
    open: Vec<bool>,
    /// What the rest may cost.
    left: usize,
}

impl Builder<'_> {
    fn charge(&mut self, cost: usize) -> Result<usize, DecodeError> {
        self.left = self.left.checked_sub(cost).ok_or(DecodeError::Size)?;
        Ok(cost)
    }

    /// The value, and what it costs.
    fn build(&mut self, id: Id, depth: usize) -> Result<(Value, usize), DecodeError> {
        let cost = self.charge(OBJECT_COST + self.objects[id].bytes())?;
        let value = match &self.objects[id] {
            Object::Value(value) => value.clone(),
            Object::Text(text) => Value::Str(text.clone().into_owned()),
            Object::Surrogates(points) => Value::Surrogates(points.clone()),
            Object::Bytes(bytes) => Value::Bytes(bytes.clone().into_owned()),
            Object::ByteArray(bytes) => Value::ByteArray(bytes.clone().into_owned()),
            Object::Global(_) => return Err(DecodeError::NoData("class")),
            Object::Zone(_) => return Err(DecodeError::NoData("timezone")),
            Object::UnsetUuid => return Err(DecodeError::NoData("UUID without its number")),
            Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::FrozenSet(_) | Object::Dict(_) => {
                return self.build_container(id, depth, cost);
            }
        };
        Ok((value, cost))
    }

    fn build_container(&mut self, id: Id, depth: usize, cost: usize) -> Result<(Value, usize), DecodeError> {
        if std::mem::replace(&mut self.open[id], true) {
            return Err(DecodeError::Cycle);
        }
        // Taken out while it is worked on, so that its items may be built; put back for who shares it.
        let object = std::mem::replace(&mut self.objects[id], Object::UnsetUuid);
        let built = self.build_items(&object, depth, cost);
        self.objects[id] = object;
        self.open[id] = false;
        built
    }

    fn build_items(
        &mut self,
        object: &Object<'_>,
        depth: usize,
        mut cost: usize,
    ) -> Result<(Value, usize), DecodeError> {
        let levels = match object {
            Object::List(items) if !items.is_empty() => 2,
            Object::Dict(entries) if !entries.is_empty() => 2,
            _ => 1,
        };
        let depth = depth + levels;
        if depth > MAX_DEPTH {
            return Err(DecodeError::Depth);
        }
        let value = match object {
            Object::List(items) => Value::List(self.build_all(items, depth, &mut cost)?),
            Object::Tuple(items) => Value::Tuple(self.build_all(items, depth, &mut cost)?),
            Object::Set(items) => Value::Set(self.build_distinct(items, depth, &mut cost)?),
            Object::FrozenSet(items) => Value::FrozenSet(self.build_distinct(items, depth, &mut cost)?),
            Object::Dict(entries) => {
                let mut dict = Dict::with_capacity(entries.len().min(self.left / OBJECT_COST));
                for &(key, value) in entries {
                    let key = self.build_key(key, depth, &mut cost)?;
                    let (value, value_cost) = self.build(value, depth)?;
                    cost += value_cost;
                    dict.insert(key, value);
                }
                Value::Dict(dict)
            }
            _ => Value::None,
        };
        Ok((value, cost))
    }

    fn build_all(&mut self, items: &[Id], depth: usize, cost: &mut usize) -> Result<Vec<Value>, DecodeError> {
        let mut values = Vec::with_capacity(items.len().min(self.left / OBJECT_COST));
        for &item in items {
            let (value, item_cost) = self.build(item, depth)?;
            *cost += item_cost;
            values.push(value);
        }
        Ok(values)
    }

    /// The items of a set: the first of those that are equal.
    fn build_distinct(
        &mut self,
        items: &[Id],
        depth: usize,
        cost: &mut usize,
    ) -> Result<Vec<Value>, DecodeError> {
        let mut keys = Dict::with_capacity(items.len().min(self.left / OBJECT_COST));
        for &item in items {
            let key = self.build_key(item, depth, cost)?;
            keys.insert(key, Value::None);
        }
        Ok(keys.into_iter().map(|(key, _)| key.into_value()).collect())
    }

    /// A key costs twice: it is hashed, and what it holds with it.
    fn build_key(&mut self, id: Id, depth: usize, cost: &mut usize) -> Result<Key, DecodeError> {
        let (value, key_cost) = self.build(id, depth)?;
        *cost += self.charge(key_cost)?;
        Ok(Key::try_from(value)?)
    }
}
