//! The pickle machine: reads opcodes and makes objects of them.

use std::borrow::Cow;

use num_bigint::BigInt;
use smallvec::SmallVec;

use crate::serialize::encode_error::MAX_DIGITS;
use crate::serialize::pickle::arena::{Arena, Id, Object};
use crate::serialize::pickle::calls::{call, long, set_state};
use crate::serialize::pickle::cursor::Cursor;
use crate::serialize::pickle::fault::DecodeError;
use crate::serialize::pickle::global::Global;
use crate::serialize::pickle::opcode;
use crate::serialize::pickle::text::{self, Text};
use crate::serialize::value::Value;

const NEWEST_PROTOCOL: u8 = 5;

/// Some objects, of which a session of a few keys needs no memory of their own.
type Ids = SmallVec<[Id; 8]>;

pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    arena: Arena<'a>,
    stack: Ids,
    /// How high the stack was at each open mark.
    marks: SmallVec<[usize; 4]>,
    memo: SmallVec<[Option<Id>; 8]>,
    /// How many places of the memo are taken.
    remembered: usize,
    /// A pickle remembers at most as many objects as it has bytes.
    length: usize,
    /// The opcode that is at work, and where it is.
    opcode: u8,
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(data),
            arena: Arena::new(data.len()),
            stack: SmallVec::new(),
            marks: SmallVec::new(),
            memo: SmallVec::new(),
            remembered: 0,
            length: data.len(),
            opcode: 0,
            offset: 0,
        }
    }

    pub(super) fn document(mut self) -> Result<Value, DecodeError> {
        loop {
            self.offset = self.cursor.offset();
            self.opcode = self.cursor.byte()?;
            if self.opcode == opcode::STOP {
                let root = self.pop()?;
                return self.arena.into_value(root);
            }
            self.step()?;
        }
    }

    fn step(&mut self) -> Result<(), DecodeError> {
        let object = match self.opcode {
            opcode::NONE => Object::Value(Value::None),
            opcode::NEWTRUE => Object::Value(Value::Bool(true)),
            opcode::NEWFALSE => Object::Value(Value::Bool(false)),
            opcode::BININT => Object::Value(Value::Int(i32::from_le_bytes(self.cursor.array()?).into())),
            opcode::BININT1 => Object::Value(Value::Int(self.cursor.byte()?.into())),
            opcode::BININT2 => Object::Value(Value::Int(u16::from_le_bytes(self.cursor.array()?).into())),
            opcode::LONG1 => Object::Value(long(self.cursor.counted8()?)),
            opcode::LONG4 => Object::Value(long(self.signed_counted()?)),
            opcode::INT => Object::Value(self.int_line()?),
            opcode::LONG => {
                let line = self.cursor.line()?;
                Object::Value(self.int_of(line.strip_suffix(b"L").unwrap_or(line))?)
            }
            opcode::BINFLOAT => Object::Value(Value::Float(f64::from_be_bytes(self.cursor.array()?))),
            opcode::FLOAT => {
                let line = self.cursor.text_line("a number")?;
                Object::Value(Value::Float(line.parse().map_err(|_| self.not("a number"))?))
            }
            opcode::SHORT_BINUNICODE => self.utf8(Cursor::counted8)?,
            opcode::BINUNICODE => self.utf8(Cursor::counted32)?,
            opcode::BINUNICODE8 => self.utf8(Cursor::counted64)?,
            opcode::UNICODE => {
                let line = self.cursor.line()?;
                text::raw_unicode_escape(line).ok_or_else(|| self.not("text with \\u escapes"))?.into()
            }
            opcode::STRING => {
                let line = self.cursor.line()?;
                let bytes = text::quoted(line).ok_or_else(|| self.not("a quoted string"))?;
                self.ascii(Cow::Owned(bytes))?
            }
            opcode::BINSTRING => {
                let bytes = self.signed_counted()?;
                self.ascii(Cow::Borrowed(bytes))?
            }
            opcode::SHORT_BINSTRING => {
                let bytes = self.cursor.counted8()?;
                self.ascii(Cow::Borrowed(bytes))?
            }
            opcode::SHORT_BINBYTES => Object::Bytes(self.cursor.counted8()?.into()),
            opcode::BINBYTES => Object::Bytes(self.cursor.counted32()?.into()),
            opcode::BINBYTES8 => Object::Bytes(self.cursor.counted64()?.into()),
            opcode::BYTEARRAY8 => Object::ByteArray(self.cursor.counted64()?.into()),
            opcode::EMPTY_LIST => Object::List(vec![]),
            opcode::EMPTY_TUPLE => Object::Tuple(vec![]),
            opcode::EMPTY_DICT => Object::Dict(vec![]),
            opcode::EMPTY_SET => Object::Set(vec![]),
            opcode::LIST => Object::List(self.pop_to_mark()?.into_vec()),
            opcode::TUPLE => Object::Tuple(self.pop_to_mark()?.into_vec()),
            opcode::FROZENSET => Object::FrozenSet(self.pop_to_mark()?.into_vec()),
            opcode::DICT => {
                let items = self.pop_to_mark()?;
                Object::Dict(self.pairs(&items)?.collect())
            }
            opcode::TUPLE1 => Object::Tuple(self.pop_last(1)?),
            opcode::TUPLE2 => Object::Tuple(self.pop_last(2)?),
            opcode::TUPLE3 => Object::Tuple(self.pop_last(3)?),
            opcode::GLOBAL => Object::Global(self.global_lines()?),
            opcode::STACK_GLOBAL => {
                let [module, name] = self.pop_array()?;
                match (self.arena.get(module), self.arena.get(name)) {
                    (Object::Text(module), Object::Text(name)) => Object::Global(Global::find(module, name)?),
                    _ => return Err(self.nothing()),
                }
            }
            opcode::REDUCE | opcode::NEWOBJ => {
                let [class, arguments] = self.pop_array()?;
                self.call(class, arguments)?
            }
            opcode::NEWOBJ_EX => {
                let [class, arguments, named] = self.pop_array()?;
                match self.arena.get(named) {
                    Object::Dict(named) if named.is_empty() => self.call(class, arguments)?,
                    _ => return Err(self.nothing()),
                }
            }
            opcode::INST => {
                let class = self.global_lines()?;
                let arguments = self.pop_to_mark()?;
                call(&mut self.arena, class, &arguments)?
            }
            opcode::OBJ => {
                let items = self.pop_to_mark()?;
                match items.split_first().map(|(class, arguments)| (self.arena.get(*class), arguments)) {
                    Some((&Object::Global(class), arguments)) => call(&mut self.arena, class, arguments)?,
                    _ => return Err(self.nothing()),
                }
            }
            _ => return self.work(),
        };
        let id = self.arena.add(object);
        self.stack.push(id);
        Ok(())
    }

    /// The opcodes that push no new object.
    fn work(&mut self) -> Result<(), DecodeError> {
        match self.opcode {
            opcode::PROTO => match self.cursor.byte()? {
                0..=NEWEST_PROTOCOL => {}
                newer => return Err(DecodeError::Protocol(newer)),
            },
            opcode::FRAME => {
                let length = u64::from_le_bytes(self.cursor.array()?);
                if !self.cursor.has(length) {
                    return Err(DecodeError::Truncated { offset: self.offset });
                }
            }
            opcode::MARK => self.marks.push(self.stack.len()),
            opcode::POP => {
                // A mark on top is what is popped.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            opcode::POP_MARK => {
                self.pop_to_mark()?;
            }
            opcode::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }
            opcode::MEMOIZE => self.put(self.remembered)?,
            opcode::PUT => {
                let index = self.index_line()?;
                self.put(index)?;
            }
            opcode::BINPUT => {
                let index = self.cursor.byte()?;
                self.put(index.into())?;
            }
            opcode::LONG_BINPUT => {
                let index = u32::from_le_bytes(self.cursor.array()?);
                self.put(index as usize)?;
            }
            opcode::GET => {
                let index = self.index_line()?;
                self.fetch(index)?;
            }
            opcode::BINGET => {
                let index = self.cursor.byte()?;
                self.fetch(index.into())?;
            }
            opcode::LONG_BINGET => {
                let index = u32::from_le_bytes(self.cursor.array()?);
                self.fetch(index as usize)?;
            }
            opcode::APPEND => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            opcode::APPENDS => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            opcode::SETITEM => {
                let entry: [Id; 2] = self.pop_array()?;
                self.set_items(&entry)?;
            }
            opcode::SETITEMS => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            opcode::ADDITEMS => {
                let added = self.pop_to_mark()?;
                let set = self.top()?;
                match self.arena.get_mut(set) {
                    Object::Set(items) => items.extend(added),
                    _ => return Err(self.nothing()),
                }
            }
            opcode::BUILD => {
                let state = self.pop()?;
                let object = self.top()?;
                set_state(&mut self.arena, object, state)
                    .ok_or(DecodeError::Construction("object's state"))?;
            }
            opcode::PERSID | opcode::BINPERSID => return Err(self.outside("persistent ids")),
            opcode::EXT1 | opcode::EXT2 | opcode::EXT4 => return Err(self.outside("extension codes")),
            opcode::NEXT_BUFFER | opcode::READONLY_BUFFER => {
                return Err(self.outside("out-of-band buffers"));
            }
            other => return Err(DecodeError::Opcode { opcode: other, offset: self.offset }),
        }
        Ok(())
    }

    fn call(&mut self, class: Id, arguments: Id) -> Result<Object<'a>, DecodeError> {
        let (&Object::Global(class), Object::Tuple(arguments)) =
            (self.arena.get(class), self.arena.get(arguments))
        else {
            return Err(self.nothing());
        };
        // No class of data takes more.
        let arguments: Vec<Id> = arguments.iter().take(4).copied().collect();
        call(&mut self.arena, class, &arguments)
    }

    fn append(&mut self, added: &[Id]) -> Result<(), DecodeError> {
        let list = self.top()?;
        match self.arena.get_mut(list) {
            Object::List(items) => items.extend_from_slice(added),
            _ => return Err(self.nothing()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), DecodeError> {
        let added = self.pairs(items)?;
        let dict = self.top()?;
        match self.arena.get_mut(dict) {
            Object::Dict(entries) => entries.extend(added),
            _ => return Err(self.nothing()),
        }
        Ok(())
    }

    fn pairs<'i>(&self, items: &'i [Id]) -> Result<impl Iterator<Item = (Id, Id)> + use<'i>, DecodeError> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err(self.nothing()) };
        Ok(pairs.iter().map(|&[key, value]| (key, value)))
    }

    fn put(&mut self, index: usize) -> Result<(), DecodeError> {
        let top = self.top()?;
        if index > self.length {
            return Err(DecodeError::Memo { index, offset: self.offset });
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        if self.memo[index].replace(top).is_none() {
            self.remembered += 1;
        }
        Ok(())
    }

    fn fetch(&mut self, index: usize) -> Result<(), DecodeError> {
        let known = self.memo.get(index).copied().flatten();
        self.stack.push(known.ok_or(DecodeError::Memo { index, offset: self.offset })?);
        Ok(())
    }

    /// The height below which the open mark lets nothing be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, DecodeError> {
        self.stack[self.floor()..].last().copied().ok_or_else(|| self.nothing())
    }

    fn pop(&mut self) -> Result<Id, DecodeError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Id>, DecodeError> {
        match self.stack.len().checked_sub(count).filter(|start| *start >= self.floor()) {
            Some(start) => Ok(self.stack.drain(start..).collect()),
            None => Err(self.nothing()),
        }
    }

    fn pop_array<const N: usize>(&mut self) -> Result<[Id; N], DecodeError> {
        let mut popped = [0; N];
        for place in popped.iter_mut().rev() {
            *place = self.pop()?;
        }
        Ok(popped)
    }

    fn pop_to_mark(&mut self) -> Result<Ids, DecodeError> {
        let mark = self.marks.pop().ok_or_else(|| self.nothing())?;
        Ok(self.stack.drain(mark..).collect())
    }

    fn utf8(
        &mut self,
        counted: impl FnOnce(&mut Cursor<'a>) -> Result<&'a [u8], DecodeError>,
    ) -> Result<Object<'a>, DecodeError> {
        text::utf8(counted(&mut self.cursor)?).map(Object::from).ok_or_else(|| self.not("UTF-8"))
    }

    /// A byte string of Python 2, which Python 3 takes for ASCII text.
    fn ascii(&self, bytes: Cow<'a, [u8]>) -> Result<Object<'a>, DecodeError> {
        let text = match bytes {
            Cow::Borrowed(bytes) if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) if bytes.is_ascii() => String::from_utf8(bytes).ok().map(Cow::Owned),
            _ => None,
        };
        text.map(|text| Object::from(Text::Plain(text))).ok_or_else(|| self.not("ASCII text"))
    }

    /// The bytes that follow a length of four bytes that has a sign.
    fn signed_counted(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = i32::from_le_bytes(self.cursor.array()?);
        let length = usize::try_from(length).map_err(|_| self.not("a length"))?;
        self.cursor.take(length)
    }

    fn global_lines(&mut self) -> Result<Global, DecodeError> {
        let module = self.cursor.text_line("a module's name")?;
        let name = self.cursor.text_line("a class's name")?;
        Global::find(module, name)
    }

    /// An integer; protocols 0 and 1 write bools as `01` and `00`.
    fn int_line(&mut self) -> Result<Value, DecodeError> {
        match self.cursor.line()? {
            b"01" => Ok(Value::Bool(true)),
            b"00" => Ok(Value::Bool(false)),
            digits => self.int_of(digits),
        }
    }

    fn int_of(&self, digits: &[u8]) -> Result<Value, DecodeError> {
        // The same limit as Python's, for the same reason: the time grows with the square of the length.
        if digits.iter().filter(|byte| byte.is_ascii_digit()).count() > MAX_DIGITS {
            return Err(self.not("an integer of a number of digits that Python reads"));
        }
        BigInt::parse_bytes(digits, 10)
            .filter(|_| !digits.contains(&b'_'))
            .map(Value::from)
            .ok_or_else(|| self.not("an integer"))
    }

    fn index_line(&mut self) -> Result<usize, DecodeError> {
        let line = self.cursor.text_line("the number of an object")?;
        line.parse().map_err(|_| self.not("the number of an object"))
    }

    const fn not(&self, expected: &'static str) -> DecodeError {
        DecodeError::Argument { expected, offset: self.offset }
    }

    const fn nothing(&self) -> DecodeError {
        DecodeError::Stack { opcode: self.opcode, offset: self.offset }
    }

    const fn outside(&self, what: &'static str) -> DecodeError {
        DecodeError::Outside { what, offset: self.offset }
    }
}
