//! `django.core.cache.backends.dummy.DummyCache`: keeps nothing (Django 5.2 `core/cache/backends/dummy.py`).

use std::sync::Arc;

use async_trait::async_trait;

use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::serialize::value::Value;

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.dummy.DummyCache", build };

fn build(_: &BackendParts<'_>) -> BuiltBackend {
    Ok(Arc::new(DummyCache))
}

/// Keeps nothing, for development: every key is missing, and storing succeeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct DummyCache;

#[async_trait]
impl CacheBackend for DummyCache {
    /// Django's warns as every other does.
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, _: &CacheKey) -> Result<Option<Value>, CacheError> {
        Ok(None)
    }

    async fn get_versioned(&self, _: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        Ok(None)
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        Ok(vec![None; keys.len()])
    }

    async fn has_key(&self, _: &CacheKey) -> Result<bool, CacheError> {
        Ok(false)
    }

    async fn set(&self, _: &CacheKey, _: &Value, _: Ttl) -> Result<(), CacheError> {
        Ok(())
    }

    async fn set_many(&self, _: &[(CacheKey, Value)], _: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        Ok(Vec::new())
    }

    async fn add(&self, _: &CacheKey, _: &Value, _: Ttl) -> Result<bool, CacheError> {
        Ok(true)
    }

    async fn replace(
        &self,
        _: &CacheKey,
        _: &Value,
        _: Ttl,
        _: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        Ok(Replaced::Missing)
    }

    async fn touch(&self, _: &CacheKey, _: Ttl) -> Result<bool, CacheError> {
        Ok(false)
    }

    async fn touch_if(&self, _: &CacheKey, _: Ttl, _: &Version) -> Result<Touched, CacheError> {
        Ok(Touched::Missing)
    }

    async fn incr(&self, _: &CacheKey, _: i64) -> Result<Option<i64>, CacheError> {
        Ok(None)
    }

    async fn delete(&self, _: &CacheKey) -> Result<bool, CacheError> {
        Ok(false)
    }

    async fn delete_if(&self, _: &CacheKey, _: &Version) -> Result<Deleted, CacheError> {
        Ok(Deleted::Missing)
    }

    async fn delete_many(&self, _: &[CacheKey]) -> Result<(), CacheError> {
        Ok(())
    }

    async fn clear(&self) -> Result<(), CacheError> {
        Ok(())
    }

    async fn close(&self) {}
}
