//! Why bytes are no JSON.

use crate::serialize::encode_error::{MAX_DEPTH, MAX_DIGITS};

/// Why bytes are no JSON to Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Something else was expected at that byte: Python's `json.JSONDecodeError`.
    #[error("{expected} (char {offset})")]
    Syntax {
        /// What is wrong, in Python's words.
        expected: &'static str,
        /// Bytes from the start.
        offset: usize,
    },
    /// An integer of too many digits: Python's `ValueError`.
    #[error("Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {0} digits")]
    Digits(usize),
    /// Nested too deep: Python's `RecursionError`.
    #[error("lists and dicts are nested more than {MAX_DEPTH} deep")]
    Depth,
}
