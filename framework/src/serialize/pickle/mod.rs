//! Python's pickles, as a form of data: what `pickle.dumps` writes and what `pickle.loads` makes of it, with nothing
//! executed.
//!
//! A pickle is a program for a small machine, and Python's machine may import and call anything. This one knows the
//! classes that data is made of (`datetime`, `date`, `time`, `timedelta`, `timezone`, `Decimal`, `UUID`, `set`,
//! `frozenset`, `bytes`, `bytearray`, `complex`) and refuses every other name.
//!
//! # Writing
//!
//! [`dumps`] writes protocol 5, which Python 3.8 and later read, byte for byte as CPython 3.11 does: opcodes, batches
//! of 1000, frames of 64 KiB. What a value cannot know is which of its parts were ONE object in Python, where the second
//! occurrence of an object is written as a reference. Taken as one object are: empty text and bytes, a single latin-1
//! letter, a single byte, the UTC zone, and text keys of dicts that are equal to each other or to the name of a module
//! that the pickle names (as Python interns literals; keys that `json.loads` made are one object among themselves).
//! Equal values elsewhere are taken as different objects. Where Python's objects were otherwise its pickle is another one,
//! of an equal value. The items of a set are written in the order in which they are held; Python's is that of its hashes.
//!
//! # Reading
//!
//! [`loads`] reads protocols 0 to 5, whichever Python wrote them (byte strings of Python 2 are read if ASCII, as Python
//! 3 does). A shared object becomes copies. What a value has no word for is left out where the rest is the same
//! value (a zone's name, `fold`, a UUID's `is_safe`) and refused otherwise (a zone that is no fixed offset).
//! The work is bounded: nesting, and the size to which shared objects grow.
//!
//! ```
//! use nuages::serialize::pickle;
//! use nuages::serialize::value::{Dict, Value};
//!
//! let cart = Dict::from([("book", Value::Tuple(vec![Value::from(2), Value::from("gift")]))]);
//! let bytes = pickle::dumps_dict(&cart).unwrap();
//! assert_eq!(bytes, b"\x80\x05\x95\x16\0\0\0\0\0\0\0}\x94\x8c\x04book\x94K\x02\x8c\x04gift\x94\x86\x94s.");
//! assert_eq!(pickle::loads(&bytes), Ok(Value::Dict(cart)));
//!
//! let error = pickle::loads(b"cos\nsystem\n(S'rm -rf /'\ntR.").unwrap_err();
//! assert!(error.to_string().contains(r#""os"."system""#));
//! ```

mod arena;
mod calls;
mod cursor;
mod decimal;
mod fault;
mod frames;
mod global;
mod moment;
mod opcode;
mod reader;
mod text;
mod writer;

pub use self::fault::DecodeError;

use self::reader::Reader;
use self::writer::Writer;
use crate::serialize::encode_error::EncodeError;
use crate::serialize::value::{Dict, Value};

/// How deep a value may be nested, either way: where Python's pickler stops with a `RecursionError` at lists and dicts.
/// (Tuples and frozen sets it writes to twice the depth, if nothing else is on its stack.)
const MAX_DEPTH: usize = 499;

/// The pickle of a value: `pickle.dumps(value, 5)`.
///
/// # Errors
///
/// [`EncodeError::Depth`], and [`EncodeError::Range`] for what no Python object can hold (a date of the year 10,000).
pub fn dumps(value: &Value) -> Result<Vec<u8>, EncodeError> {
    Writer::new(128).value(value)
}

/// The pickle of a dict; see [`dumps`].
///
/// # Errors
///
/// As [`dumps`].
pub fn dumps_dict(dict: &Dict) -> Result<Vec<u8>, EncodeError> {
    Writer::new(32 + 32 * dict.len()).dict(dict)
}

/// The value of a pickle of any protocol. What follows the pickle is not looked at, as in Python.
///
/// # Errors
///
/// For what is no pickle, what is no data, and what is too big: [`DecodeError`].
pub fn loads(data: &[u8]) -> Result<Value, DecodeError> {
    Reader::new(data).document()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
