//! The store's side of a session: save, create, load, delete, flush, a new key.
//!
//! Views seldom need more than `flush` and `cycle_key`: the middleware saves by itself.

use crate::conf::session::SaveStrategy;
use crate::serialize::value::Dict;
use crate::session::data::SessionData;
use crate::session::error::SessionError;
use crate::session::handle::Session;
use crate::session::key::SessionKey;
use crate::session::store::{Load, Residence, StoreError};

/// After so many conflicts in a row a save overwrites: somebody else's store is at war with ours.
const CONFLICTS: u32 = 1_000;

/// After so many taken keys in a row the store, not chance, is to blame (Django 5.2 `backends/cache.py`).
const KEY_TRIES: u32 = 10_000;

impl Session {
    /// Deletes the session with its data; the middleware then deletes the cookie. What a logout does, and so it is done even if the
    /// request is dropped meanwhile.
    ///
    /// # Errors
    /// When the store fails: the data is then cleared, but may still be stored.
    pub async fn flush(&self) -> Result<(), SessionError> {
        self.clear()?;
        self.to_its_end(|session| async move { session.flush_now().await }).await
    }

    async fn flush_now(&self) -> Result<(), SessionError> {
        // A save that is under way could otherwise store what nobody deletes.
        let _turn = self.inner()?.turn().await;
        self.delete(None).await?;
        self.inner()?.lock().key = None;
        Ok(())
    }

    /// Moves the data to a new key: what a login does, so that a key planted before it opens nothing. Once it has begun it is done, even
    /// if the request is dropped meanwhile.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when another request deleted or moved the session since it was loaded: nothing is then stored
    /// under a new key either, or a logout would be undone. Otherwise as [`Session::save`].
    pub async fn cycle_key(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Cookie {
            return self.save().await;
        }
        self.to_its_end(|session| async move { session.move_now().await }).await
    }

    async fn move_now(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let _turn = inner.turn().await;
        self.ensure_loaded().await?;
        let merge = inner.engine.strategy() == SaveStrategy::Merge;
        let (old, mut version) = {
            let state = inner.lock();
            (state.key.clone(), state.version.clone().filter(|_| merge))
        };
        let before = self.insert_under_new_key().await?;
        let Some(old) = old else { return Ok(()) };
        // What other requests stored under the old key since it was loaded moves as well.
        for _ in 0..CONFLICTS {
            match inner.engine.store().delete(&old, version.as_ref()).await {
                Err(StoreError::Changed) => {}
                Ok(false) if version.is_some() => return self.give_up_move(old).await,
                other => return other.map(drop).map_err(SessionError::from),
            }
            let Some(stored) = inner.engine.store().reload(&old).await? else {
                return self.give_up_move(old).await;
            };
            version = Some(stored.version);
            let merged = before.rebase(stored.data)?;
            let key = inner.lock().key.clone().ok_or(SessionError::Gone)?;
            let saved = inner.engine.store().update(&key, &merged, None).await?;
            let mut state = inner.lock();
            state.version = Some(saved.version);
            // What a clone of the handle changed since is not in it.
            state.data().settle(before.moment(), merged)?;
        }
        if inner.engine.store().delete(&old, None).await? { Ok(()) } else { self.give_up_move(old).await }
    }

