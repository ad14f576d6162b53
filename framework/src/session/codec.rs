//! The text in which Django keeps a session: serialized, compressed when that is shorter, signed with a salt and a time.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::serialize::encode_error::EncodeError;
use crate::serialize::value::Dict;
use crate::session::serializers::SessionSerializer;
use crate::signing::b62;
use crate::signing::codec::SignedCodec;
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;

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

/// What a rightly signed text tells: [`SessionCodec::inspect`].
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The dict; `None` if the serializer cannot read it.
    pub data: Option<Dict>,
    /// Whether one of `SECRET_KEY_FALLBACKS` signed it.
    pub by_fallback: bool,
    /// When it was signed, to the second; `None` beyond the year 9999.
    pub signed_at: Option<OffsetDateTime>,
}

/// When a signed text says that it was signed: true only if its signature is.
pub(crate) fn signed_at(text: &str) -> Option<OffsetDateTime> {
    let seconds = text.rsplit(':').nth(1).and_then(|stamp| b62::decode(stamp).ok())?;
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
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

    /// All that a text tells, for people.
    ///
    /// # Errors
    /// Why the text cannot be trusted, or is none that a session was signed as.
    pub fn inspect(&self, text: &str) -> Result<Inspected, SignatureError> {
        let opened = self.signed.open(text, None)?;
        let data = self.serializer.loads(&opened.payload);
        Ok(Inspected { data, by_fallback: opened.by_fallback, signed_at: signed_at(text) })
    }

    /// The dict of a text. It never fails: what was tampered with or cannot be read is an empty session and a line in the
    /// log.
    #[must_use]
    pub fn decode(&self, text: &str) -> Decoded {
        match self.signed.open(text, None) {
            Ok(opened) => match self.serializer.loads(&opened.payload) {
                Some(data) => Decoded { data, stale: opened.by_fallback },
                None => {
                    tracing::warn!(
                        target: "nuages.session",
                        "a stored session is not what SESSION_SERIALIZER writes: it counts as empty"
                    );
                    Decoded { stale: true, ..Decoded::default() }
                }
            },
            Err(error) => {
                if error.is_bad_signature() {
                    tracing::warn!(target: "django.security.SuspiciousSession", "Session data corrupted");
                } else {
                    // Django is silent here: this line is not one of its loggers'.
                    tracing::warn!(target: "nuages.session", %error, "a stored session cannot be read: it counts as empty");
                }
                Decoded { stale: true, ..Decoded::default() }
            }
        }
    }
}
