//! `django.contrib.sessions.backends.cached_db`: rows of `django_session`, with a cache before them.
//!
//! Rows and entries are Django's (Django 5.2 `contrib/sessions/backends/cached_db.py`): the rows those of
//! `django.contrib.sessions.backends.db`, the entries the dict under `django.contrib.sessions.cached_db` and the key in the
//! cache of `SESSION_CACHE_ALIAS`. A save writes the row, then the entry; a load looks for the entry, then for the row.
//!
//! # The row is the truth
//! Saves compare with the row, so concurrent requests lose nothing of each other's. An entry that was written while somebody
//! else wrote the row is taken out again: whoever puts one in looks at the row once more afterwards. So a logout, which
//! deletes the row first and then the entry, cannot be undone by a request that was just reading.
//!
//! # When the cache is down
//! Reading, logging in and logging out go on, from the rows alone (Django answers most of them with a 500). After a failure
//! the cache is left alone for a second, so that a server that hangs does not slow every request down.
//!
//! When it comes back it may hold what it held before: sessions that were saved since, or deleted. So that a logout made
//! meanwhile holds:
//!
//! * A process trusts an entry unseen only while it is in touch with the cache. After a failure, and after more than a
//!   second without any call, during which it may have missed an outage, it compares each session's entry with its row once
//!   more before it trusts it again, and takes the entry out if the row is gone. A new process trusts none. Under traffic this costs
//!   one `SELECT` a session and outage; without traffic there is nothing to save.
//! * The entries that a process could not change or delete, it deletes as soon as the cache answers again, for
//!   Django processes on the same cache, which trust every entry.
//!
//! What remains: while one process alone cannot reach the cache, others that can go on trusting the entry of a session that
//! it deletes, until it reaches the cache again. And a save that finds no more room to note an entry (10,000 of them) leaves
//! it to the comparison above.
//!
//! `SESSION_DJANGO_FAULTS = true` switches to Django's ways: every entry is trusted, and a cache that is down fails the requests.

mod trust;

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use self::trust::{Ledger, Trust};
use crate::cache::error::CacheError;
use crate::checks::CheckMessage;
use crate::serialize::value::{Dict, Value};
use crate::session::backends::cache::{Entries, cache_of};
use crate::session::backends::db::DbStore;
use crate::session::codec::SessionCodec;
use crate::session::engine::{EngineDef, EngineParts, Quirks, SessionEngine};
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.cached_db", build };

/// What the keys in the cache begin with.
const KEY_PREFIX: &str = "django.contrib.sessions.cached_db";

/// What the version of an entry begins with: no signed text does.
const FROM_CACHE: &[u8] = b"\0cache\0";

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let rows = DbStore::from_parts(&parts);
    let cache = cache_of(&parts);
    let (rows, (cache, fault)) = match (rows, cache) {
        (Ok(rows), Ok(cache)) => (rows, cache),
        (rows, cache) => {
            let faults = rows.err().into_iter().chain(cache.err()).flatten();
            return Err(faults.collect());
        }
    };
    let store = CachedDbStore {
        rows,
        entries: Entries::new(cache, KEY_PREFIX, Arc::clone(parts.policy)),
        codec: parts.codec.clone(),
        ledger: Ledger::default(),
        django_faults: parts.settings.django_faults,
    };
    let quirks = Quirks {
        saves_new_twice: parts.settings.django_faults,
        asks_for_free_keys: parts.settings.django_faults,
        ..Quirks::default()
    };
    let engine = SessionEngine::new(ENGINE.name, Arc::new(store), parts).with_quirks(quirks);
    Ok(match fault {
        Some(fault) => engine.out_of_order(fault),
        None => engine,
    })
}

/// Sessions in a database, with a cache before it.
#[derive(Debug)]
pub struct CachedDbStore {
    rows: DbStore,
    entries: Entries,
    codec: SessionCodec,
    ledger: Ledger,
    /// `SESSION_DJANGO_FAULTS`
    django_faults: bool,
}

/// What the cache says.
enum Hit {
    Found(Dict),
    Nothing,
    /// It was not asked, or did not answer.
    Down,
}

impl CachedDbStore {
    /// Asks the cache for an entry.
    async fn hit(&self, key: &SessionKey) -> Hit {
        if !self.django_faults && self.ledger.is_resting() {
            return Hit::Down;
        }
        match self.entries.get(key).await {
            Ok(found) => {
                self.answered().await;
                found.map_or(Hit::Nothing, |(data, _)| Hit::Found(data))
            }
            Err(CacheError::InvalidKey { .. }) => Hit::Nothing,
            // It answered, with what is no session.
            Err(CacheError::Decode { source, .. }) => {
                self.entries.note_unreadable(&*source);
                Hit::Nothing
            }
            Err(error) => {
                self.ledger.failed();
                tracing::warn!(target: "nuages.session", %error, "the cache was not read: the table is");
                Hit::Down
            }
        }
    }

