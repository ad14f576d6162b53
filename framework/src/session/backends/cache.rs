//! `django.contrib.sessions.backends.cache`: entries of a cache.
//!
//! The entries are Django's (Django 5.2 `contrib/sessions/backends/cache.py`): in the cache of `SESSION_CACHE_ALIAS`, under
//! `django.contrib.sessions.cache` and the key, the dict itself as that cache writes values (a pickle), kept for as long as
//! the session lives. Neither `SESSION_SERIALIZER` nor `SECRET_KEY` has a part in it: whoever may write to the cache may
//! write sessions.
//!
//! A save is a compare-and-set of the cache: nothing that a concurrent request stored is lost, and what was deleted is not
//! inserted again. A cache may forget entries whenever it needs the room, and its sessions with them:
//! `django.contrib.sessions.backends.cached_db` does not.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;

use crate::cache::backend::{Deleted, Replaced, Timeout, Touched, Ttl, Version as CacheVersion};
use crate::cache::dummy::DummyCache;
use crate::cache::error::CacheError;
use crate::cache::handle::Cache;
use crate::cache::key::CacheKey;
use crate::checks::CheckMessage;
use crate::conf::caches::CacheSettings;
use crate::serialize::value::{Dict, Value};
use crate::session::engine::{EngineDef, EngineParts, Quirks, SessionEngine};
use crate::session::expiry::{ExpiryError, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.cache", build };

/// What the keys in the cache begin with.
const KEY_PREFIX: &str = "django.contrib.sessions.cache";

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let (cache, fault) = cache_of(&parts)?;
    let store = CacheStore {
        entries: Entries::new(cache, KEY_PREFIX, Arc::clone(parts.policy)),
        django_faults: parts.settings.django_faults,
    };
    let quirks = Quirks { asks_before_loading: true, ..Quirks::default() };
    let engine = SessionEngine::new(ENGINE.name, Arc::new(store), parts).with_quirks(quirks);
    Ok(match fault {
        Some(fault) => engine.out_of_order(fault),
        None => engine,
    })
}

/// The cache of `SESSION_CACHE_ALIAS`, or one that keeps nothing and the fault that was silenced.
pub(super) fn cache_of(parts: &EngineParts<'_>) -> Result<(Cache, Option<String>), Vec<CheckMessage>> {
    match parts.caches.get(&parts.settings.cache_alias) {
        Ok(cache) => Ok((cache.clone(), None)),
        Err(error) => {
            let fault = CheckMessage::error("nuages.E022", format!("SESSION_CACHE_ALIAS: {error}"))
                .hint("Name a cache of CACHES, or add one.");
            if !parts.is_silenced(&fault) {
                return Err(vec![fault]);
            }
            let none = Cache::new("none", Arc::new(DummyCache), &CacheSettings::default());
            Ok((none, Some(fault.message)))
        }
    }
}

/// Sessions in a cache.
#[derive(Debug)]
pub struct CacheStore {
    entries: Entries,
    /// `SESSION_DJANGO_FAULTS`: a cache that cannot be read logs its visitors out; a key that it does not take is an error
    /// of the store.
    django_faults: bool,
}

impl CacheStore {
    /// Sessions in that cache.
    #[must_use]
    pub fn new(cache: Cache, policy: Arc<ExpiryPolicy>) -> Self {
        Self { entries: Entries::new(cache, KEY_PREFIX, policy), django_faults: false }
    }

    fn failed(&self, error: CacheError) -> StoreError {
        match error {
            CacheError::InvalidKey { .. } if !self.django_faults => StoreError::InvalidKey,
            error => self.entries.failed(error),
        }
    }

