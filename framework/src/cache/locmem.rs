//! `django.core.cache.backends.locmem.LocMemCache`: this process's memory (Django 5.2 `core/cache/backends/locmem.py`).
//!
//! Bounded by MAX_ENTRIES: when it is full, a CULL_FREQUENCYth of the entries goes, those first that nobody has read or
//! written for longest. Entries of `CACHES` with one LOCATION share one store, whose limits are those of whoever writes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::cache::options::{CullLimits, OptionReader};
use crate::serialize::value::Value;

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.locmem.LocMemCache", build };

fn build(parts: &BackendParts<'_>) -> BuiltBackend {
    let mut options = OptionReader::new(parts);
    let limits = CullLimits::read(&mut options);
    options.finish()?;
    let store = parts.memory.store(parts.settings.location.first());
    Ok(Arc::new(LocMemCache { alias: parts.alias.to_owned(), limits, store }))
}

/// The memory of a site's caches, by LOCATION.
#[derive(Debug, Default)]
pub struct Memory {
    stores: Mutex<HashMap<String, Arc<Mutex<Store>>>>,
}

impl Memory {
    fn store(&self, location: &str) -> Arc<Mutex<Store>> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(stores.entry(location.to_owned()).or_default())
    }
}

/// A cache in this process's memory.
///
/// It holds values of its own, not of its callers: what one takes out and changes, no other sees.
pub struct LocMemCache {
    alias: String,
    limits: CullLimits,
    /// Never held across an await: nothing here waits.
    store: Arc<Mutex<Store>>,
}

impl fmt::Debug for LocMemCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocMemCache")
            .field("alias", &self.alias)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Store {
    entries: HashMap<Arc<str>, Entry>,
    /// Every key by when it was last used.
    used: BTreeMap<u64, Arc<str>>,
    /// Counts uses and writes; at one a nanosecond it lasts for centuries.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    expires: Option<Instant>,
    /// Its place in `used`.
    used: u64,
    /// When it was written: no two writes have one.
    written: u64,
}

impl Entry {
    fn expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn version(&self) -> Version {
        Version(Bytes::copy_from_slice(&self.written.to_be_bytes()))
    }
}

/// The end of that time, unless no clock could show it.
fn end(ttl: Ttl) -> Option<Instant> {
    Instant::now().checked_add(ttl.duration()?)
}

