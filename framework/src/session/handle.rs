//! `request.session`: the visitor's dict, as a view uses it.

mod dict;
mod expiry;
mod storage;
mod to_its_end;
mod typed;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::near::Near;
use crate::serialize::datetime::DateTime;
use crate::serialize::value::{Dict, Value};
use crate::session::data::{Modify, SessionData};
use crate::session::engine::SessionEngine;
use crate::session::error::SessionError;
use crate::session::expiry::{BEGAN_KEY, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{Load, Loaded, StoreError, Version};

/// The visitor's session: a cheap handle, every clone is the same session.
///
/// It is loaded when something first asks for its content, and saved by the session middleware after the view, if it
/// was modified. Django's names and rules hold for every method
/// ([its documentation](https://docs.djangoproject.com/en/5.2/topics/http/sessions/)); what needs the store is `async`.
///
/// ```
/// use nuages::prelude::*;
///
/// async fn visits(request: HttpRequest) -> Result<HttpResponse> {
///     let visits = request.session.get_or("visits", 0).await? + 1;
///     request.session.set("visits", visits).await?;
///     Ok(HttpResponse::new(format!("visit {visits}")))
/// }
/// ```
///
/// # Concurrent requests
/// Requests of one visitor that run at the same time lose nothing of each other's: a save writes the keys that its
/// request set or removed on top of what is stored by then. Two requests that set the *same* key: the later one wins,
/// unless they use [`Session::modify`].
#[derive(Clone, Default)]
pub struct Session {
    inner: Option<Arc<Inner>>,
    /// The session that the request began with, where another one took its place.
    first: Option<Arc<Inner>>,
}

struct Inner {
    engine: Near<SessionEngine>,
    state: Mutex<State>,
    /// What clones store takes turns: each save would put the same changes on top of what the other has just stored.
    turns: Semaphore,
    /// The session that took this one's place in its request.
    replaced_by: Mutex<Option<Session>>,
}

#[derive(Default)]
struct State {
    key: Option<SessionKey>,
    /// `None` until it is loaded, or cleared.
    data: Option<SessionData>,
    accessed: bool,
    /// Modified in a way that leaves no trace in the dict.
    modified: bool,
    /// What was read or written last, if anything was.
    version: Option<Version>,
    stale: bool,
    /// When what is stored expires, if the store knows.
    expires: Option<DateTime>,
}

impl State {
    /// Notes when the session began, where `SESSION_ABSOLUTE_AGE` wants to know and nobody has noted it yet.
    fn begin(&mut self, policy: &ExpiryPolicy) -> Result<(), SessionError> {
        if policy.absolute_age.is_none() || self.data().dict().contains_key(BEGAN_KEY) {
            return Ok(());
        }
        let now = Value::Int(OffsetDateTime::now_utc().unix_timestamp());
        // What another request noted meanwhile stays.
        let began: Modify = Arc::new(move |stored| Ok(stored.unwrap_or(&now).clone()));
        self.data().modify(BEGAN_KEY.into(), began)
    }

    fn modified(&self) -> bool {
        self.modified || self.data.as_ref().is_some_and(SessionData::modified)
    }

    fn data(&mut self) -> &mut SessionData {
        self.data.get_or_insert_default()
    }

    fn is_empty(&self) -> bool {
        self.key.is_none() && self.data.as_ref().is_none_or(|data| data.dict().is_empty())
    }

    fn set_loaded(&mut self, loaded: Loaded) {
        self.data = Some(SessionData::loaded(loaded.data));
        self.version = Some(loaded.version);
        self.stale = loaded.stale;
        self.expires = loaded.expires;
    }
}

/// What the session middleware looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flags {
    pub(crate) empty: bool,
    pub(crate) accessed: bool,
    pub(crate) modified: bool,
}

/// Shows neither the content nor the whole key.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(inner) = &self.inner else { return f.write_str("Session(no middleware)") };
        let state = inner.lock();
        f.debug_struct("Session")
            .field("engine", &inner.engine.name())
            .field("key", &state.key)
            .field("loaded", &state.data.is_some())
            .field("accessed", &state.accessed)
            .field("modified", &state.modified())
            .finish()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Until what this gives is dropped no clone stores anything.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so never refused.
        self.turns.acquire().await.ok()
    }
}

