//! A cache in memory whose calls can be held up, or fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use nuages::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use nuages::cache::caches::{BackendParts, CacheBackendDef};
use nuages::cache::error::CacheError;
use nuages::cache::key::{CacheKey, KeyRule};
use nuages::checks::CheckMessage;
use nuages::serialize::value::Value;
use tokio::sync::watch;

/// The backend's row in the table.
pub(crate) const BACKEND: CacheBackendDef = CacheBackendDef { name: "gated", build };

/// Those that a site is about to be built with, by their LOCATION.
static CACHES: Mutex<Vec<(String, Arc<GatedCache>)>> = Mutex::new(Vec::new());

fn build(parts: &BackendParts<'_>) -> Result<Arc<dyn CacheBackend>, Vec<CheckMessage>> {
    let caches = CACHES.lock().unwrap();
    let (_, cache) = caches
        .iter()
        .find(|(location, _)| parts.servers().next().is_some_and(|server| server == location.as_str()))
        .expect("a cache of that LOCATION");
    Ok(Arc::new(Shared(Arc::clone(cache))))
}

/// What may be held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// `set`
    Set,
    /// `delete` and `delete_many`
    Delete,
}

/// The cache.
#[derive(Debug)]
pub(crate) struct GatedCache {
    entries: Mutex<HashMap<String, (Value, u64)>>,
    count: AtomicUsize,
    held: watch::Sender<Option<Call>>,
    waiting: AtomicUsize,
    down: AtomicBool,
}

impl GatedCache {
    /// One that a site finds under that LOCATION.
    pub(crate) fn at(location: &str) -> Arc<Self> {
        let cache = Arc::new(Self {
            entries: Mutex::default(),
            count: AtomicUsize::new(0),
            held: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
            down: AtomicBool::new(false),
        });
        CACHES.lock().unwrap().push((location.to_owned(), Arc::clone(&cache)));
        cache
    }

    /// Holds up such calls from now on, or none.
    pub(crate) fn hold(&self, call: Option<Call>) {
        self.held.send_replace(call);
    }

    /// How many calls are held up.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Makes every call fail, or none.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// What is under the keys that end so.
    pub(crate) fn entry(&self, end: &str) -> Option<Value> {
        let entries = self.entries();
        entries.iter().find(|(key, _)| key.ends_with(end)).map(|(_, (value, _))| value.clone())
    }

    /// Puts something under the key that ends so, as another process would: it must be there, or have been.
    pub(crate) fn put(&self, key: &str, value: Value) {
        let version = self.next();
        self.entries().insert(key.to_owned(), (value, version));
    }

    /// The whole of the key that ends so.
    pub(crate) fn key(&self, end: &str) -> Option<String> {
        self.entries().keys().find(|key| key.ends_with(end)).cloned()
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst) as u64
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, (Value, u64)>> {
        self.entries.lock().unwrap()
    }

    async fn call(&self, call: Call) -> Result<(), CacheError> {
        let mut held = self.held.subscribe();
        let waits = Waits::begin(&self.waiting);
        held.wait_for(|held| *held != Some(call)).await.expect("it is there");
        drop(waits);
        self.is_up()
    }

    fn is_up(&self) -> Result<(), CacheError> {
        match self.down.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(CacheError::Server {
                alias: "default".to_owned(),
                server: "gated".to_owned(),
                source: "it is down".into(),
            }),
        }
    }
}

struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn version(number: u64) -> Version {
    Version(Bytes::from(number.to_string()))
}

#[derive(Debug)]
struct Shared(Arc<GatedCache>);

#[async_trait]
impl CacheBackend for Shared {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        Ok(self.get_versioned(key).await?.map(|(value, _)| value))
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        self.0.is_up()?;
        Ok(self.0.entries().get(key.as_str()).map(|(value, number)| (value.clone(), version(*number))))
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        let mut values = Vec::new();
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        Ok(self.get(key).await?.is_some())
    }

    async fn set(&self, key: &CacheKey, value: &Value, _: Ttl) -> Result<(), CacheError> {
        self.0.call(Call::Set).await?;
        self.0.put(key.as_str(), value.clone());
        Ok(())
    }

    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        for (key, value) in entries {
            self.set(key, value, ttl).await?;
        }
        Ok(Vec::new())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        if self.has_key(key).await? {
            return Ok(false);
        }
        self.set(key, value, ttl).await?;
        Ok(true)
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        match self.get_versioned(key).await? {
            None => Ok(Replaced::Missing),
            Some((_, found)) if expected.is_some_and(|expected| *expected != found) => Ok(Replaced::Changed),
            Some(_) => {
                self.set(key, value, ttl).await?;
                let stored = self.get_versioned(key).await?;
                Ok(stored.map_or(Replaced::Missing, |(_, version)| Replaced::Stored(version)))
            }
        }
    }

    async fn touch(&self, key: &CacheKey, _: Ttl) -> Result<bool, CacheError> {
        self.has_key(key).await
    }

    async fn touch_if(&self, key: &CacheKey, _: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        Ok(match self.get_versioned(key).await? {
            None => Touched::Missing,
            Some((_, found)) if found != *expected => Touched::Changed,
            Some(_) => Touched::Touched,
        })
    }

    async fn incr(&self, _: &CacheKey, _: i64) -> Result<Option<i64>, CacheError> {
        self.0.is_up()?;
        Ok(None)
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        self.0.call(Call::Delete).await?;
        Ok(self.0.entries().remove(key.as_str()).is_some())
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        Ok(match self.get_versioned(key).await? {
            None => Deleted::Missing,
            Some((_, found)) if found != *expected => Deleted::Changed,
            Some(_) => {
                self.delete(key).await?;
                Deleted::Deleted
            }
        })
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        for key in keys {
            self.delete(key).await?;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.0.entries().clear();
        Ok(())
    }

    async fn close(&self) {}
}
