//! `exerciser.failing_cache.CacheClass`: a cache in memory whose `set` fails.

use std::sync::Arc;

use async_trait::async_trait;
use nuages::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use nuages::cache::caches::{BackendParts, CacheBackendDef};
use nuages::cache::error::CacheError;
use nuages::cache::key::{CacheKey, KeyRule};
use nuages::cache::locmem;
use nuages::checks::CheckMessage;
use nuages::serialize::value::Value;

/// The backend's row in the table.
pub(crate) const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "exerciser.failing_cache.CacheClass", build };

fn build(parts: &BackendParts<'_>) -> Result<Arc<dyn CacheBackend>, Vec<CheckMessage>> {
    Ok(Arc::new(FailingCache((locmem::BACKEND.build)(parts)?)))
}

#[derive(Debug)]
struct FailingCache(Arc<dyn CacheBackend>);

fn faked() -> CacheError {
    CacheError::File {
        alias: "failing".to_owned(),
        path: "nowhere".to_owned(),
        source: std::io::Error::other("Faked exception saving to cache"),
    }
}

#[async_trait]
impl CacheBackend for FailingCache {
    fn key_rule(&self) -> KeyRule {
        self.0.key_rule()
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        self.0.get(key).await
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        self.0.get_versioned(key).await
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        self.0.get_many(keys).await
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        self.0.has_key(key).await
    }

    async fn set(&self, _: &CacheKey, _: &Value, _: Ttl) -> Result<(), CacheError> {
        Err(faked())
    }

    async fn set_many(&self, _: &[(CacheKey, Value)], _: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        Err(faked())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        self.0.add(key, value, ttl).await
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        self.0.replace(key, value, ttl, expected).await
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        self.0.touch(key, ttl).await
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        self.0.touch_if(key, ttl, expected).await
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        self.0.incr(key, delta).await
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        self.0.delete(key).await
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        self.0.delete_if(key, expected).await
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        self.0.delete_many(keys).await
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.0.clear().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