    /// The cache answered: what could not be deleted while it did not, is now.
    async fn answered(&self) {
        self.ledger.answered();
        let owed = self.ledger.take_owed();
        if owed.is_empty() {
            return;
        }
        let keys: Vec<_> = owed.iter().filter_map(|key| self.entries.key(key).ok()).collect();
        if let Err(error) = self.entries.cache().backend().delete_many(&keys).await {
            tracing::warn!(target: "nuages.session", %error, "outdated entries were not deleted yet");
            self.ledger.failed();
            owed.into_iter().for_each(|key| self.ledger.owe(key));
        }
    }

    /// Stores an entry.
    async fn put(&self, key: &SessionKey, data: &Dict) -> Result<(), StoreError> {
        let ttl = self.entries.ttl(data)?;
        let written = match self.entries.key(key) {
            Ok(entry) if self.django_faults || !self.ledger.is_resting() => {
                let value = Value::Dict(data.clone());
                self.entries.cache().backend().set(&entry, &value, ttl).await
            }
            Ok(_) => {
                self.ledger.owe(key.clone());
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                self.answered().await;
                self.ledger.trust(key);
                Ok(())
            }
            Err(error) => {
                self.ledger.owe(key.clone());
                if !matches!(error, CacheError::InvalidKey { .. }) {
                    self.ledger.failed();
                }
                Err(self.entries.failed(error))
            }
        }
    }

    /// [`CachedDbStore::put`] after a save: its row is what counts.
    async fn put_saved(&self, key: &SessionKey, data: &Dict) -> Result<(), StoreError> {
        match self.put(key, data).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let cache = self.entries.cache().alias();
                tracing::error!(target: "django.contrib.sessions", %error, "Error saving to cache ({cache})");
                // What was there before is not what the row is now.
                if matches!(error, StoreError::Expiry(_)) && !self.django_faults {
                    self.take(key).await?;
                }
                Ok(())
            }
        }
    }

    /// Deletes an entry.
    async fn take(&self, key: &SessionKey) -> Result<(), StoreError> {
        let deleted = match self.entries.key(key) {
            Ok(entry) if self.django_faults || !self.ledger.is_resting() => {
                self.entries.cache().backend().delete(&entry).await
            }
            Ok(_) => {
                self.ledger.owe(key.clone());
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match deleted {
            Ok(_) => {
                self.answered().await;
                Ok(())
            }
            Err(error) if self.django_faults => Err(self.entries.failed(error)),
            // What the cache takes no such key for, it cannot hold.
            Err(CacheError::InvalidKey { .. }) => Ok(()),
            Err(error) => {
                self.ledger.failed();
                self.ledger.owe(key.clone());
                tracing::warn!(target: "nuages.session", %error, "an entry was not deleted yet");
                Ok(())
            }
        }
    }

    /// After an entry was put in: takes it out if the row is not, or no longer, the one that it was made of.
    async fn settle(&self, key: &SessionKey, version: &Version) -> Result<(), StoreError> {
        if self.django_faults {
            return Ok(());
        }
        match self.rows.reload(key).await? {
            Some(row) if row.version == *version => Ok(()),
            _ => self.take(key).await,
        }
    }

    /// The row, put into the cache.
    async fn read_through(&self, key: &SessionKey, cache_is_up: bool) -> Result<Load, StoreError> {
        let load = self.rows.load(key).await?;
        let Load::Found(row) = &load else { return Ok(load) };
        if cache_is_up || self.django_faults {
            match self.put_until(key, row).await {
                Err(StoreError::Backend { .. }) if !self.django_faults => {}
                done => done?,
            }
            self.settle(key, &row.version).await?;
        }
        Ok(load)
    }

    /// Stores an entry for as long as its row lives.
    async fn put_until(&self, key: &SessionKey, row: &Loaded) -> Result<(), StoreError> {
        let mut until = Dict::new();
        if let Some(expires) = row.expires {
            until.insert(crate::session::expiry::EXPIRY_KEY, Value::DateTime(expires));
        }
        let ttl = self.entries.ttl(&until)?;
        let written = match self.entries.key(key) {
            Ok(entry) => {
                let value = Value::Dict(row.data.clone());
                self.entries.cache().backend().set(&entry, &value, ttl).await
            }
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                self.ledger.answered();
                self.ledger.trust(key);
                Ok(())
            }
            Err(CacheError::InvalidKey { .. }) if !self.django_faults => Ok(()),
            Err(error) => {
                self.ledger.failed();
                Err(self.entries.failed(error))
            }
        }
    }

    /// Moves the end of an entry that holds this data. One that holds other data was put in by another request, for as long
    /// as that one's row lives.
    async fn touch_entry(&self, key: &SessionKey, data: &Dict) -> Result<(), CacheError> {
        let Ok(ttl) = self.entries.ttl(data) else { return Ok(()) };
        let Some((found, version)) = self.entries.get(key).await? else { return Ok(()) };
        if self.version_of(&found) == self.version_of(data) {
            self.entries.cache().backend().touch_if(&self.entries.key(key)?, ttl, &version).await?;
        }
        Ok(())
    }

    /// What an entry holds, as the row would: the version of a session that came from the cache.
    fn version_of(&self, data: &Dict) -> Version {
        let bytes = self.codec.serializer().dumps(data).unwrap_or_default();
        Version(Bytes::from([FROM_CACHE, &bytes].concat()))
    }

    /// The version of the row that is meant by one of an entry: if the row holds the same, its own.
    async fn row_version(&self, key: &SessionKey, version: &Version) -> Result<Version, StoreError> {
        if !version.0.starts_with(FROM_CACHE) {
            return Ok(version.clone());
        }
        let row = self.rows.reload(key).await?.ok_or(StoreError::Gone)?;
        if self.version_of(&row.data) == *version { Ok(row.version) } else { Err(StoreError::Changed) }
    }
}