/// Nothing panics while such a lock is held; if it did, what it guards would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the session knows of itself.
impl Session {
    /// The key, once the session has one: a new session gets it when it is first saved.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.inner.as_ref()?.lock().key.clone()
    }

    /// The content, if it was loaded: without asking the store, and without marking anything. For debug pages.
    pub(crate) fn peek(&self) -> Option<Dict> {
        Some(self.inner.as_ref()?.lock().data.as_ref()?.dict().clone())
    }

    /// Whether the content was looked at: the response then gets `Vary: Cookie`.
    #[must_use]
    pub fn accessed(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.lock().accessed)
    }

    /// Says whether the content was looked at.
    pub fn set_accessed(&self, accessed: bool) {
        if let Some(inner) = &self.inner {
            inner.lock().accessed = accessed;
        }
    }

    /// Whether the middleware will save the session.
    #[must_use]
    pub fn modified(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.lock().modified())
    }

    /// Makes the middleware save the session, or not.
    pub fn set_modified(&self, modified: bool) {
        if let Some(inner) = &self.inner {
            let mut state = inner.lock();
            state.modified = modified;
            if let (false, Some(data)) = (modified, &mut state.data) {
                data.set_modified(false);
            }
        }
    }

    /// Whether there is neither a key nor data. It does not load: a key alone makes it `false`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.as_ref().is_none_or(|inner| inner.lock().is_empty())
    }

    /// The engine, unless the request did not pass the session middleware.
    #[must_use]
    pub fn engine(&self) -> Option<&Arc<SessionEngine>> {
        self.inner.as_ref().map(|inner| &*inner.engine)
    }

    /// Puts another session in this one's place for the rest of the request, as `request.session = other` does in Django:
    /// the middleware deals with that one. [`Session::default()`] makes it leave the response alone
    /// (`del request.session`).
    pub fn replace(&mut self, other: Self) {
        let first = self.first.take().or_else(|| self.inner.take());
        if let Some(first) = &first {
            *lock(&first.replaced_by) = Some(other.clone());
        }
        *self = Self { inner: other.inner, first };
    }

    /// The session that the request which began with this one ends with: itself, unless it was replaced.
    #[must_use]
    pub(crate) fn current(&self) -> Self {
        let replaced_by = self.inner.as_ref().and_then(|inner| lock(&inner.replaced_by).clone());
        replaced_by.unwrap_or_else(|| self.clone())
    }

    /// What the middleware decides by, of [`Session::current`].
    pub(crate) fn current_flags(&self) -> Option<Flags> {
        match &*lock(&self.inner.as_ref()?.replaced_by) {
            Some(other) => other.flags(),
            None => self.flags(),
        }
    }
}

/// The doors to the state: every other method goes through these.
impl Session {
    pub(crate) fn new(engine: Near<SessionEngine>, key: Option<SessionKey>) -> Self {
        let inner = Inner {
            engine,
            state: Mutex::new(State { key, ..State::default() }),
            turns: Semaphore::const_new(1),
            replaced_by: Mutex::default(),
        };
        Self { inner: Some(Arc::new(inner)), first: None }
    }

    /// What the middleware decides by, read at one moment; `None` where there is no session.
    pub(crate) fn flags(&self) -> Option<Flags> {
        let state = self.inner.as_ref()?.lock();
        Some(Flags { empty: state.is_empty(), accessed: state.accessed, modified: state.modified() })
    }

    async fn read<R>(&self, look: impl FnOnce(&Dict) -> R) -> Result<R, SessionError> {
        self.change(|data| look(data.dict())).await
    }

    async fn change<R>(&self, change: impl FnOnce(&mut SessionData) -> R) -> Result<R, SessionError> {
        self.ensure_loaded().await?;
        Ok(change(self.inner()?.lock().data()))
    }

    /// Loads the session if nothing has yet, and notes that it was looked at.
    async fn ensure_loaded(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let key = {
            let mut state = inner.lock();
            state.accessed = true;
            match (&state.data, &state.key) {
                (Some(_), _) => return Ok(()),
                (None, None) => {
                    state.data = Some(SessionData::default());
                    return Ok(());
                }
                (None, Some(key)) => key.clone(),
            }
        };
        let load = self.fetch(&key).await?;
        {
            let mut state = inner.lock();
            if state.data.is_some() {
                // A clone of the handle loaded or cleared it meanwhile.
                return Ok(());
            }
            match load {
                Load::Found(loaded) => {
                    state.set_loaded(loaded);
                    return Ok(());
                }
                Load::Missing => {
                    state.key = None;
                    state.data = Some(SessionData::default());
                    return Ok(());
                }
                Load::Renew => state.data = Some(SessionData::default()),
            }
        }
        self.create_now().await
    }

    /// What is stored under the key, unless `SESSION_ABSOLUTE_AGE` has ended it: then it is deleted.
    async fn fetch(&self, key: &SessionKey) -> Result<Load, SessionError> {
        let inner = self.inner()?;
        let store = inner.engine.store();
        match store.load(key).await? {
            Load::Found(loaded) if inner.engine.policy().has_ended(&loaded.data) => {
                match store.delete(key, None).await {
                    Ok(_) | Err(StoreError::Gone) => Ok(Load::Missing),
                    Err(error) => Err(error.into()),
                }
            }
            load => Ok(load),
        }
    }

    fn inner(&self) -> Result<&Arc<Inner>, SessionError> {
        self.inner.as_ref().ok_or(SessionError::NoMiddleware)
    }

    fn policy(&self) -> Result<&ExpiryPolicy, SessionError> {
        Ok(self.inner()?.engine.policy())
    }
}
