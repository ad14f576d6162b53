//! `request.session`: the visitor's dict, as a view uses it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::conf::session::SaveStrategy;
use crate::serialize::datetime::DateTime;
use crate::serialize::de::from_value;
use crate::serialize::ser::to_value;
use crate::serialize::value::{Dict, Key, Value};
use crate::session::data::{Modify, SessionData};
use crate::session::engine::SessionEngine;
use crate::session::error::SessionError;
use crate::session::expiry::{EXPIRY_KEY, Expiry, ExpiryError, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{Load, Loaded, Residence, StoreError, Version};

/// What Django puts into the test cookie.
const TEST_COOKIE: (&str, &str) = ("testcookie", "worked");

/// After so many conflicts in a row a save overwrites: somebody else's store is at war with ours.
const CONFLICTS: u32 = 1_000;

/// After so many taken keys in a row the store, not chance, is to blame (Django 5.2 `backends/cache.py`).
const KEY_TRIES: u32 = 10_000;

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
}

struct Inner {
    engine: Arc<SessionEngine>,
    state: Mutex<State>,
    /// The session that took this one's place in its request.
    successor: OnceLock<Session>,
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
}

impl State {
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
        // Nothing panics while it is held; if it did, the state would still be a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reading and changing the dict.
impl Session {
    /// The value under the key, or `None`.
    ///
    /// # Errors
    /// When the value is not a `T`, or the store fails.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        typed(key, self.get_value(key).await?)
    }

    /// The value under the key, or the default (`session.get(key, default)`).
    ///
    /// # Errors
    /// When the value is not a `T`, or the store fails.
    pub async fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, SessionError> {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    /// The value under the key as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get_value(&self, key: &str) -> Result<Option<Value>, SessionError> {
        self.read(|dict| dict.get(key).cloned()).await
    }

    /// `session[key] = value`
    ///
    /// # Errors
    /// When `value` has no form in a session, or the store fails.
    pub async fn set(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        let value = to_value(&value).map_err(|source| SessionError::Value { key: key.to_owned(), source })?;
        self.set_value(key, value).await
    }