    async fn find(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        match self.entries.get(key).await {
            Ok(found) => Ok(found.map(|(data, CacheVersion(version))| Loaded {
                data,
                version: Version(version),
                stale: false,
                expires: None,
            })),
            Err(CacheError::InvalidKey { .. }) => Ok(None),
            // Such an entry is nobody's session: the next save of that visitor makes a new one.
            Err(CacheError::Decode { source, .. }) => {
                self.entries.note_unreadable(&*source);
                Ok(None)
            }
            Err(_) if self.django_faults => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// The sessions' entries in a cache, as both engines with one keep them.
#[derive(Debug)]
pub(super) struct Entries {
    cache: Cache,
    prefix: &'static str,
    policy: Arc<ExpiryPolicy>,
}

impl Entries {
    pub(super) const fn new(cache: Cache, prefix: &'static str, policy: Arc<ExpiryPolicy>) -> Self {
        Self { cache, prefix, policy }
    }

    pub(super) const fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn key(&self, key: &SessionKey) -> Result<CacheKey, CacheError> {
        self.cache.key_of([self.prefix, key.as_str()])
    }

    /// How long an entry of that dict is kept.
    pub(super) fn ttl(&self, data: &Dict) -> Result<Ttl, ExpiryError> {
        Ok(self.cache.ttl(Timeout::Seconds(self.policy.seconds(data)?)))
    }

    /// An entry that holds something else than a dict is no session.
    pub(super) async fn get(&self, key: &SessionKey) -> Result<Option<(Dict, CacheVersion)>, CacheError> {
        let found = self.cache.backend().get_versioned(&self.key(key)?).await?;
        Ok(found.and_then(|(value, version)| match value {
            Value::Dict(data) => Some((data, version)),
            other => {
                let found = format!("it is a {}, not a dict", other.type_name());
                self.note_unreadable(&found);
                None
            }
        }))
    }

    /// An entry holds what no session is made of.
    pub(super) fn note_unreadable(&self, reason: &dyn fmt::Display) {
        let cache = self.cache.alias();
        tracing::warn!(target: "nuages.session", cache, "a session's entry cannot be read, and is none: {reason}");
    }

    /// The error of the store, which shows no session's key: whoever reads the log could use it.
    pub(super) fn failed(&self, error: CacheError) -> StoreError {
        let hidden = || format!("{}…", self.prefix);
        let error = match error {
            CacheError::Encode { alias, source, .. } => CacheError::Encode { alias, key: hidden(), source },
            CacheError::Decode { alias, source, .. } => CacheError::Decode { alias, key: hidden(), source },
            CacheError::Busy { alias, tries, .. } => CacheError::Busy { alias, key: hidden(), tries },
            error => error,
        };
        StoreError::Backend { store: format!("cache {:?}", self.cache.alias()), source: Box::new(error) }
    }
}

#[async_trait]
impl SessionStore for CacheStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        Ok(self.find(key).await?.map_or(Load::Missing, Load::Found))
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.find(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        // Django does not ask the cache about an empty key.
        if key.as_str().is_empty() {
            return Ok(false);
        }
        let key = self.entries.key(key).map_err(|error| self.failed(error))?;
        self.entries.cache.backend().has_key(&key).await.map_err(|error| self.failed(error))
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let entry = self.entries.key(key).map_err(|error| self.failed(error))?;
        let (value, ttl) = (Value::Dict(data.clone()), self.entries.ttl(data)?);
        let backend = self.entries.cache.backend();
        if !backend.add(&entry, &value, ttl).await.map_err(|error| self.failed(error))? {
            return Err(StoreError::Exists);
        }
        // Nobody else knows the key yet, so what is there is what was written; a cache that forgot it already has no version.
        let found = backend.get_versioned(&entry).await.map_err(|error| self.failed(error))?;
        let version = found.map_or_else(Version::default, |(_, CacheVersion(version))| Version(version));
        Ok(Saved { key: key.clone(), version })
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let entry = self.entries.key(key).map_err(|error| self.failed(error))?;
        let (value, ttl) = (Value::Dict(data.clone()), self.entries.ttl(data)?);
        let expected = expected.map(|version| CacheVersion(version.0.clone()));
        let backend = self.entries.cache.backend();
        let replaced = backend.replace(&entry, &value, ttl, expected.as_ref()).await;
        match replaced.map_err(|error| self.failed(error))? {
            Replaced::Stored(CacheVersion(version)) => {
                Ok(Saved { key: key.clone(), version: Version(version) })
            }
            Replaced::Missing => Err(StoreError::Gone),
            Replaced::Changed => Err(StoreError::Changed),
        }
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        let entry = self.entries.key(key).map_err(|error| self.failed(error))?;
        let (backend, ttl) = (self.entries.cache.backend(), self.entries.ttl(data)?);
        let touched = match expected {
            None => backend.touch(&entry, ttl).await.map(|done| match done {
                true => Touched::Touched,
                false => Touched::Missing,
            }),
            Some(Version(expected)) => backend.touch_if(&entry, ttl, &CacheVersion(expected.clone())).await,
        };
        match touched.map_err(|error| self.failed(error))? {
            Touched::Touched => Ok(()),
            Touched::Missing => Err(StoreError::Gone),
            Touched::Changed => Err(StoreError::Changed),
        }
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        let entry = self.entries.key(key).map_err(|error| self.failed(error))?;
        let backend = self.entries.cache.backend();
        let deleted = match expected {
            None => backend.delete(&entry).await,
            Some(Version(expected)) => match backend.delete_if(&entry, &CacheVersion(expected.clone())).await
            {
                Ok(Deleted::Changed) => return Err(StoreError::Changed),
                done => done.map(|done| done == Deleted::Deleted),
            },
        };
        deleted.map_err(|error| self.failed(error))
    }

    /// The cache does it by itself.
    async fn clear_expired(&self, _: NonZeroU32) -> Result<Cleared, StoreError> {
        Ok(Cleared::NOTHING)
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// A cache finds what it is given the key of.
    async fn page(&self, _: Option<&SessionKey>, _: NonZeroU32) -> Result<Vec<StoredRow>, StoreError> {
        Err(StoreError::Unsupported { engine: ENGINE.name, operation: "page" })
    }
}