    /// The session was deleted while it was moved: what was stored under the new key, which nobody has seen, goes as well.
    async fn give_up_move(&self, old: SessionKey) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let moved = inner.lock().key.replace(old);
        if let Some(moved) = moved {
            inner.engine.store().delete(&moved, None).await?;
        }
        Err(SessionError::Gone)
    }

    /// Saves the session now: a new one is created, a known one updated, never inserted again.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when it was deleted meanwhile, [`SessionError::Encode`] when the serializer cannot write a
    /// value, [`SessionError::Store`] when the store fails.
    pub async fn save(&self) -> Result<(), SessionError> {
        let once = {
            let state = self.inner()?.lock();
            // What only sets keys comes to the same if it is done again.
            state.key.is_none() || state.data.as_ref().is_some_and(SessionData::counts)
        };
        match once {
            true => self.to_its_end(|session| async move { session.save_now().await }).await,
            false => self.save_now().await,
        }
    }

    async fn save_now(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let _turn = inner.turn().await;
        let (key, loaded) = {
            let state = inner.lock();
            (state.key.clone(), state.data.is_some())
        };
        let store = inner.engine.store();
        if key.is_none() && store.residence() == Residence::Server {
            return self.save_first().await;
        }
        if let Some(key) = key
            && !loaded
            && inner.engine.quirks().asks_before_loading
            && !store.exists(&key).await?
        {
            return Err(SessionError::Gone);
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
        self.to_its_end(|session| async move { session.save_new_now().await }).await
    }

    async fn save_new_now(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let _turn = inner.turn().await;
        if inner.engine.store().residence() == Residence::Cookie {
            self.ensure_loaded().await?;
            return self.sign().await;
        }
        if self.session_key().is_none() {
            return self.save_first().await;
        }
        self.insert().await.map(drop)
    }

    /// Stores the session under the key that it has, which must be free; what it was then.
    async fn insert(&self) -> Result<SessionData, SessionError> {
        let inner = self.inner()?;
        let (key, before) = {
            let mut state = inner.lock();
            state.begin(inner.engine.policy())?;
            state.accessed = true;
            (state.key.clone().ok_or(SessionError::Gone)?, state.data().clone())
        };
        match inner.engine.store().insert(&key, before.dict()).await {
            Ok(saved) => {
                let mut state = inner.lock();
                state.version = Some(saved.version);
                state.stale = false;
                state.data().settle(before.moment(), before.dict().clone())?;
                Ok(before)
            }
            Err(StoreError::Exists) => Err(SessionError::Exists(key.shortened())),
            Err(error) => Err(error.into()),
        }
    }

    /// The save of a session without a key.
    async fn save_first(&self) -> Result<(), SessionError> {
        self.create_now().await?;
        let inner = self.inner()?;
        let (key, dict) = {
            let mut state = inner.lock();
            (state.key.clone(), state.data().dict().clone())
        };
        match key.filter(|_| inner.engine.quirks().saves_new_twice) {
            Some(key) => Ok(inner.engine.store().touch(&key, &dict, None).await?),
            None => Ok(()),
        }
    }

    /// Stores the current data under a new key and marks the session modified.
    ///
    /// # Errors
    /// As [`Session::save`].
    pub async fn create(&self) -> Result<(), SessionError> {
        self.to_its_end(|session| async move {
            let _turn = session.inner()?.turn().await;
            session.create_now().await
        })
        .await
    }

    /// [`Session::create`] within whatever is being done.
    pub(super) async fn create_now(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        if inner.engine.store().residence() == Residence::Server {
            self.insert_under_new_key().await.map(drop)
        } else {
            inner.lock().modified = true;
            Ok(())
        }
    }

    /// [`Session::create`] on the server; what the session was then.
    async fn insert_under_new_key(&self) -> Result<SessionData, SessionError> {
        let inner = self.inner()?;
        let mut tries = 0;
        let before = loop {
            let key = self.new_key().await?;
            inner.lock().key = Some(key);
            match self.insert().await {
                Err(SessionError::Exists(_)) if tries < KEY_TRIES => tries += 1,
                Err(SessionError::Exists(_)) => return Err(SessionError::NoFreeKey(tries)),
                other => break other?,
            }
        };
        inner.lock().modified = true;
        Ok(before)
    }

    /// A key that nothing is stored under, as far as chance and the store can say.
    async fn new_key(&self) -> Result<SessionKey, SessionError> {
        let engine = &self.inner()?.engine;
        for _ in 0..KEY_TRIES {
            let key = SessionKey::generate()?;
            if !engine.quirks().asks_for_free_keys || !engine.store().exists(&key).await? {
                return Ok(key);
            }
        }
        Err(SessionError::NoFreeKey(KEY_TRIES))
    }

    /// Reads what is stored under this session's key and has not expired; the session's own copy stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(&self) -> Result<Dict, SessionError> {
        let inner = self.inner()?;
        let Some(key) = inner.lock().key.clone() else {
            // A cookie that is not there cannot be trusted either: Django sets a new one.
            if inner.engine.store().residence() == Residence::Cookie {
                self.create_now().await?;
            }
            return Ok(Dict::new());
        };
        match self.fetch(&key).await? {
            Load::Found(loaded) => Ok(loaded.data),
            Load::Missing => {
                inner.lock().key = None;
                Ok(Dict::new())
            }
            Load::Renew => {
                self.create_now().await?;
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
        let key = key.map(SessionKey::verbatim).or_else(|| inner.lock().key.clone());
        if let Some(key) = key {
            inner.engine.store().delete(&key, None).await?;
            let mut state = inner.lock();
            if state.key.as_ref() == Some(&key) {
                // Nothing is stored that a later call could find deleted by somebody else.
                state.version = None;
            }
        }
        Ok(())
    }

    /// Whether a session of that key is stored, expired or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exists(&self, key: &str) -> Result<bool, SessionError> {
        Ok(self.inner()?.engine.store().exists(&SessionKey::verbatim(key)).await?)
    }

    /// Deletes every expired session of the engine, in steps of 20,000.
    ///
    /// # Errors
    /// When the engine cannot, or the store fails.
    pub async fn clear_expired(&self) -> Result<u64, SessionError> {
        const STEP: std::num::NonZeroU32 = std::num::NonZeroU32::new(20_000).unwrap();
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
        let Some(key) = self.session_key() else {
            // The session vanished while it was loaded. Django draws the key that an update then does not find.
            let key = self.new_key().await?;
            inner.lock().key = Some(key);
            return Err(SessionError::Gone);
        };
        let (mut moment, mut dict, mut expected, touch) = {
            let mut state = inner.lock();
            state.begin(inner.engine.policy())?;
            let touch = merge && !state.modified() && !state.stale && state.version.is_some();
            let expected = state.version.clone().filter(|_| merge);
            let data = state.data();
            (data.moment(), data.dict().clone(), expected, touch && data.is_settled())
        };
        if touch {
            match store.touch(&key, &dict, expected.as_ref()).await {
                Ok(()) => inner.engine.note_renewal(&key),
                // Whoever changed it renewed it, and may have chosen another expiry.
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
            return Ok(());
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
            {
                // Both at once: what a clone of the handle changed since the last turn is in this one.
                let mut state = inner.lock();
                let data = state.data();
                (moment, dict) = (data.moment(), data.rebase(stored.data)?);
            }
            conflicts += 1;
            expected = (conflicts < CONFLICTS).then_some(stored.version);
        }
    }

    /// The cookie engine's save: the data becomes the key.
    async fn sign(&self) -> Result<(), SessionError> {
        let inner = self.inner()?;
        let (key, dict) = {
            let mut state = inner.lock();
            state.begin(inner.engine.policy())?;
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
}