    /// `session[key] = value` of a value as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_value(&self, key: impl Into<Key>, value: impl Into<Value>) -> Result<(), SessionError> {
        let (key, value) = (key.into(), value.into());
        self.change(|data| data.insert(key, value)).await
    }

    /// `del session[key]`: whether it was there. Where it was not, Django raises `KeyError`; nothing is modified.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, key: &str) -> Result<bool, SessionError> {
        Ok(self.pop_value(key).await?.is_some())
    }

    /// Takes the value out.
    ///
    /// # Errors
    /// When the value is not a `T` (it is taken out all the same), or the store fails.
    pub async fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        typed(key, self.pop_value(key).await?)
    }

    /// Takes the value out, as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pop_value(&self, key: impl Into<Key>) -> Result<Option<Value>, SessionError> {
        let key = key.into();
        self.change(|data| data.remove(&key)).await
    }

    /// Whether there is a value under the key (`key in session`, `has_key`).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        self.read(|dict| dict.contains_key(key)).await
    }

    /// The keys, in their order. Keys that are not text, which other serializers than JSON may hold, are left out:
    /// [`Session::dict`] has them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self) -> Result<Vec<String>, SessionError> {
        self.read(|dict| dict.keys().filter_map(Key::as_str).map(str::to_owned).collect()).await
    }

    /// The values, in the order of the keys.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn values(&self) -> Result<Vec<Value>, SessionError> {
        self.read(|dict| dict.values().cloned().collect()).await
    }

    /// Keys and values, in their order, but for keys that are not text.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn items(&self) -> Result<Vec<(String, Value)>, SessionError> {
        self.read(|dict| {
            dict.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect()
        })
        .await
    }

    /// The whole dict.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dict(&self) -> Result<Dict, SessionError> {
        self.read(Dict::clone).await
    }

    /// The value under the key; where there is none, `default` is put there.
    ///
    /// # Errors
    /// When the value is not a `T`, `default` has no form in a session, or the store fails.
    pub async fn setdefault<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        default: T,
    ) -> Result<T, SessionError> {
        let bad = |source| SessionError::Value { key: key.to_owned(), source };
        let value = self.setdefault_value(key, to_value(&default).map_err(bad)?).await?;
        from_value(value).map_err(bad)
    }

    /// [`Session::setdefault`] of a value as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn setdefault_value(&self, key: impl Into<Key>, default: Value) -> Result<Value, SessionError> {
        let key = key.into();
        self.change(move |data| {
            if let Some(value) = data.dict().get_key(&key) {
                return Ok(value.clone());
            }
            let value = default.clone();
            // What another request put there meanwhile stays.
            let keep: Modify = Arc::new(move |stored| Ok(stored.unwrap_or(&default).clone()));
            data.modify(key, keep)?;
            Ok(value)
        })
        .await?
    }

    /// Sets several keys.
    ///
    /// # Errors
    /// When a value has no form in a session (nothing is set then), or the store fails.
    pub async fn update<K, V>(&self, items: impl IntoIterator<Item = (K, V)>) -> Result<(), SessionError>
    where
        K: Into<String>,
        V: Serialize,
    {
        let mut values = Vec::new();
        for (key, value) in items {
            let key = key.into();
            match to_value(&value) {
                Ok(value) => values.push((Key::from(key), value)),
                Err(source) => return Err(SessionError::Value { key, source }),
            }
        }
        self.change(|data| data.extend(values)).await
    }

    /// Sets several keys to values as they are stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn update_values(&self, items: Dict) -> Result<(), SessionError> {
        self.change(|data| data.extend(items)).await
    }

    /// Computes a key's value from the one that is stored, such that concurrent requests lose no step: the closure is run
    /// again when another request stored something meanwhile. Gives the new value as this request sees it.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # async fn view(request: HttpRequest) -> Result<HttpResponse> {
    /// let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    /// # Ok(HttpResponse::new(visits.to_string()))
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the stored value is not a `T`, the new one has no form in a session, or the store fails.
    pub async fn modify<T, R>(
        &self,
        key: &str,
        change: impl Fn(Option<T>) -> R + Send + Sync + 'static,
    ) -> Result<R, SessionError>
    where
        T: DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let name = key.to_owned();
        let modify: Modify = Arc::new(move |stored| {
            let stored = typed(&name, stored.cloned())?;
            to_value(&change(stored)).map_err(|source| SessionError::Value { key: name.clone(), source })
        });
        let value = self
            .change(|data| {
                data.modify(key.into(), modify)?;
                Ok::<_, SessionError>(data.dict().get(key).cloned().unwrap_or(Value::None))
            })
            .await??;
        from_value(value).map_err(|source| SessionError::Value { key: key.to_owned(), source })
    }

    /// Removes every key, without loading them first. The session keeps its own key.
    ///
    /// # Errors
    /// [`SessionError::NoMiddleware`]
    pub fn clear(&self) -> Result<(), SessionError> {
        let mut state = self.inner()?.lock();
        state.accessed = true;
        state.data().clear();
        Ok(())
    }

    /// Deletes the session with its data; the middleware then deletes the cookie. What a logout does.
    ///
    /// # Errors
    /// When the store fails: the data is then cleared, but may still be stored.
    pub async fn flush(&self) -> Result<(), SessionError> {
        self.clear()?;
        self.delete(None).await?;
        self.inner()?.lock().key = None;
        Ok(())
    }

    /// Moves the data to a new key: what a login does, so that a key planted before it opens nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cycle_key(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Cookie {
            return self.save().await;
        }
        self.ensure_loaded().await?;
        let merge = inner.engine.strategy() == SaveStrategy::Merge;
        let (old, before, mut version) = {
            let state = inner.lock();
            let version = state.version.clone().filter(|_| merge);
            (state.key.clone(), state.data.clone().unwrap_or_default(), version)
        };
        self.create().await?;
        let Some(old) = old else { return Ok(()) };
        // What other requests stored under the old key since it was loaded moves as well.
        for _ in 0..CONFLICTS {
            match inner.engine.store().delete(&old, version.as_ref()).await {
                Err(StoreError::Changed) => {}
                other => return other.map(drop).map_err(SessionError::from),
            }
            let Some(stored) = inner.engine.store().reload(&old).await? else { return Ok(()) };
            version = Some(stored.version);
            let merged = before.rebase(stored.data)?;
            let key = inner.lock().key.clone().ok_or(SessionError::Gone)?;
            let saved = inner.engine.store().update(&key, &merged, None).await?;
            let mut state = inner.lock();
            state.version = Some(saved.version);
            let moment = state.data().moment();
            state.data().settle(moment, merged)?;
        }
        inner.engine.store().delete(&old, None).await?;
        Ok(())
    }
}

