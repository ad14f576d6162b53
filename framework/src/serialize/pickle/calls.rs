//! What the classes of the allow-list make of their arguments.

use std::borrow::Cow;

use num_bigint::BigInt;
use time::UtcOffset;

use crate::serialize::datetime::DateTime;
use crate::serialize::pickle::arena::{Arena, Id, Object};
use crate::serialize::pickle::decimal::is_decimal;
use crate::serialize::pickle::fault::DecodeError;
use crate::serialize::pickle::global::Global;
use crate::serialize::pickle::moment;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::Value;

/// The object that `global(*arguments)` is. Nothing is called: these are the only ones, and they are made here.
pub(super) fn call<'a>(
    arena: &mut Arena<'a>,
    global: Global,
    arguments: &[Id],
) -> Result<Object<'a>, DecodeError> {
    // Most of them copy an argument, and an argument may be used again and again.
    arguments.iter().try_for_each(|&argument| arena.charge_copy(argument))?;
    let (_, name) = global.names();
    make(arena, global, arguments).ok_or(DecodeError::Construction(name))
}

/// What `object.__setstate__(state)` does.
pub(super) fn set_state(arena: &mut Arena<'_>, object: Id, state: Id) -> Option<()> {
    let Object::UnsetUuid = arena.get(object) else { return None };
    let Object::Dict(attributes) = arena.get(state) else { return None };
    // Two names are known; a longer dict could be given again and again to waste time.
    if attributes.len() > 2 {
        return None;
    }
    let mut number = None;
    for &(name, value) in attributes {
        match arena.get(name) {
            Object::Text(name) if name == "int" => number = Some(value),
            // Says how the identifier was made; it is the same one without.
            Object::Text(name) if name == "is_safe" => {}
            _ => return None,
        }
    }
    let number = match arena.get(number?) {
        Object::Value(Value::Int(number)) => u128::try_from(*number).ok()?,
        Object::Value(Value::BigInt(number)) => u128::try_from(number).ok()?,
        _ => return None,
    };
    *arena.get_mut(object) = Object::Value(Value::Uuid(uuid::Uuid::from_u128(number)));
    Some(())
}

fn make<'a>(arena: &Arena<'a>, global: Global, arguments: &[Id]) -> Option<Object<'a>> {
    let value = match (global, arguments) {
        (Global::Date, [state]) => Value::Date(moment::date(&bytes(arena, *state)?)?),
        (Global::Time, [state]) => Value::Time(moment::time(&bytes(arena, *state)?)?),
        (Global::DateTime, [state]) => {
            Value::DateTime(DateTime::Naive(moment::date_time(&bytes(arena, *state)?)?))
        }
        (Global::DateTime, [state, zone]) => {
            let local = moment::date_time(&bytes(arena, *state)?)?;
            Value::DateTime(match arena.get(*zone) {
                Object::Zone(offset) => DateTime::Aware(local.assume_offset(*offset)),
                Object::Value(Value::None) => DateTime::Naive(local),
                _ => return None,
            })
        }
        (Global::TimeDelta, [days, seconds, microseconds]) => Value::TimeDelta(TimeDelta::new(
            int(arena, *days)?,
            int(arena, *seconds)?,
            int(arena, *microseconds)?,
        )?),
        // The second argument is a name: the offset is the same.
        (Global::TimeZone, [offset] | [offset, _]) => return zone(arena, *offset),
        (Global::Decimal, [text]) => match arena.get(*text) {
            Object::Text(text) if is_decimal(text) => Value::Decimal(text.clone().into_owned()),
            _ => return None,
        },
        (Global::Complex, [re, im]) => Value::Complex(float(arena, *re)?, float(arena, *im)?),
        (Global::Uuid, []) => return Some(Object::UnsetUuid),
        (Global::Set, []) => return Some(Object::Set(vec![])),
        (Global::Set, [items]) => return Some(Object::Set(items_of(arena, *items)?.to_vec())),
        (Global::FrozenSet, []) => return Some(Object::FrozenSet(vec![])),
        (Global::FrozenSet, [items]) => return Some(Object::FrozenSet(items_of(arena, *items)?.to_vec())),
        (Global::Bytes, []) => return Some(Object::Bytes(Cow::Borrowed(&[]))),
        (Global::ByteArray, []) => return Some(Object::ByteArray(Cow::Borrowed(&[]))),
        (Global::ByteArray, [bytes]) => match arena.get(*bytes) {
            Object::Bytes(bytes) => return Some(Object::ByteArray(bytes.clone())),
            _ => return None,
        },
        (Global::ByteArray | Global::Encode, [text, codec]) => {
            let bytes = encode(arena, *text, *codec)?;
            return Some(match global {
                Global::Encode => Object::Bytes(bytes.into()),
                _ => Object::ByteArray(bytes.into()),
            });
        }
        (Global::Reconstructor, [class, base, state]) => {
            return match (arena.get(*class), arena.get(*base), arena.get(*state)) {
                (
                    Object::Global(Global::Uuid),
                    Object::Global(Global::Object),
                    Object::Value(Value::None),
                ) => Some(Object::UnsetUuid),
                _ => None,
            };
        }
        _ => return None,
    };
    Some(Object::Value(value))
}

/// The state of a date or time: bytes, or the byte string of a Python 2 as text.
fn bytes<'b>(arena: &'b Arena<'_>, id: Id) -> Option<Cow<'b, [u8]>> {
    match arena.get(id) {
        Object::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        Object::Text(text) => latin1(text).map(Cow::Owned),
        _ => None,
    }
}

fn encode(arena: &Arena<'_>, text: Id, codec: Id) -> Option<Vec<u8>> {
    match (arena.get(text), arena.get(codec)) {
        (Object::Text(text), Object::Text(codec)) if codec == "latin1" || codec == "latin-1" => latin1(text),
        _ => None,
    }
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(letter).ok()).collect()
}

fn int(arena: &Arena<'_>, id: Id) -> Option<i64> {
    match arena.get(id) {
        Object::Value(value) => value.as_i64(),
        _ => None,
    }
}

fn float(arena: &Arena<'_>, id: Id) -> Option<f64> {
    match arena.get(id) {
        Object::Value(Value::Float(number)) => Some(*number),
        _ => None,
    }
}

fn items_of<'b>(arena: &'b Arena<'_>, id: Id) -> Option<&'b [Id]> {
    match arena.get(id) {
        Object::List(items) | Object::Tuple(items) | Object::Set(items) | Object::FrozenSet(items) => {
            Some(items)
        }
        _ => None,
    }
}

/// A zone of whole seconds, less than a day from UTC.
fn zone<'a>(arena: &Arena<'_>, offset: Id) -> Option<Object<'a>> {
    let Object::Value(Value::TimeDelta(offset)) = arena.get(offset) else { return None };
    if offset.microseconds() != 0 {
        return None;
    }
    let seconds = i32::try_from(offset.as_seconds_floor()).ok().filter(|seconds| seconds.abs() < 86_400)?;
    UtcOffset::from_whole_seconds(seconds).ok().map(Object::Zone)
}

/// The integer of two's-complement bytes, lowest first.
pub(super) fn long(bytes: &[u8]) -> Value {
    let mut small = [if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xFF } else { 0 }; 8];
    match small.get_mut(..bytes.len()) {
        Some(low) => {
            low.copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(small))
        }
        None => Value::from(BigInt::from_signed_bytes_le(bytes)),
    }
}
