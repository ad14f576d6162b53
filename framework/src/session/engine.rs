//! `SESSION_ENGINE`: a store, and what its sessions have in common.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cache::caches::Caches;
use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::session::{SaveStrategy, SessionSettings};
use crate::conf::time_zone::TimeZone;
use crate::db::database::Databases;
use crate::near::Near;
use crate::session::codec::SessionCodec;
use crate::session::expiry::ExpiryPolicy;
use crate::session::handle::Session;
use crate::session::key::SessionKey;
use crate::session::renewals::Renewals;
use crate::session::store::{SessionStore, StoreError};

/// How many lanes the saves that met a conflict are spread over.
const LANES: usize = 64;

/// Makes sessions: what Django calls the `SessionStore` class of the engine's module.
#[derive(Debug)]
pub struct SessionEngine {
    name: String,
    store: Arc<dyn SessionStore>,
    codec: SessionCodec,
    policy: Arc<ExpiryPolicy>,
    strategy: SaveStrategy,
    fault: Option<String>,
    renewals: Renewals,
    quirks: Quirks,
    lanes: [Semaphore; LANES],
}

impl SessionEngine {
    /// An engine of that name: a store, and what the settings say.
    pub fn new(name: impl Into<String>, store: Arc<dyn SessionStore>, parts: EngineParts<'_>) -> Self {
        Self {
            name: name.into(),
            store,
            codec: parts.codec.clone(),
            policy: Arc::clone(parts.policy),
            strategy: parts.settings.save_strategy,
            fault: None,
            renewals: Renewals::default(),
            quirks: Quirks::default(),
            lanes: [const { Semaphore::const_new(1) }; LANES],
        }
    }

    /// The same, but every request fails with that reason: for a fault of the settings that `SILENCED_SYSTEM_CHECKS` hid.
    #[must_use]
    pub fn out_of_order(self, reason: impl Into<String>) -> Self {
        Self { fault: Some(reason.into()), ..self }
    }

    /// The same with something around its store.
    pub(crate) fn around_store(
        self,
        wrap: impl FnOnce(Arc<dyn SessionStore>) -> Arc<dyn SessionStore>,
    ) -> Self {
        Self { store: wrap(self.store), ..self }
    }

    /// The same with peculiarities of Django's engine of that name.
    pub(crate) fn with_quirks(self, quirks: Quirks) -> Self {
        Self { quirks, ..self }
    }

    pub(crate) const fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// What the session middleware asks before it gives a request its session.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the engine is [out of order](SessionEngine::out_of_order).
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.fault {
            None => Ok(()),
            Some(reason) => {
                Err(StoreError::Backend { store: self.name.clone(), source: reason.as_str().into() })
            }
        }
    }

    /// The dotted name in `SESSION_ENGINE`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn SessionStore {
        &*self.store
    }

    /// The signed text of sessions.
    #[must_use]
    pub const fn codec(&self) -> &SessionCodec {
        &self.codec
    }

    /// How long sessions live.
    #[must_use]
    pub fn policy(&self) -> &ExpiryPolicy {
        &self.policy
    }

    /// What a save does about what other requests stored meanwhile.
    #[must_use]
    pub const fn strategy(&self) -> SaveStrategy {
        self.strategy
    }

    /// The session of that key, or a new one: nothing is read or written until something asks for it.
    #[must_use]
    pub fn session(self: &Arc<Self>, key: Option<&str>) -> Session {
        Session::new(Near::new(Arc::clone(self)), key.and_then(SessionKey::parse))
    }

    /// Remembers that this process renewed the session's expiry just now.
    pub(crate) fn note_renewal(&self, key: &SessionKey) {
        self.renewals.note(key, Instant::now());
    }

    /// Whether this process remembers to have renewed the session's expiry within so many seconds.
    pub(crate) fn renewed_within(&self, key: &SessionKey, seconds: i64) -> bool {
        let seconds = Duration::from_secs(seconds.try_into().unwrap_or_default());
        self.renewals.within(key, Instant::now(), seconds)
    }

    /// Lets the saves of one session that met a conflict take turns: without it, of many that retry at once, all but one
    /// would fail again each time.
    pub(crate) async fn lane(&self, key: &SessionKey) -> Option<SemaphorePermit<'_>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lane = hasher.finish() % LANES as u64;
        self.lanes[usize::try_from(lane).unwrap_or_default()].acquire().await.ok()
    }
}

/// Where Django's engines differ from each other in what a session object does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// A save of a session that was not looked at asks whether it is stored before it loads it, so that one which is not keeps
    /// its key (Django 5.2 `backends/cache.py`, `save`).
    pub(crate) asks_before_loading: bool,
    /// The first save of a new session goes to the store twice (Django 5.2 `backends/cached_db.py`, `save`: once more after
    /// the `create` in it).
    pub(crate) saves_new_twice: bool,
    /// A new key is taken only after the store said that it is free, so that a store which cannot say fails before the
    /// session has a key (Django 5.2 `backends/base.py`, `_get_new_session_key`).
    pub(crate) asks_for_free_keys: bool,
    /// `pop` forgets that the session was renewed by being loaded, so that no cookie names the new one (Django 5.2
    /// `backends/base.py`, `pop`: reads `modified` before it loads).
    pub(crate) pop_forgets_renewal: bool,
}

/// What an engine is made of, when the site starts.
#[derive(Debug, Clone, Copy)]
pub struct EngineParts<'a> {
    /// `SESSION_*`
    pub settings: &'a SessionSettings,
    /// `USE_TZ` and friends.
    pub core: &'a CoreSettings,
    /// What relative paths start from.
    pub base_dir: &'a Path,
    /// `DATABASES`
    pub databases: &'a Databases,
    /// `CACHES`
    pub caches: &'a Caches,
    /// The signed text, with Django's salt and the serializer of `SESSION_SERIALIZER`.
    pub codec: &'a SessionCodec,
    /// How long sessions live, from the settings.
    pub policy: &'a Arc<ExpiryPolicy>,
    /// `TIME_ZONE`
    pub zone: &'a TimeZone,
}

impl EngineParts<'_> {
    /// A fault that [`SessionEngine::out_of_order`] goes on with, if `SILENCED_SYSTEM_CHECKS` names it.
    #[must_use]
    pub fn is_silenced(&self, fault: &CheckMessage) -> bool {
        self.core.silenced_system_checks.iter().any(|id| id == fault.id)
    }
}

/// A row of the table of engines: a site registers its own with `Site::session_engine`.
#[derive(Debug, Clone, Copy)]
pub struct EngineDef {
    /// The dotted name in `SESSION_ENGINE`.
    pub name: &'static str,
    /// Makes the engine, or says every fault of its settings.
    pub build: fn(EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>>,
}
