//! Why bytes are no pickle of data.

use crate::serialize::value::UnhashableError;

/// Why a pickle was not read. Nothing was executed on the way: a pickle that needs it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It ends before its STOP, or a length in it points beyond its end.
    #[error("the pickle ends early: something at byte {offset} needs more")]
    Truncated {
        /// Bytes from the start.
        offset: usize,
    },
    /// No opcode of protocols 0 to 5.
    #[error("byte {offset} of the pickle is 0x{opcode:02x}, which is no opcode of protocols 0 to 5")]
    Opcode {
        /// The byte.
        opcode: u8,
        /// Bytes from the start.
        offset: usize,
    },
    /// A protocol of a Python to come.
    #[error("pickle protocol {0} is not known; protocols 0 to 5 are")]
    Protocol(u8),
    /// An argument that is not of its form: a number that is none, text that is no UTF-8.
    #[error("byte {offset} of the pickle: not {expected}")]
    Argument {
        /// What should be there.
        expected: &'static str,
        /// Bytes from the start.
        offset: usize,
    },
    /// An opcode that finds nothing, or nothing of its kind, on the stack.
    #[error("byte {offset} of the pickle: the opcode 0x{opcode:02x} finds nothing it could work on")]
    Stack {
        /// The opcode.
        opcode: u8,
        /// Bytes from the start.
        offset: usize,
    },
    /// It refers to an earlier object that is not there.
    #[error("byte {offset} of the pickle: no object was remembered as {index}")]
    Memo {
        /// The number of the object.
        index: usize,
        /// Bytes from the start.
        offset: usize,
    },
    /// It names a class or function that is no data: nothing is imported, nothing is called.
    #[error(
        "the pickle asks for {module:?}.{name:?}, which is no data: only numbers, text, bytes, containers, dates, times, Decimal and UUID are read"
    )]
    Refused {
        /// The module.
        module: String,
        /// The class or function in it.
        name: String,
    },
    /// A way of referring to something outside of the pickle.
    #[error("byte {offset} of the pickle: {what} point outside of the pickle and are refused")]
    Outside {
        /// Which way.
        what: &'static str,
        /// Bytes from the start.
        offset: usize,
    },
    /// A class of the allow-list, made of something that it is never made of by its own pickles, or that
    /// [`Value`](crate::serialize::value::Value) has no word for: a zone that is no fixed offset of whole seconds, a
    /// `time` with a zone.
    #[error("the pickle makes a {0} of something that data is not made of")]
    Construction(&'static str),
    /// Where data should be there is a class, a zone or an unfinished object.
    #[error("the pickle holds a {0} where data should be")]
    NoData(&'static str),
    /// A dict's key or a set's item that can change.
    #[error(transparent)]
    Unhashable(#[from] UnhashableError),
    /// A container that holds itself.
    #[error("the pickle holds a container that contains itself, which a value cannot")]
    Cycle,
    /// Nested deeper than Python writes.
    #[error("the pickle is nested deeper than Python writes one")]
    Depth,
    /// References to shared objects make the value far bigger than the pickle: a bomb.
    #[error("the value is far bigger than its pickle: shared objects are repeated too often")]
    Size,
}
