//! Writes protocol 5 as CPython's pickler does (CPython 3.11 `Modules/_pickle.c`).

use std::collections::HashMap;

use num_bigint::BigInt;
use smallvec::SmallVec;

use crate::serialize::datetime::{DateTime, iso_date};
use crate::serialize::encode_error::EncodeError;
use crate::serialize::pickle::decimal::is_decimal;
use crate::serialize::pickle::frames::Frames;
use crate::serialize::pickle::global::Global;
use crate::serialize::pickle::moment::{date_state, time_state};
use crate::serialize::pickle::{MAX_DEPTH, opcode};
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Value};

/// How many items one opcode appends.
const BATCH: usize = 1000;
/// The length of an integer in bytes has 31 bits.
const MAX_INT_BITS: u64 = 8 * (i32::MAX as u64);
const SECONDS_PER_DAY: i32 = 86_400;

/// What is one object in Python wherever it occurs, so that its second occurrence is a reference.
#[derive(PartialEq, Eq, Hash)]
enum Shared<'a> {
    EmptyText,
    /// Text of a single latin-1 letter.
    Letter(char),
    EmptyBytes,
    Byte(u8),
    /// A dict's key, the name of a class's module or of an attribute: Python interns all three.
    Name(&'a str),
    /// A dict's key with lone surrogates.
    SurrogatesKey(&'a [u32]),
    /// A class.
    Class(Global),
    /// `timezone.utc`
    Utc,
}

pub(super) struct Writer<'a> {
    frames: Frames,
    /// How many objects the reader will have remembered.
    remembered: usize,
    shared: Written<'a>,
}