#[async_trait]
impl SessionStore for CachedDbStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        let data = match self.hit(key).await {
            Hit::Found(data) => data,
            Hit::Nothing => return self.read_through(key, true).await,
            Hit::Down => return self.read_through(key, false).await,
        };
        let version = self.version_of(&data);
        if self.django_faults || self.ledger.trusts(key) == Trust::Kept {
            return Ok(Load::Found(Loaded { data, version, stale: false, expires: None }));
        }
        match self.rows.load(key).await? {
            Load::Found(row) if self.version_of(&row.data) == version => {
                self.ledger.trust(key);
                // The entry's data, whose types the serializer may not know, with the row's version.
                Ok(Load::Found(Loaded { data, ..row }))
            }
            Load::Found(_) => {
                self.take(key).await?;
                self.read_through(key, true).await
            }
            gone => {
                self.take(key).await?;
                Ok(gone)
            }
        }
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.rows.reload(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        if self.django_faults && !key.as_str().is_empty() {
            let entry = self.entries.key(key).map_err(|error| self.entries.failed(error))?;
            let found = self.entries.cache().backend().has_key(&entry).await;
            if found.map_err(|error| self.entries.failed(error))? {
                return Ok(true);
            }
        }
        self.rows.exists(key).await
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let saved = self.rows.insert(key, data).await?;
        self.put_saved(key, data).await?;
        self.settle(key, &saved.version).await?;
        Ok(saved)
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let expected = match expected {
            Some(version) => Some(self.row_version(key, version).await?),
            None => None,
        };
        let saved = self.rows.update(key, data, expected.as_ref()).await?;
        self.put_saved(key, data).await?;
        self.settle(key, &saved.version).await?;
        Ok(saved)
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        if self.django_faults {
            // Django knows no touch: it writes.
            return self.put_saved(key, data).await;
        }
        let expected = match expected {
            Some(version) => Some(self.row_version(key, version).await?),
            None => None,
        };
        self.rows.touch(key, data, expected.as_ref()).await?;
        if self.ledger.is_resting() {
            return Ok(());
        }
        // An entry that ends earlier than its row is read again from there: nothing is owed.
        match self.touch_entry(key, data).await {
            Ok(()) => self.answered().await,
            Err(CacheError::InvalidKey { .. } | CacheError::Decode { .. }) => {}
            Err(error) => {
                self.ledger.failed();
                tracing::warn!(target: "nuages.session", %error, "an entry was not renewed");
            }
        }
        Ok(())
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        let expected = match expected {
            Some(version) => match self.row_version(key, version).await {
                Err(StoreError::Gone) => None,
                version => Some(version?),
            },
            None => None,
        };
        let deleted = self.rows.delete(key, expected.as_ref()).await?;
        self.take(key).await?;
        Ok(deleted)
    }

    /// Rows: the cache does its part by itself.
    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        self.rows.clear_expired(at_most).await
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        self.rows.count_expired().await
    }

    /// The rows.
    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.rows.page(after, at_most).await
    }
}
