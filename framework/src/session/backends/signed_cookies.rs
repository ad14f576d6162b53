//! `django.contrib.sessions.backends.signed_cookies`: the session is its cookie.
//!
//! The cookie's value is Django's (Django 5.2 `contrib/sessions/backends/signed_cookies.py`): the serialized dict, compressed
//! when that is shorter, dated and signed with a salt of its own. Nothing is stored on the server, and so:
//!
//! * The visitor can read it. Whoever kept an old cookie can send it again, after a logout too, until it is too old.
//! * Concurrent requests cannot be merged: the browser keeps the cookie of the response that came last.
//! * It has to fit: a save that would pass `SESSION_COOKIE_MAX_SIZE` fails, with the sizes of its keys, since browsers drop
//!   such a cookie without a word.
//! * It ends when `set_expiry` says so, counted from its signing. Django asks `SESSION_COOKIE_AGE` alone
//!   (`SESSION_ENFORCE_EXPIRY = false`).

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::checks::CheckMessage;
use crate::serialize::datetime::DateTime;
use crate::serialize::value::{Dict, Key, Value};
use crate::session::codec::signed_at;
use crate::session::engine::{EngineDef, EngineParts, Quirks, SessionEngine};
use crate::session::expiry::ExpiryPolicy;
use crate::session::key::SessionKey;
use crate::session::serializers::SessionSerializer;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};
use crate::signing::codec::SignedCodec;
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.signed_cookies", build };

/// What the cookies are signed with besides the key.
pub const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let keys = SigningKeys::new(&parts.core.secret_key, &parts.core.secret_key_fallbacks);
    let room = CookieRoom {
        name: parts.settings.cookie_name.clone(),
        limit: parts.settings.cookie_max_size.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    };
    let store = CookieStore::new(&keys, Arc::clone(parts.codec.serializer()), Arc::clone(parts.policy), room);
    let quirks = Quirks { pop_forgets_renewal: parts.settings.django_faults, ..Quirks::default() };
    Ok(SessionEngine::new(ENGINE.name, Arc::new(store), parts).with_quirks(quirks))
}

/// Sessions in cookies.
#[derive(Debug)]
pub struct CookieStore {
    signed: SignedCodec,
    serializer: Arc<dyn SessionSerializer>,
    policy: Arc<ExpiryPolicy>,
    room: CookieRoom,
}

/// What the cookie has to fit into.
#[derive(Debug, Clone)]
pub struct CookieRoom {
    /// `SESSION_COOKIE_NAME`: browsers count it.
    pub name: String,
    /// How many bytes name and value may take; `None`: any number.
    pub limit: Option<usize>,
}

impl CookieStore {
    /// Sessions that are signed with those keys and fit into that room.
    #[must_use]
    pub fn new(
        keys: &SigningKeys,
        serializer: Arc<dyn SessionSerializer>,
        policy: Arc<ExpiryPolicy>,
        room: CookieRoom,
    ) -> Self {
        Self { signed: SignedCodec::new(keys, SALT), serializer, policy, room }
    }

    fn encode(&self, data: &Dict) -> Result<Saved, StoreError> {
        let text = self.signed.dumps(&self.serializer.dumps(data)?, true);
        // As browsers count (RFC 6265bis, section 5.7).
        let size = self.room.name.len() + text.len();
        if let Some(limit) = self.room.limit.filter(|limit| size > *limit) {
            return Err(StoreError::TooLarge { size, limit, keys: self.sizes(data) });
        }
        let key = SessionKey::parse(&text).ok_or(StoreError::InvalidKey)?;
        Ok(Saved { key, version: Version(Bytes::from(text)) })
    }

    /// What each key takes with its value, the largest first.
    fn sizes(&self, data: &Dict) -> Vec<(String, usize)> {
        let size = |(key, value): (&Key, &Value)| {
            let name = key.as_str().map_or_else(|| format!("{:?}", key.value()), str::to_owned);
            let alone = Dict::from_iter([(key.clone(), value.clone())]);
            (name, self.serializer.dumps(&alone).map_or(0, |bytes| bytes.len()))
        };
        let mut sizes: Vec<(String, usize)> = data.iter().map(size).collect();
        sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        sizes
    }

    /// The data of a cookie, if it can be trusted and is not too old.
    fn decode(&self, key: &SessionKey) -> Option<Loaded> {
        let text = key.as_str();
        #[expect(clippy::cast_precision_loss, reason = "an age of 285 million years would be rounded")]
        let max_age = self.policy.cookie_age as f64;
        let (opened, in_age) = match self.signed.open(text, Some(max_age)) {
            Ok(opened) => (opened, true),
            Err(SignatureError::Expired { .. }) if self.policy.enforce => {
                (self.signed.open(text, None).ok()?, false)
            }
            Err(error) => {
                if matches!(error, SignatureError::Expired { .. }) {
                    tracing::debug!(target: "nuages.session", "a session cookie is too old");
                } else {
                    tracing::warn!(target: "nuages.session", "a session cookie was forged or damaged");
                }
                return None;
            }
        };
        let Some(data) = self.serializer.loads(&opened.payload) else {
            tracing::warn!(target: "nuages.session", "a session cookie is not what SESSION_SERIALIZER writes");
            return None;
        };
        let expires = self.expires(text, &data);
        let has_own = ExpiryPolicy::custom(&data).is_some_and(Value::is_truthy);
        let lives = match expires {
            Some(expires) if self.policy.enforce && has_own => {
                self.policy.now().since(expires).is_ok_and(|late| late.as_microseconds() <= 0)
            }
            _ => in_age,
        };
        if !lives || self.policy.has_ended(&data) {
            tracing::debug!(target: "nuages.session", "a session cookie is too old");
            return None;
        }
        let version = Version(Bytes::copy_from_slice(text.as_bytes()));
        Some(Loaded { data, version, stale: opened.by_fallback, expires })
    }

    /// When a cookie that was rightly signed expires, from the time of its signing.
    fn expires(&self, text: &str, data: &Dict) -> Option<DateTime> {
        self.policy.expires(data, self.policy.at(signed_at(text)?)).ok()
    }
}

#[async_trait]
impl SessionStore for CookieStore {
    fn residence(&self) -> Residence {
        Residence::Cookie
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        Ok(self.decode(key).map_or(Load::Renew, Load::Found))
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(self.decode(key))
    }

    /// Never: no key is taken.
    async fn exists(&self, _: &SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn insert(&self, _: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        self.encode(data)
    }

    async fn update(&self, _: &SessionKey, data: &Dict, _: Option<&Version>) -> Result<Saved, StoreError> {
        self.encode(data)
    }

    /// A cookie is renewed by being signed anew: there is nothing else to move.
    async fn touch(&self, _: &SessionKey, _: &Dict, _: Option<&Version>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Nothing is here to be deleted: the session forgets its data, and the middleware the cookie.
    async fn delete(&self, _: &SessionKey, _: Option<&Version>) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn clear_expired(&self, _: NonZeroU32) -> Result<Cleared, StoreError> {
        Ok(Cleared::NOTHING)
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// The visitors have them.
    async fn page(&self, _: Option<&SessionKey>, _: NonZeroU32) -> Result<Vec<StoredRow>, StoreError> {
        Err(StoreError::Unsupported { engine: ENGINE.name, operation: "page" })
    }
}