/// Expiry.
impl Session {
    /// Sets a custom expiry: seconds without a change, a duration from now, a point in time, until the browser closes, or
    /// [`Expiry::Default`] for what the settings say.
    ///
    /// # Errors
    /// When the time is beyond the year 9999, or the store fails.
    pub async fn set_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), SessionError> {
        let now = self.policy()?.now();
        match expiry.into().to_value(now)? {
            Some(value) => self.set_value(EXPIRY_KEY, value).await,
            None => self.pop_value(EXPIRY_KEY).await.map(drop),
        }
    }

    /// The seconds until the session expires.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_age(&self) -> Result<i64, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        let age = self.expiry_age_of(expiry.as_ref(), None)?;
        match age {
            Value::Int(seconds) => Ok(seconds),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, as an age beyond 64 bits may")]
            Value::Float(seconds) => Ok(seconds as i64),
            Value::Bool(one) => Ok(one.into()),
            other => Err(ExpiryError::Type(format!("an age is a number, not {}", other.type_name())).into()),
        }
    }

    /// When the session expires: aware if `USE_TZ` is on.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_date(&self) -> Result<DateTime, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        self.expiry_date_of(expiry.as_ref(), None)
    }

    /// `get_expiry_age(modification=…, expiry=…)`: what the age would be, as the number Django gives, without loading.
    ///
    /// # Errors
    /// When `expiry` is no time, or naive where the modification is aware.
    pub fn expiry_age_of(
        &self,
        expiry: Option<&Value>,
        modification: Option<DateTime>,
    ) -> Result<Value, SessionError> {
        let policy = self.policy()?;
        Ok(policy.age(expiry, modification.unwrap_or_else(|| policy.now()))?)
    }

    /// `get_expiry_date(modification=…, expiry=…)`: when it would expire, without loading.
    ///
    /// # Errors
    /// When `expiry` is no time, or leads beyond the year 9999.
    pub fn expiry_date_of(
        &self,
        expiry: Option<&Value>,
        modification: Option<DateTime>,
    ) -> Result<DateTime, SessionError> {
        let policy = self.policy()?;
        Ok(policy.date(expiry, modification.unwrap_or_else(|| policy.now()))?)
    }

    /// Whether the cookie lasts only until the browser closes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get_expire_at_browser_close(&self) -> Result<bool, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        Ok(self.policy()?.at_browser_close(expiry.as_ref()))
    }

    /// `SESSION_COOKIE_AGE`, seconds, or what the engine has in its place.
    ///
    /// # Errors
    /// [`SessionError::NoMiddleware`]
    pub fn get_session_cookie_age(&self) -> Result<i64, SessionError> {
        Ok(self.policy()?.cookie_age)
    }
}

/// The test cookie.
impl Session {
    /// Sets the test cookie: [`Session::test_cookie_worked`] tells in the visitor's next request whether it came back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_test_cookie(&self) -> Result<(), SessionError> {
        let (key, value) = TEST_COOKIE;
        self.set_value(key, value).await
    }

    /// Whether the browser sent the test cookie back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn test_cookie_worked(&self) -> Result<bool, SessionError> {
        let (key, value) = TEST_COOKIE;
        self.read(|dict| dict.get(key).and_then(Value::as_str) == Some(value)).await
    }

    /// Deletes the test cookie: whether it was there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_test_cookie(&self) -> Result<bool, SessionError> {
        self.remove(TEST_COOKIE.0).await
    }
}

