//! `django.contrib.sessions.backends.cached_db`: rows of `django_session`, with a cache before them.
//!
//! Rows and entries are Django's (Django 5.2 `contrib/sessions/backends/cached_db.py`): the rows those of
//! `django.contrib.sessions.backends.db`, the entries the dict under `django.contrib.sessions.cached_db` and the key in the
//! cache of `SESSION_CACHE_ALIAS`. A save writes the row, then the entry; a load looks for the entry, then for the row.
//!
//! # The row is the truth
//! Saves compare with the row, so concurrent requests lose nothing of each other's. An entry that was written while somebody
//! else wrote the row is taken out again: whoever puts one in looks at the row once more afterwards. So a logout, which
//! deletes the row first and then the entry, cannot be undone by a request that was just reading. What is done to a row is
//! done to its entry as well, even if the visitor hangs up in between.
//!
//! A process trusts an entry unseen only if it has compared one of that very content with the row, within the last five
//! seconds and since it last changed that row itself. Whatever else it finds, an older save that another process was slow to
//! put in or Django's, it compares first, which costs one `SELECT`, and takes out if it is not what the row is.
//!
//! Keys that nobody drew are looked up among the rows first: MySQL's collation finds a row by names that differ from its own.
//!
//! # When the cache is down
//! Reading, logging in and logging out go on, from the rows alone (Django answers most of them with a 500). After a failure
//! the cache is left alone for a second, so that a server that hangs does not slow every request down.
//!
//! When it comes back it may hold what it held before: sessions that were saved since, or deleted. So that a logout made
//! meanwhile holds:
//!
//! * After a failure, and after more than a second without any call, during which a process may have missed an outage, all
//!   that it has compared counts no more. A new process trusts no entry.
//! * The entries that a process could not change or delete, it deletes as soon as the cache answers again, or when it ends,
//!   for Django processes on the same cache, which trust every entry.
//!
//! What remains: while one process alone cannot reach the cache, others that can go on trusting the entry of a session that
//! it deletes, for five seconds at most. And a save that finds no more room to note an entry (10,000 of them) leaves
//! it to the comparison.
//!
//! `SESSION_DJANGO_FAULTS = true` switches to Django's ways: every entry is trusted, and a cache that is down fails the requests.

mod pair;
mod trust;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::pair::{Pair, to_the_end};
use self::trust::Ledger;
use crate::checks::CheckMessage;
use crate::serialize::value::Dict;
use crate::session::backends::cache::{Entries, cache_of};
use crate::session::backends::db::DbStore;
use crate::session::engine::{EngineDef, EngineParts, Quirks, SessionEngine};
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.cached_db", build };

/// What the keys in the cache begin with.
const KEY_PREFIX: &str = "django.contrib.sessions.cached_db";

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
    let pair = Pair {
        rows,
        entries: Entries::new(cache, KEY_PREFIX, Arc::clone(parts.policy)),
        codec: parts.codec.clone(),
        ledger: Ledger::default(),
        django_faults: parts.settings.django_faults,
    };
    let store = CachedDbStore { pair: Arc::new(pair) };
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
    pair: Arc<Pair>,
}

#[async_trait]
impl SessionStore for CachedDbStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        self.pair.load(key).await
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.pair.rows.reload(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        if self.pair.django_faults && !key.as_str().is_empty() {
            let entries = &self.pair.entries;
            let entry = entries.key(key).map_err(|error| entries.failed(error))?;
            let found = entries.cache().backend().has_key(&entry).await;
            if found.map_err(|error| entries.failed(error))? {
                return Ok(true);
            }
        }
        self.pair.rows.exists(key).await
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let (pair, key, data) = (Arc::clone(&self.pair), key.clone(), data.clone());
        to_the_end(&self.pair, async move { pair.insert(key, data).await }).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let (pair, key, data) = (Arc::clone(&self.pair), key.clone(), data.clone());
        let expected = expected.cloned();
        to_the_end(&self.pair, async move { pair.update(key, data, expected).await }).await
    }

    /// Dropped midway it leaves an entry that ends earlier than its row, which is read again from there.
    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        if self.pair.django_faults {
            self.pair.put_as_django(key, data.clone()).await;
            return Ok(());
        }
        self.pair.touch(key.clone(), data, expected.cloned()).await
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        let (pair, key, expected) = (Arc::clone(&self.pair), key.clone(), expected.cloned());
        to_the_end(&self.pair, async move { pair.delete(key, expected).await }).await
    }

    /// Rows: the cache does its part by itself.
    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        self.pair.rows.clear_expired(at_most).await
    }

    fn step_time(&self) -> Duration {
        self.pair.rows.step_time()
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        self.pair.rows.count_expired().await
    }

    /// The rows.
    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.pair.rows.page(after, at_most).await
    }
}
