//! Python's JSON, to the byte: what `django.core.signing.JSONSerializer` writes and reads (Django 5.2 core/signing.py).
//!
//! [`dumps`] is `json.dumps(value, separators=(",", ":")).encode("latin-1")`, [`loads`] is
//! `json.loads(data.decode("latin-1"))`. So, unlike most JSON:
//!
//! * the text is pure ASCII (`é` is `\u00e9`, `😀` is `\ud83d\ude00`, DEL is `\u007f`), and lone surrogates pass;
//! * `NaN`, `Infinity` and `-Infinity` are written and read;
//! * integers have any size up to [`MAX_DIGITS`](crate::serialize::encode_error::MAX_DIGITS), `1` and `1.0` stay different, floats are `repr()`;
//! * keys that are `int`, `float`, `bool` or `None` become text, tuples become lists;
//! * bytes beyond ASCII are latin-1, one character each;
//! * a name that comes twice has its last value at its first place.
//!
//! ```
//! use nuages::serialize::json;
//! use nuages::serialize::value::{Dict, Value};
//!
//! let dict = Dict::from([("name", Value::from("Zoë")), ("visits", Value::from(1))]);
//! let text = json::dumps_dict(&dict).unwrap();
//! assert_eq!(text, br#"{"name":"Zo\u00eb","visits":1}"#);
//! assert_eq!(json::loads(&text), Ok(Value::Dict(dict)));
//! ```

mod fault;
mod reader;
mod writer;

pub use self::fault::DecodeError;

use self::reader::Reader;
use self::writer::{write_dict, write_value};
use crate::serialize::encode_error::EncodeError;
use crate::serialize::value::{Dict, Value};

/// The JSON of a value: `json.dumps(value, separators=(",", ":")).encode("latin-1")`.
///
/// # Errors
///
/// For what Python's encoder refuses; [`EncodeError::python_name`] says how.
pub fn dumps(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    write_value(value, 0, &mut out)?;
    Ok(out)
}

/// The JSON of a dict; see [`dumps`].
///
/// # Errors
///
/// As [`dumps`].
pub fn dumps_dict(dict: &Dict) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(32 + 32 * dict.len());
    write_dict(dict, 0, &mut out)?;
    Ok(out)
}

/// The value of a JSON text: `json.loads(data.decode("latin-1"))`.
///
/// # Errors
///
/// Where Python raises `JSONDecodeError`, `ValueError` or `RecursionError`.
pub fn loads(data: &[u8]) -> Result<Value, DecodeError> {
    Reader::new(data).document()
}

#[cfg(test)]
mod tests;