/// What the session knows of itself.
impl Session {
    /// The key, once the session has one: a new session gets it when it is first saved.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.inner.as_ref()?.lock().key.clone()
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
        self.inner.as_ref().map(|inner| &inner.engine)
    }

    /// Puts another session in this one's place for the rest of the request, as `request.session = other` does in Django:
    /// the middleware deals with that one. [`Session::default()`] makes it leave the response alone
    /// (`del request.session`).
    pub fn replace(&mut self, other: Self) {
        let old = std::mem::replace(self, other);
        if let Some(inner) = &old.inner {
            // Set twice, the first one set is already the current session: its own successor is what counts.
            let _ = inner.successor.set(self.clone());
        }
    }

    /// The session that this one's request ends with: itself, unless it was replaced.
    #[must_use]
    pub(crate) fn current(&self) -> Self {
        let mut session = self.clone();
        while let Some(next) = session.inner.as_ref().and_then(|inner| inner.successor.get()).cloned() {
            session = next;
        }
        session
    }
}

/// The store's side: views seldom need it, the middleware saves by itself.
impl Session {
    pub(crate) fn new(engine: Arc<SessionEngine>, key: Option<SessionKey>) -> Self {
        let state = Mutex::new(State { key, ..State::default() });
        Self { inner: Some(Arc::new(Inner { engine, state, successor: OnceLock::new() })) }
    }

    /// What the middleware decides by, read at one moment; `None` where there is no session.
    pub(crate) fn flags(&self) -> Option<Flags> {
        let state = self.inner.as_ref()?.lock();
        Some(Flags { empty: state.is_empty(), accessed: state.accessed, modified: state.modified() })
    }

    /// Saves the session now: a new one is created, a known one updated, never inserted again.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when it was deleted meanwhile, [`SessionError::Encode`] when the serializer cannot write a
    /// value, [`SessionError::Store`] when the store fails.
    pub async fn save(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.lock().key.is_none() && inner.engine.store().residence() == Residence::Server {
            return self.create().await;
        }
        self.ensure_loaded().await?;
        if inner.engine.store().residence() == Residence::Cookie {
            return self.sign().await;
        }
        self.write().await
    }

