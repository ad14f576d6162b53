//! `SESSION_SERIALIZER`: how the dict becomes bytes.

use std::fmt;

use crate::serialize::encode_error::EncodeError;
use crate::serialize::pickle::DecodeError;
use crate::serialize::value::{Dict, Value};
use crate::serialize::{json, pickle};

/// Turns a session's dict into bytes and back. A site registers its own under a name of its own.
pub trait SessionSerializer: fmt::Debug + Send + Sync + 'static {
    /// The bytes of a dict.
    ///
    /// # Errors
    /// When the dict holds a value that this form has no way to write: nothing is stored then.
    fn dumps(&self, data: &Dict) -> Result<Vec<u8>, EncodeError>;

    /// The dict of some bytes, or `None` when they are not what [`SessionSerializer::dumps`] makes: an empty session then.
    fn loads(&self, bytes: &[u8]) -> Option<Dict>;
}

/// `django.contrib.sessions.serializers.JSONSerializer`: Python's JSON, ASCII alone (Django 5.2 `core/signing.py`).
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonSerializer;

impl SessionSerializer for JsonSerializer {
    fn dumps(&self, data: &Dict) -> Result<Vec<u8>, EncodeError> {
        json::dumps_dict(data)
    }

    fn loads(&self, bytes: &[u8]) -> Option<Dict> {
        match json::loads(bytes).ok()? {
            Value::Dict(data) => Some(data),
            _ => None,
        }
    }
}

/// `django.contrib.sessions.serializers.PickleSerializer`: Python's pickles, as far as they are data (Django 4.2
/// `core/serializers/base.py`; Django 5.0 dropped it).
///
/// With it a session keeps what JSON has no word for: tuples, sets, bytes, dates and times, `Decimal`, `UUID`, keys that are no text.
/// Nothing is executed by reading one: a pickle that asks for more than data is an empty session.
#[derive(Debug, Clone, Copy, Default)]
pub struct PickleSerializer;

impl SessionSerializer for PickleSerializer {
    fn dumps(&self, data: &Dict) -> Result<Vec<u8>, EncodeError> {
        pickle::dumps_dict(data)
    }

    fn loads(&self, bytes: &[u8]) -> Option<Dict> {
        match pickle::loads(bytes) {
            Ok(Value::Dict(data)) => Some(data),
            Ok(_) => None,
            Err(error) => {
                if matches!(error, DecodeError::Refused { .. } | DecodeError::Size) {
                    // Somebody who can sign, or write to the store, tried.
                    tracing::warn!(target: "nuages.session", %error, "a stored pickle was refused");
                }
                None
            }
        }
    }
}

/// A row of the table of serializers.
#[derive(Debug, Clone, Copy)]
pub struct SerializerDef {
    /// The dotted name in `SESSION_SERIALIZER`.
    pub name: &'static str,
    /// Makes it.
    pub build: fn() -> std::sync::Arc<dyn SessionSerializer>,
}

/// Those that nuages brings, by Django's names.
pub const SERIALIZERS: &[SerializerDef] = &[
    SerializerDef {
        name: "django.contrib.sessions.serializers.JSONSerializer",
        build: || std::sync::Arc::new(JsonSerializer),
    },
    SerializerDef {
        name: "django.contrib.sessions.serializers.PickleSerializer",
        build: || std::sync::Arc::new(PickleSerializer),
    },
];