impl Store {
    /// The entry under the key, if it has not expired; an expired one goes.
    fn live(&mut self, key: &CacheKey) -> Option<&mut Entry> {
        if self.entries.get(key.as_str())?.expired(Instant::now()) {
            self.remove(key);
            return None;
        }
        self.entries.get_mut(key.as_str())
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The live entry, as the one that was used last.
    fn use_live(&mut self, key: &CacheKey) -> Option<&mut Entry> {
        let last = self.live(key)?.used;
        let now = self.tick();
        let name = self.used.remove(&last)?;
        self.used.insert(now, name);
        let entry = self.entries.get_mut(key.as_str())?;
        entry.used = now;
        Some(entry)
    }

    fn set(&mut self, key: &CacheKey, value: Value, ttl: Ttl, limits: CullLimits) -> Version {
        if self.entries.len() >= limits.max_entries {
            self.cull(limits);
        }
        self.remove(key);
        let now = self.tick();
        let entry = Entry { value, expires: end(ttl), used: now, written: now };
        let version = entry.version();
        if ttl != Ttl::Now {
            let name: Arc<str> = key.as_str().into();
            self.used.insert(now, Arc::clone(&name));
            self.entries.insert(name, entry);
        }
        version
    }

    fn remove(&mut self, key: &CacheKey) -> Option<Entry> {
        let entry = self.entries.remove(key.as_str())?;
        self.used.remove(&entry.used);
        Some(entry)
    }

    fn cull(&mut self, limits: CullLimits) {
        let Some(count) = self.entries.len().checked_div(limits.cull_frequency) else {
            return self.clear();
        };
        for _ in 0..count {
            let Some((_, name)) = self.used.pop_first() else { return };
            self.entries.remove(&name);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.used.clear();
    }
}

impl LocMemCache {
    fn store(&self) -> MutexGuard<'_, Store> {
        // Whoever panicked inside left whole entries: none of the steps can.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CacheBackend for LocMemCache {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        Ok(self.store().use_live(key).map(|entry| entry.value.clone()))
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        Ok(self.store().use_live(key).map(|entry| (entry.value.clone(), entry.version())))
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        let mut store = self.store();
        Ok(keys.iter().map(|key| store.use_live(key).map(|entry| entry.value.clone())).collect())
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        Ok(self.store().live(key).is_some())
    }

    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        let value = value.clone();
        self.store().set(key, value, ttl, self.limits);
        Ok(())
    }

    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        for (key, value) in entries {
            self.set(key, value, ttl).await?;
        }
        Ok(Vec::new())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let value = value.clone();
        let mut store = self.store();
        if store.live(key).is_some() {
            return Ok(false);
        }
        store.set(key, value, ttl, self.limits);
        Ok(true)
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let value = value.clone();
        let mut store = self.store();
        let Some(entry) = store.live(key) else { return Ok(Replaced::Missing) };
        if expected.is_some_and(|expected| *expected != entry.version()) {
            return Ok(Replaced::Changed);
        }
        Ok(Replaced::Stored(store.set(key, value, ttl, self.limits)))
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        let mut store = self.store();
        let Some(entry) = store.live(key) else { return Ok(false) };
        entry.expires = end(ttl);
        Ok(true)
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        let mut store = self.store();
        let Some(entry) = store.live(key) else { return Ok(Touched::Missing) };
        if entry.version() != *expected {
            return Ok(Touched::Changed);
        }
        entry.expires = end(ttl);
        Ok(Touched::Touched)
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let mut store = self.store();
        let Some(entry) = store.use_live(key) else { return Ok(None) };
        let Some(sum) = entry.value.as_i64().and_then(|number| number.checked_add(delta)) else {
            let (alias, key) = (self.alias.clone(), key.as_str().to_owned());
            return Err(CacheError::NotANumber { alias, key, delta });
        };
        entry.value = Value::Int(sum);
        let now = store.tick();
        if let Some(entry) = store.live(key) {
            entry.written = now;
        }
        Ok(Some(sum))
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let mut store = self.store();
        let there = store.live(key).is_some();
        store.remove(key);
        Ok(there)
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let mut store = self.store();
        let Some(entry) = store.live(key) else { return Ok(Deleted::Missing) };
        if entry.version() != *expected {
            return Ok(Deleted::Changed);
        }
        store.remove(key);
        Ok(Deleted::Deleted)
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        let mut store = self.store();
        for key in keys {
            store.remove(key);
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.store().clear();
        Ok(())
    }

    async fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(max_entries: usize, cull_frequency: usize) -> LocMemCache {
        LocMemCache {
            alias: "default".to_owned(),
            limits: CullLimits { max_entries, cull_frequency },
            store: Memory::default().store(""),
        }
    }

    fn key(name: impl fmt::Display) -> CacheKey {
        CacheKey::new("", 1, &name.to_string())
    }

    /// Which of `count` keys are left when each was stored, and after the first three the first of all was read.
    async fn left(max_entries: usize, cull_frequency: usize, count: usize) -> Vec<usize> {
        let cache = cache(max_entries, cull_frequency);
        for number in 0..count {
            cache.set(&key(number), &Value::from(1), Ttl::Never).await.unwrap();
            if number == 2 {
                cache.get(&key(0)).await.unwrap();
            }
        }
        let store = cache.store();
        assert_eq!(store.entries.len(), store.used.len());
        (0..count).filter(|number| store.entries.contains_key(key(number).as_str())).collect()
    }

    #[tokio::test]
    async fn what_nobody_used_for_longest_is_culled() {
        assert_eq!(left(10, 3, 5).await, [0, 1, 2, 3, 4]);
        assert_eq!(left(4, 2, 5).await, [0, 3, 4]);
        assert_eq!(left(4, 4, 5).await, [0, 2, 3, 4]);
        assert_eq!(left(4, 0, 5).await, [4]);
        // Django's division: a third of two is none, and the cache grows.
        assert_eq!(left(2, 3, 3).await, [0, 1, 2]);
        assert_eq!(left(2, 3, 4).await, [0, 2, 3]);
    }

    #[tokio::test]
    async fn one_location_is_one_store() {
        let memory = Memory::default();
        let at = |location| LocMemCache { store: memory.store(location), ..cache(300, 3) };
        at("a").set(&key("k"), &Value::from(1), Ttl::Never).await.unwrap();
        assert!(at("a").has_key(&key("k")).await.unwrap());
        assert!(!at("b").has_key(&key("k")).await.unwrap());
    }
}