/// Which shared objects have been written, and as which of the remembered ones.
#[derive(Default)]
struct Written<'a> {
    /// Few are compared one by one.
    few: SmallVec<[(Shared<'a>, usize); FEW]>,
    /// All of them, once there are more.
    many: HashMap<Shared<'a>, usize>,
}

const FEW: usize = 6;

impl<'a> Written<'a> {
    fn get(&self, object: &Shared<'a>) -> Option<usize> {
        match self.many.is_empty() {
            true => self.few.iter().find(|(known, _)| known == object).map(|&(_, index)| index),
            false => self.many.get(object).copied(),
        }
    }

    fn insert(&mut self, object: Shared<'a>, index: usize) {
        if self.few.len() < FEW && self.many.is_empty() {
            self.few.push((object, index));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(object, index);
        }
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { frames: Frames::new(5, capacity), remembered: 0, shared: Written::default() }
    }

    pub(super) fn value(mut self, value: &'a Value) -> Result<Vec<u8>, EncodeError> {
        self.save(value, 0)?;
        Ok(self.frames.finish())
    }

    pub(super) fn dict(mut self, dict: &'a Dict) -> Result<Vec<u8>, EncodeError> {
        self.save_dict(dict, 0)?;
        Ok(self.frames.finish())
    }

    fn save(&mut self, value: &'a Value, depth: usize) -> Result<(), EncodeError> {
        self.frames.begin_object();
        match value {
            Value::List(items) => self.save_list(items, depth),
            Value::Tuple(items) => self.save_tuple(items, depth),
            Value::Set(items) => self.save_set(items, depth),
            Value::FrozenSet(items) => self.save_frozen_set(items, depth),
            Value::Dict(dict) => self.save_dict(dict, depth),
            leaf => self.save_leaf(leaf),
        }
    }

    /// What holds no other values.
    fn save_leaf(&mut self, value: &'a Value) -> Result<(), EncodeError> {
        match value {
            Value::None => self.frames.put(&[opcode::NONE]),
            Value::Bool(truth) => self.frames.put(&[if *truth { opcode::NEWTRUE } else { opcode::NEWFALSE }]),
            Value::Int(number) => self.put_int(*number),
            Value::BigInt(number) if number.bits() >= MAX_INT_BITS => {
                return Err(out_of_range("int in a pickle", format!("a number of {} bits", number.bits())));
            }
            Value::BigInt(number) => self.put_big_int(number),
            Value::Float(number) => self.put_float(*number),
            Value::Str(text) => self.put_text(text),
            Value::Surrogates(points) => {
                self.put_utf8(&surrogates_utf8(points)?);
                self.remember();
            }
            Value::Bytes(bytes) => self.put_bytes(bytes),
            Value::ByteArray(bytes) => {
                self.frames.put_bulk(opcode::BYTEARRAY8, &(bytes.len() as u64).to_le_bytes(), bytes);
                self.remember();
            }
            Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) | Value::Dict(_) => {}
            Value::DateTime(moment) => self.save_date_time(*moment)?,
            Value::Date(date) => {
                let state = date_state(*date).ok_or_else(|| out_of_range("date", iso_date(*date)))?;
                self.put_class(Global::Date);
                self.put_state(&state);
                self.put_tuple_end(1);
                self.put_call();
            }
            Value::Time(time) => {
                self.put_class(Global::Time);
                self.put_state(&time_state(*time));
                self.put_tuple_end(1);
                self.put_call();
            }
            Value::TimeDelta(delta) => self.put_time_delta(*delta),
            Value::Decimal(text) => {
                if !is_decimal(text) {
                    return Err(out_of_range("Decimal", format!("{text:?}")));
                }
                self.put_class(Global::Decimal);
                // Made by `str()` for each: not the one object that a single letter is elsewhere.
                self.frames.begin_object();
                self.put_utf8(text.as_bytes());
                self.remember();
                self.put_tuple_end(1);
                self.put_call();
            }
            Value::Uuid(uuid) => self.put_uuid(*uuid),
            Value::Complex(re, im) => {
                self.put_class(Global::Complex);
                self.frames.begin_object();
                self.put_float(*re);
                self.frames.begin_object();
                self.put_float(*im);
                self.put_tuple_end(2);
                self.put_call();
            }
        }
        Ok(())
    }

    fn save_frozen_set(&mut self, items: &'a [Value], depth: usize) -> Result<(), EncodeError> {
        let depth = deeper(depth)?;
        self.frames.put(&[opcode::MARK]);
        for item in items {
            self.save(item, depth)?;
        }
        self.frames.put(&[opcode::FROZENSET]);
        self.remember();
        Ok(())
    }

    fn save_list(&mut self, items: &'a [Value], depth: usize) -> Result<(), EncodeError> {
        self.frames.put(&[opcode::EMPTY_LIST]);
        self.remember();
        let depth = deeper(depth)?;
        if let [item] = items {
            self.save(item, depth)?;
            self.frames.put(&[opcode::APPEND]);
            return Ok(());
        }
        for batch in items.chunks(BATCH) {
            self.frames.put(&[opcode::MARK]);
            for item in batch {
                self.save(item, depth)?;
            }
            self.frames.put(&[opcode::APPENDS]);
        }
        Ok(())
    }

    fn save_tuple(&mut self, items: &'a [Value], depth: usize) -> Result<(), EncodeError> {
        if items.is_empty() {
            self.frames.put(&[opcode::EMPTY_TUPLE]);
            return Ok(());
        }
        let depth = deeper(depth)?;
        if items.len() > 3 {
            self.frames.put(&[opcode::MARK]);
        }
        for item in items {
            self.save(item, depth)?;
        }
        self.put_tuple_end(items.len());
        Ok(())
    }

    fn save_dict(&mut self, dict: &'a Dict, depth: usize) -> Result<(), EncodeError> {
        self.frames.begin_object();
        self.frames.put(&[opcode::EMPTY_DICT]);
        self.remember();
        let depth = deeper(depth)?;
        let mut entries = dict.iter();
        if dict.len() == 1 {
            for (key, value) in entries {
                self.save_key(key.value(), depth)?;
                self.save(value, depth)?;
            }
            self.frames.put(&[opcode::SETITEM]);
            return Ok(());
        }
        // CPython looks for more only after a full batch, so a dict of 1000 ends with an empty one.
        let mut full = !dict.is_empty();
        while full {
            self.frames.put(&[opcode::MARK]);
            let mut written = 0;
            for (key, value) in entries.by_ref().take(BATCH) {
                self.save_key(key.value(), depth)?;
                self.save(value, depth)?;
                written += 1;
            }
            self.frames.put(&[opcode::SETITEMS]);
            full = written == BATCH;
        }
        Ok(())
    }

    fn save_key(&mut self, key: &'a Value, depth: usize) -> Result<(), EncodeError> {
        match key {
            Value::Str(text) if is_long(text) => {
                self.frames.begin_object();
                self.put_shared(Shared::Name(text), |writer| writer.put_utf8(text.as_bytes()));
                Ok(())
            }
            Value::Surrogates(points) => {
                let text = surrogates_utf8(points)?;
                self.frames.begin_object();
                self.put_shared(Shared::SurrogatesKey(points), |writer| writer.put_utf8(&text));
                Ok(())
            }
            key => self.save(key, depth),
        }
    }

    fn save_set(&mut self, items: &'a [Value], depth: usize) -> Result<(), EncodeError> {
        let depth = deeper(depth)?;
        self.frames.put(&[opcode::EMPTY_SET]);
        self.remember();
        let mut items = items.iter();
        // As with dicts, a full batch is followed by another.
        let mut full = items.len() > 0;
        while full {
            self.frames.put(&[opcode::MARK]);
            let mut written = 0;
            for item in items.by_ref().take(BATCH) {
                self.save(item, depth)?;
                written += 1;
            }
            self.frames.put(&[opcode::ADDITEMS]);
            full = written == BATCH;
        }
        Ok(())
    }

    fn save_date_time(&mut self, moment: DateTime) -> Result<(), EncodeError> {
        let local = moment.local();
        let refused = || out_of_range("datetime", moment.isoformat());
        let mut state = [0; 10];
        state[..4].copy_from_slice(&date_state(local.date()).ok_or_else(refused)?);
        state[4..].copy_from_slice(&time_state(local.time()));
        self.put_class(Global::DateTime);
        self.put_state(&state);
        match moment {
            DateTime::Naive(_) => self.put_tuple_end(1),
            DateTime::Aware(aware) => {
                let offset = aware.offset().whole_seconds();
                if offset.abs() >= SECONDS_PER_DAY {
                    return Err(refused());
                }
                self.frames.begin_object();
                if offset == 0 {
                    self.put_shared_object(Shared::Utc, |writer| writer.put_zone(0));
                } else {
                    self.put_zone(offset);
                }
                self.put_tuple_end(2);
            }
        }
        self.put_call();
        Ok(())
    }

    fn put_zone(&mut self, offset: i32) {
        self.put_class(Global::TimeZone);
        self.frames.begin_object();
        // Within two days: both numbers fit.
        self.put_time_delta(TimeDelta::from_seconds(offset.into()).unwrap_or_default());
        self.put_tuple_end(1);
        self.put_call();
    }

    fn put_time_delta(&mut self, delta: TimeDelta) {
        self.put_class(Global::TimeDelta);
        for part in [delta.days(), delta.seconds(), delta.microseconds()] {
            self.frames.begin_object();
            self.put_int(part.into());
        }
        self.put_tuple_end(3);
        self.put_call();
    }

    /// An object without `__init__`, and then its attributes.
    fn put_uuid(&mut self, uuid: uuid::Uuid) {
        self.put_class(Global::Uuid);
        self.frames.begin_object();
        self.frames.put(&[opcode::EMPTY_TUPLE, opcode::NEWOBJ]);
        self.remember();
        self.frames.begin_object();
        self.frames.put(&[opcode::EMPTY_DICT]);
        self.remember();
        self.frames.begin_object();
        self.put_shared(Shared::Name("int"), |writer| writer.put_utf8(b"int"));
        self.frames.begin_object();
        match i64::try_from(uuid.as_u128()) {
            Ok(number) => self.put_int(number),
            Err(_) => self.put_big_int(&BigInt::from(uuid.as_u128())),
        }
        self.frames.put(&[opcode::SETITEM, opcode::BUILD]);
    }

    fn put_class(&mut self, class: Global) {
        let (module, name) = class.names();
        self.frames.begin_object();
        self.put_shared(Shared::Class(class), |writer| {
            writer.frames.begin_object();
            writer.put_shared(Shared::Name(module), |writer| writer.put_utf8(module.as_bytes()));
            // The name is a new object each time it is asked for.
            writer.frames.begin_object();
            writer.put_utf8(name.as_bytes());
            writer.remember();
            writer.frames.put(&[opcode::STACK_GLOBAL]);
        });
    }

    fn put_state(&mut self, state: &[u8]) {
        self.frames.begin_object();
        self.put_short_bytes(state);
        self.remember();
    }

    /// The tuple of the last so many objects, with a mark before them if there are more than three.
    fn put_tuple_end(&mut self, length: usize) {
        self.frames.put(&[match length {
            1 => opcode::TUPLE1,
            2 => opcode::TUPLE2,
            3 => opcode::TUPLE3,
            _ => opcode::TUPLE,
        }]);
        self.remember();
    }

    fn put_call(&mut self) {
        self.frames.put(&[opcode::REDUCE]);
        self.remember();
    }

    /// Writes an object and remembers it, or refers to it if that was done before.
    fn put_shared(&mut self, object: Shared<'a>, write: impl FnOnce(&mut Self)) {
        self.put_shared_object(object, |writer| {
            write(writer);
            writer.remember();
        });
    }

    /// Like [`Writer::put_shared`], of what remembers itself last.
    fn put_shared_object(&mut self, object: Shared<'a>, write: impl FnOnce(&mut Self)) {
        if let Some(index) = self.shared.get(&object) {
            match u8::try_from(index) {
                Ok(short) => self.frames.put(&[opcode::BINGET, short]),
                Err(_) => {
                    self.frames.put(&[opcode::LONG_BINGET]);
                    self.frames.put(&(index as u32).to_le_bytes());
                }
            }
            return;
        }
        write(self);
        self.shared.insert(object, self.remembered - 1);
    }

    fn put_int(&mut self, number: i64) {
        let Ok(small) = i32::try_from(number) else { return self.put_big_int(&BigInt::from(number)) };
        match small.to_le_bytes() {
            [byte, 0, 0, 0] => self.frames.put(&[opcode::BININT1, byte]),
            [low, high, 0, 0] => self.frames.put(&[opcode::BININT2, low, high]),
            [a, b, c, d] => self.frames.put(&[opcode::BININT, a, b, c, d]),
        }
    }

    fn put_big_int(&mut self, number: &BigInt) {
        let bytes = number.to_signed_bytes_le();
        match u8::try_from(bytes.len()) {
            Ok(length) => self.frames.put(&[opcode::LONG1, length]),
            Err(_) => {
                self.frames.put(&[opcode::LONG4]);
                self.frames.put(&(bytes.len() as u32).to_le_bytes());
            }
        }
        self.frames.put(&bytes);
    }

    fn put_float(&mut self, number: f64) {
        self.frames.put(&[opcode::BINFLOAT]);
        self.frames.put(&number.to_be_bytes());
    }

    fn put_text(&mut self, text: &'a str) {
        let mut letters = text.chars();
        let shared = match (letters.next(), letters.next()) {
            (None, _) => Shared::EmptyText,
            (Some(letter @ ..='\u{FF}'), None) => Shared::Letter(letter),
            _ => {
                self.put_utf8(text.as_bytes());
                return self.remember();
            }
        };
        self.put_shared(shared, |writer| writer.put_utf8(text.as_bytes()));
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        let shared = match bytes {
            [] => Shared::EmptyBytes,
            [byte] => Shared::Byte(*byte),
            _ => {
                match u32::try_from(bytes.len()) {
                    Ok(..=0xFF) => self.put_short_bytes(bytes),
                    Ok(length) => self.frames.put_bulk(opcode::BINBYTES, &length.to_le_bytes(), bytes),
                    Err(_) => {
                        self.frames.put_bulk(opcode::BINBYTES8, &(bytes.len() as u64).to_le_bytes(), bytes);
                    }
                }
                return self.remember();
            }
        };
        self.put_shared(shared, |writer| writer.put_short_bytes(bytes));
    }

    fn put_short_bytes(&mut self, bytes: &[u8]) {
        self.frames.put(&[opcode::SHORT_BINBYTES, bytes.len() as u8]);
        self.frames.put(bytes);
    }

    fn put_utf8(&mut self, text: &[u8]) {
        match u32::try_from(text.len()) {
            Ok(length @ ..=0xFF) => {
                self.frames.put(&[opcode::SHORT_BINUNICODE, length as u8]);
                self.frames.put(text);
            }
            Ok(length) => self.frames.put_bulk(opcode::BINUNICODE, &length.to_le_bytes(), text),
            Err(_) => self.frames.put_bulk(opcode::BINUNICODE8, &(text.len() as u64).to_le_bytes(), text),
        }
    }

    fn remember(&mut self) {
        self.frames.put(&[opcode::MEMOIZE]);
        self.remembered += 1;
    }
}

/// Whether a text has more than one letter, or one beyond latin-1: then it is not one object by itself.
fn is_long(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|letter| letter > '\u{FF}' || letters.next().is_some())
}

const fn deeper(depth: usize) -> Result<usize, EncodeError> {
    if depth >= MAX_DEPTH { Err(EncodeError::Depth) } else { Ok(depth + 1) }
}

const fn out_of_range(type_name: &'static str, value: String) -> EncodeError {
    EncodeError::Range { type_name, value }
}

/// UTF-8 that lone surrogates pass through, three bytes each: Python's `surrogatepass`.
fn surrogates_utf8(points: &[u32]) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(points.len() * 3);
    for &point in points {
        match (char::from_u32(point), u16::try_from(point)) {
            (Some(letter), _) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            (None, Ok(half)) => {
                let [high, low] = half.to_be_bytes();
                out.extend_from_slice(&[
                    0xE0 | high >> 4,
                    0x80 | (high & 0xF) << 2 | low >> 6,
                    0x80 | low & 0x3F,
                ]);
            }
            (None, Err(_)) => return Err(out_of_range("str", format!("the code point {point:#x}"))),
        }
    }
    Ok(out)
}
