//! The text in which Django keeps a session: serialized, compressed when that is shorter, signed with a salt and a time.

use std::sync::Arc;

use crate::serialize::encode_error::EncodeError;
use crate::serialize::value::Dict;
use crate::session::serializers::SessionSerializer;
use crate::signing::codec::SignedCodec;
use crate::signing::keys::SigningKeys;

/// The salt of db, file and cached_db: the name of Django's class, so that their texts are interchangeable.
pub const SALT: &str = "django.contrib.sessions.SessionStore";

/// Encodes and decodes (Django 5.2 `contrib/sessions/backends/base.py`, `encode` and `decode`).
#[derive(Debug, Clone)]
pub struct SessionCodec {
    signed: SignedCodec,
    serializer: Arc<dyn SessionSerializer>,
}

/// What a stored text holds.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// The dict; empty for a text that cannot be trusted or read.
    pub data: Dict,
    /// Whether the text wants to be written anew: signed with a fallback key, or unreadable.
    pub stale: bool,
}

impl SessionCodec {
    /// Signs with the first of the keys under that salt.
    #[must_use]
    pub fn new(keys: &SigningKeys, salt: &str, serializer: Arc<dyn SessionSerializer>) -> Self {
        Self { signed: SignedCodec::new(keys, salt), serializer }
    }

    /// The serializer of `SESSION_SERIALIZER`.
    #[must_use]
    pub fn serializer(&self) -> &Arc<dyn SessionSerializer> {
        &self.serializer
    }

    /// The text of a dict, signed now.
    ///
    /// # Errors
    /// When the serializer cannot write one of the values.
    pub fn encode(&self, data: &Dict) -> Result<String, EncodeError> {
        Ok(self.signed.dumps(&self.serializer.dumps(data)?, true))
    }

    /// The dict of a text. It never fails: what was tampered with is an empty session and a line in the log, what cannot
    /// be read is an empty session.
    #[must_use]
    pub fn decode(&self, text: &str) -> Decoded {
        match self.signed.open(text, None) {
            Ok(opened) => match self.serializer.loads(&opened.payload) {
                Some(data) => Decoded { data, stale: opened.by_fallback },
                None => Decoded { stale: true, ..Decoded::default() },
            },
            Err(error) => {
                if error.is_bad_signature() {
                    tracing::warn!(target: "django.security.SuspiciousSession", "Session data corrupted");
                }
                Decoded { stale: true, ..Decoded::default() }
            }
        }
    }
}
