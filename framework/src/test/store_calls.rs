//! What a site's session store is asked, noted for tests.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::serialize::value::Dict;
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The methods of [`SessionStore`] that were called, in their order. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct StoreCalls(Arc<Mutex<Vec<&'static str>>>);

impl StoreCalls {
    /// Those since this was last asked.
    pub(super) fn take(&self) -> Vec<&'static str> {
        // Each entry is whole: a panic elsewhere leaves the list as it is.
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same store, whose calls are noted here.
    pub(super) fn note(&self, store: Arc<dyn SessionStore>) -> Arc<dyn SessionStore> {
        Arc::new(Noting { store, calls: self.clone() })
    }
}

#[derive(Debug)]
struct Noting {
    store: Arc<dyn SessionStore>,
    calls: StoreCalls,
}

impl Noting {
    fn note(&self, call: &'static str) -> &dyn SessionStore {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        &*self.store
    }
}

#[async_trait]
impl SessionStore for Noting {
    fn residence(&self) -> Residence {
        self.store.residence()
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        self.note("load").load(key).await
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.note("reload").reload(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.note("exists").exists(key).await
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        self.note("insert").insert(key, data).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        self.note("update").update(key, data, expected).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        self.note("touch").touch(key, data, expected).await
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        self.note("delete").delete(key, expected).await
    }

    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        self.note("clear_expired").clear_expired(at_most).await
    }

    fn step_time(&self) -> Duration {
        self.store.step_time()
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        self.note("count_expired").count_expired().await
    }

    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.note("page").page(after, at_most).await
    }
}
