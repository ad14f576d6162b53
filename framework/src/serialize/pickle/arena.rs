//! The objects that a pickle makes, before they are one value.
//!
//! They refer to each other by number: an object may be shared, changed after it was remembered, or hold itself.

use std::borrow::Cow;

use smallvec::SmallVec;
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
    /// In the place of a container while its items are made values: who refers to it then is inside of it.
    Open,
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
        // An object takes a byte at least.
        Self { objects: Vec::with_capacity(pickle_length.min(8)), left }
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
        Builder { objects: self.objects, left: self.left, open: SmallVec::new() }.build(root)
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

    /// The value of what holds no others; `None` for a container.
    fn leaf(&self) -> Option<Result<Value, DecodeError>> {
        Some(Ok(match self {
            Object::Value(value) => value.clone(),
            Object::Text(text) => Value::Str(text.clone().into_owned()),
            Object::Surrogates(points) => Value::Surrogates(points.clone()),
            Object::Bytes(bytes) => Value::Bytes(bytes.clone().into_owned()),
            Object::ByteArray(bytes) => Value::ByteArray(bytes.clone().into_owned()),
            Object::Global(_) => return Some(Err(DecodeError::NoData("class"))),
            Object::Zone(_) => return Some(Err(DecodeError::NoData("timezone"))),
            Object::UnsetUuid => return Some(Err(DecodeError::NoData("UUID without its number"))),
            Object::Open => return Some(Err(DecodeError::Cycle)),
            Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::FrozenSet(_) | Object::Dict(_) => {
                return None;
            }
        }))
    }
}

/// Makes values of objects. It keeps a stack of its own: a pickle's nesting must not be the thread's.
struct Builder<'a> {
    objects: Vec<Object<'a>>,
    /// What the rest may cost.
    left: usize,
    /// The containers that the object at work is in, outermost first.
    open: SmallVec<[Container<'a>; 2]>,
}

/// A container whose items are being made.
struct Container<'a> {
    id: Id,
    /// Taken out of its place for so long.
    object: Object<'a>,
    /// How many of its objects were begun: items, or keys and values in turn.
    begun: usize,
    /// What it cost so far.
    cost: usize,
    items: Vec<Value>,
    /// The entries of a dict, or the items of a set as keys.
    entries: Dict,
    /// The key whose value comes next.
    key: Option<Key>,
}

impl<'a> Builder<'a> {
    fn build(mut self, root: Id) -> Result<Value, DecodeError> {
        let mut id = root;
        loop {
            let cost = self.charge(OBJECT_COST + self.objects[id].bytes())?;
            let mut made = match self.objects[id].leaf() {
                Some(leaf) => Some((leaf?, cost)),
                None => {
                    self.enter(id, cost)?;
                    None
                }
            };
            id = loop {
                if let Some((value, cost)) = made.take() {
                    if self.open.is_empty() {
                        return Ok(value);
                    }
                    self.add(value, cost)?;
                }
                match self.open.last_mut().and_then(Container::next) {
                    Some(item) => break item,
                    None => made = self.leave(),
                }
            };
        }
    }

    fn charge(&mut self, cost: usize) -> Result<usize, DecodeError> {
        self.left = self.left.checked_sub(cost).ok_or(DecodeError::Size)?;
        Ok(cost)
    }

    fn enter(&mut self, id: Id, cost: usize) -> Result<(), DecodeError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(DecodeError::Depth);
        }
        let object = std::mem::replace(&mut self.objects[id], Object::Open);
        self.open.push(Container {
            id,
            object,
            begun: 0,
            cost,
            items: Vec::new(),
            entries: Dict::new(),
            key: None,
        });
        Ok(())
    }

    /// Puts a value into the innermost container. A key costs twice: it is hashed, and what it holds with it.
    fn add(&mut self, value: Value, cost: usize) -> Result<(), DecodeError> {
        let Some(container) = self.open.last_mut() else { return Ok(()) };
        container.cost += cost;
        let is_key = match &container.object {
            Object::Set(_) | Object::FrozenSet(_) => true,
            Object::Dict(_) => container.key.is_none(),
            _ => false,
        };
        if !is_key {
            match container.key.take() {
                Some(key) => {
                    container.entries.insert(key, value);
                }
                None => container.items.push(value),
            }
            return Ok(());
        }
        let key = Key::try_from(value)?;
        if let Object::Dict(_) = container.object {
            container.key = Some(key);
        } else {
            container.entries.insert(key, Value::None);
        }
        self.charge(cost)?;
        Ok(())
    }

    /// Closes the innermost container: its value, and what it cost.
    fn leave(&mut self) -> Option<(Value, usize)> {
        let Container { id, object, cost, items, entries, .. } = self.open.pop()?;
        let distinct = |entries: Dict| entries.into_iter().map(|(key, _)| key.into_value()).collect();
        let value = match &object {
            Object::Tuple(_) => Value::Tuple(items),
            Object::Set(_) => Value::Set(distinct(entries)),
            Object::FrozenSet(_) => Value::FrozenSet(distinct(entries)),
            Object::Dict(_) => Value::Dict(entries),
            _ => Value::List(items),
        };
        // Another container may share it.
        self.objects[id] = object;
        Some((value, cost))
    }
}

impl Container<'_> {
    /// The object to be made next.
    fn next(&mut self) -> Option<Id> {
        let next = match &self.object {
            Object::List(items) | Object::Tuple(items) | Object::Set(items) | Object::FrozenSet(items) => {
                items.get(self.begun).copied()
            }
            Object::Dict(entries) => {
                let entry = entries.get(self.begun / 2);
                entry.map(|&(key, value)| if self.begun.is_multiple_of(2) { key } else { value })
            }
            _ => None,
        };
        self.begun += 1;
        next
    }
}