    /// `save(must_create=True)`: stores the session under its key as a new one, without loading what may be there.
    ///
    /// # Errors
    /// [`SessionError::Exists`] when the key is taken; otherwise as [`Session::save`].
    pub async fn save_new(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Cookie {
            self.ensure_loaded().await?;
            return self.sign().await;
        }
        let snapshot = {
            let mut state = inner.lock();
            state.key.clone().map(|key| {
                state.accessed = true;
                (key, state.data().dict().clone(), state.data().moment())
            })
        };
        let Some((key, dict, moment)) = snapshot else { return self.create().await };
        match inner.engine.store().insert(&key, &dict).await {
            Ok(saved) => {
                let mut state = inner.lock();
                state.version = Some(saved.version);
                state.stale = false;
                state.data().settle(moment, dict)
            }
            Err(StoreError::Exists) => Err(SessionError::Exists(key.shortened())),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the current data under a new key and marks the session modified.
    ///
    /// # Errors
    /// As [`Session::save`].
    pub async fn create(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Server {
            let mut tries = 0;
            loop {
                let key = SessionKey::generate()?;
                inner.lock().key = Some(key);
                match Box::pin(self.save_new()).await {
                    Err(SessionError::Exists(_)) if tries < KEY_TRIES => tries += 1,
                    Err(SessionError::Exists(_)) => return Err(SessionError::NoFreeKey(tries)),
                    other => break other?,
                }
            }
        }
        inner.lock().modified = true;
        Ok(())
    }

    /// Reads what is stored under this session's key and has not expired; the session's own copy stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(&self) -> Result<Dict, SessionError> {
        let inner = self.inner()?;
        let Some(key) = inner.lock().key.clone() else { return Ok(Dict::new()) };
        match inner.engine.store().load(&key).await? {
            Load::Found(loaded) => Ok(loaded.data),
            Load::Missing => {
                inner.lock().key = None;
                Ok(Dict::new())
            }
            Load::Renew => {
                self.create().await?;
                Ok(Dict::new())
            }
        }
    }

    /// Deletes what is stored under that key, or under this session's own. The session's own copy stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: Option<&str>) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Cookie {
            let mut state = inner.lock();
            state.key = None;
            state.data = Some(SessionData::default());
            state.modified = true;
            return Ok(());
        }
        let key = match key {
            Some(text) => SessionKey::parse(text),
            None => inner.lock().key.clone(),
        };
        if let Some(key) = key {
            inner.engine.store().delete(&key, None).await?;
        }
        Ok(())
    }

    /// Whether a session of that key is stored, expired or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exists(&self, key: &str) -> Result<bool, SessionError> {
        match SessionKey::parse(key) {
            Some(key) => Ok(self.inner()?.engine.store().exists(&key).await?),
            None => Ok(false),
        }
    }

    /// Deletes every expired session of the engine, in steps of 1,000.
    ///
    /// # Errors
    /// When the engine cannot, or the store fails.
    pub async fn clear_expired(&self) -> Result<u64, SessionError> {
        const STEP: std::num::NonZeroU32 = std::num::NonZeroU32::new(1_000).unwrap();
        let store = self.inner()?.engine.store();
        let mut deleted = 0;
        loop {
            let cleared = store.clear_expired(STEP).await?;
            deleted += cleared.deleted;
            if !cleared.more {
                return Ok(deleted);
            }
        }
    }

    /// Writes the changes on top of what is stored, as often as another request stores something in between.
    async fn write(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let store = inner.engine.store();
        let merge = inner.engine.strategy() == SaveStrategy::Merge;
        let (key, moment, mut dict, mut expected, touch) = {
            let mut state = inner.lock();
            let Some(key) = state.key.clone() else {
                // The session vanished while it was loaded. Django draws the key that an update then does not find.
                state.key = Some(SessionKey::generate()?);
                return Err(SessionError::Gone);
            };
            let touch = merge && !state.modified() && !state.stale && state.version.is_some();
            let expected = state.version.clone().filter(|_| merge);
            let data = state.data();
            (key, data.moment(), data.dict().clone(), expected, touch && data.is_settled())
        };
        if touch {
            return Ok(store.touch(&key, &dict).await?);
        }
        let mut lane = None;
        let mut conflicts = 0;
        loop {
            match store.update(&key, &dict, expected.as_ref()).await {
                Ok(saved) => {
                    let mut state = inner.lock();
                    state.version = Some(saved.version);
                    state.stale = false;
                    return state.data().settle(moment, dict);
                }
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
            if lane.is_none() {
                lane = inner.engine.lane(&key).await;
            }
            let stored = store.reload(&key).await?.ok_or(SessionError::Gone)?;
            dict = inner.lock().data().rebase(stored.data)?;
            conflicts += 1;
            expected = (conflicts < CONFLICTS).then_some(stored.version);
        }
    }

    /// The cookie engine's save: the data becomes the key.
    async fn sign(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let (key, dict) = {
            let mut state = inner.lock();
            (state.key.clone(), state.data().dict().clone())
        };
        let store = inner.engine.store();
        let saved = match key {
            Some(key) => store.update(&key, &dict, None).await?,
            None => store.insert(&SessionKey::generate()?, &dict).await?,
        };
        let mut state = inner.lock();
        state.key = Some(saved.key);
        state.modified = true;
        Ok(())
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
        let load = inner.engine.store().load(&key).await?;
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
        self.create().await
    }

    fn inner(&self) -> Result<&Arc<Inner>, SessionError> {
        self.inner.as_ref().ok_or(SessionError::NoMiddleware)
    }

    fn policy(&self) -> Result<&ExpiryPolicy, SessionError> {
        Ok(self.inner()?.engine.policy())
    }
}

fn typed<T: DeserializeOwned>(key: &str, value: Option<Value>) -> Result<Option<T>, SessionError> {
    value.map(from_value).transpose().map_err(|source| SessionError::Value { key: key.to_owned(), source })
}
