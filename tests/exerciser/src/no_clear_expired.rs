//! `exerciser.no_clear_expired`: an engine that can do nothing, as Django's `SessionBase` itself.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use nuages::checks::CheckMessage;
use nuages::serialize::value::Dict;
use nuages::session::engine::{EngineDef, EngineParts, SessionEngine};
use nuages::session::key::SessionKey;
use nuages::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The engine's row in the table.
pub(crate) const ENGINE: EngineDef = EngineDef { name: "exerciser.no_clear_expired", build };

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    Ok(SessionEngine::new(ENGINE.name, Arc::new(Incapable), parts))
}

#[derive(Debug)]
struct Incapable;

fn cannot<T>(operation: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Unsupported { engine: ENGINE.name, operation })
}

#[async_trait]
impl SessionStore for Incapable {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, _: &SessionKey) -> Result<Load, StoreError> {
        cannot("load")
    }

    async fn reload(&self, _: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        cannot("reload")
    }

    async fn exists(&self, _: &SessionKey) -> Result<bool, StoreError> {
        cannot("exists")
    }

    async fn insert(&self, _: &SessionKey, _: &Dict) -> Result<Saved, StoreError> {
        cannot("insert")
    }

    async fn update(&self, _: &SessionKey, _: &Dict, _: Option<&Version>) -> Result<Saved, StoreError> {
        cannot("update")
    }

    async fn touch(&self, _: &SessionKey, _: &Dict, _: Option<&Version>) -> Result<(), StoreError> {
        cannot("touch")
    }

    async fn delete(&self, _: &SessionKey, _: Option<&Version>) -> Result<bool, StoreError> {
        cannot("delete")
    }

    async fn clear_expired(&self, _: NonZeroU32) -> Result<Cleared, StoreError> {
        cannot("clear_expired")
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        cannot("count_expired")
    }

    async fn page(&self, _: Option<&SessionKey>, _: NonZeroU32) -> Result<Vec<StoredRow>, StoreError> {
        cannot("page")
    }
}
