//! `django.contrib.sessions.backends.file`: one file a session.
//!
//! The files are Django's (Django 5.2 `contrib/sessions/backends/file.py`): in `SESSION_FILE_PATH`, or the system's folder
//! for temporary files, named `SESSION_COOKIE_NAME` and the key, holding the signed text of [`SessionCodec`], readable by
//! their owner alone. A session expires when `_session_expiry` says so, or `SESSION_COOKIE_AGE` after the file's last change.
//!
//! * **Keys.** A path is built from keys of `a-z` and `0-9` alone; nothing else of what a client sends reaches the disk.
//! * **Whole or not at all.** A write goes to another file, which then takes the name in one step. File and folder are
//!   synced first: once a response says that something was saved, or somebody logged out, a power cut does not undo it.
//!   (Django leaves that to the system's write-back.)
//! * **Concurrent writes.** A write holds a lock (`flock`) on the file it replaces, so that nuages processes on one machine
//!   lose nothing of each other's. Django takes no lock: what a Django process writes at the same moment may win.
//! * **Errors.** A full disk or a folder without permission is an error, where Django swallows it and sends a cookie all the
//!   same. A folder that vanished is told apart from a session that did.
//!
//! All of it runs on threads that may block, at most 64 at a time, and no request waits for one more than 10 seconds.

mod folder;

use std::fs::ReadDir;
use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::folder::{Change, Folder, Removal, Stored};
use crate::checks::CheckMessage;
use crate::serialize::value::{Dict, Value};
use crate::session::codec::{Decoded, SessionCodec};
use crate::session::engine::{EngineDef, EngineParts, Quirks, SessionEngine};
use crate::session::expiry::{ExpiryError, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.file", build };

/// How many calls may block at a time.
const THREADS: usize = 64;

/// How many lanes the writes of this process are spread over: those in one lane take turns.
const LANES: usize = 64;

/// How long a request waits for the disk, its turn included.
const WAIT: Duration = Duration::from_secs(10);

/// How often an expired session is looked at once more that was changed while it was deleted.
const TRIES: u32 = 3;

/// How long the place where [`SessionStore::clear_expired`] stopped is kept: longer, and its caller has given up.
const PAUSE: Duration = Duration::from_secs(60);

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let path = match &parts.settings.file_path {
        Some(path) => parts.base_dir.join(path),
        None => std::env::temp_dir(),
    };
    let folder = Folder::new(path, &parts.settings.cookie_name);
    let probed = folder.probe();
    let fault = probed.err().map(|error| {
        CheckMessage::error(
            "nuages.E021",
            format!("SESSION_FILE_PATH: sessions cannot be stored in {:?}: {error}", folder.path()),
        )
        .hint("The file engine needs an existing folder in which this process may write.")
    });
    let mut store = FileStore::on(folder, parts.codec.clone(), Arc::clone(parts.policy));
    store.django_faults = parts.settings.django_faults;
    let quirks = Quirks { pop_forgets_renewal: parts.settings.django_faults, ..Quirks::default() };
    let engine = SessionEngine::new(ENGINE.name, Arc::new(store), parts).with_quirks(quirks);
    match fault {
        None => Ok(engine),
        Some(fault) if parts.is_silenced(&fault) => Ok(engine.out_of_order(fault.message)),
        Some(fault) => Err(vec![fault]),
    }
}

/// Sessions in a folder.
#[derive(Debug)]
pub struct FileStore {
    folder: Arc<Folder>,
    codec: SessionCodec,
    policy: Arc<ExpiryPolicy>,
    threads: Arc<Semaphore>,
    lanes: [Arc<Semaphore>; LANES],
    /// Where [`SessionStore::clear_expired`] goes on, and since when.
    rest: Mutex<Option<(ReadDir, Instant)>>,
    /// `SESSION_DJANGO_FAULTS`: a new session whose data cannot be written leaves an empty file behind, an empty file never
    /// expires, a file whose expiry cannot be worked out ends `clearsessions`, and saving under a key that is too long for a file is an error of the store.
    django_faults: bool,
}

impl FileStore {
    /// Sessions in files of that folder whose names begin with `prefix`.
    #[must_use]
    pub fn new(
        folder: impl Into<std::path::PathBuf>,
        prefix: &str,
        codec: SessionCodec,
        policy: Arc<ExpiryPolicy>,
    ) -> Self {
        Self::on(Folder::new(folder.into(), prefix), codec, policy)
    }

    fn on(folder: Folder, codec: SessionCodec, policy: Arc<ExpiryPolicy>) -> Self {
        Self {
            folder: Arc::new(folder),
            codec,
            policy,
            threads: Arc::new(Semaphore::new(THREADS)),
            lanes: std::array::from_fn(|_| Arc::new(Semaphore::new(1))),
            rest: Mutex::default(),
            django_faults: false,
        }
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
        StoreError::Backend {
            store: format!("folder {}", self.folder.path().display()),
            source: source.into(),
        }
    }

    /// Does something that blocks. It goes on to its end even if the caller does not wait for it.
    async fn blocking<T: Send + 'static>(
        &self,
        turn: Option<&SessionKey>,
        work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = async {
            let lane = match turn {
                Some(key) => permit(&self.lanes[lane_of(key)]).await,
                None => None,
            };
            let thread = permit(&self.threads).await;
            let folder = Arc::clone(&self.folder);
            tokio::task::spawn_blocking(move || {
                let _held = (lane, thread);
                work(&folder)
            })
            .await
        };
        match tokio::time::timeout(WAIT, work).await {
            Ok(Ok(done)) => done.map_err(|error| self.failed(error)),
            Ok(Err(ended)) => Err(self.failed(ended)),
            Err(late) => Err(self.failed(late)),
        }
    }

    /// Removes a file: whether it was there.
    async fn remove(
        &self,
        key: &SessionKey,
        expected: Option<&Version>,
        why: Removal,
    ) -> Result<bool, StoreError> {
        let name = plain(key)?;
        let expected = expected.map(|version| version.0.clone());
        match self.blocking(Some(key), move |folder| folder.delete(&name, expected.as_deref(), why)).await? {
            Change::Done => Ok(true),
            Change::Gone => Ok(false),
            Change::Other => Err(StoreError::Changed),
        }
    }

    /// What a file holds. An empty one is a session that is just being created.
    fn decode(&self, stored: Stored) -> Loaded {
        let Stored { text, modified } = stored;
        let decoded = if text.is_empty() {
            Decoded { stale: true, ..Decoded::default() }
        } else {
            // What is not ASCII has no valid signature either.
            self.codec.decode(&String::from_utf8_lossy(&text))
        };
        let expires = self.policy.expires(&decoded.data, self.policy.at(modified.into())).ok();
        Loaded { data: decoded.data, version: Version(text), stale: decoded.stale, expires }
    }

    fn is_expired(&self, loaded: &Loaded, modified: SystemTime) -> Result<bool, ExpiryError> {
        let (policy, data) = (&*self.policy, &loaded.data);
        if self.django_faults && loaded.version.0.is_empty() {
            return Ok(false);
        }
        let custom = ExpiryPolicy::custom(data).filter(|custom| custom.is_truthy());
        if let (false, Some(age)) = (policy.enforce, custom.filter(|custom| is_number(custom))) {
            // Django takes the number for what is left, whatever the file's age is.
            return Ok(is_zero_or_less(age));
        }
        let date = policy.date(custom, policy.at(modified.into()))?;
        let left = policy.age(Some(&Value::DateTime(policy.capped(data, date))), policy.now())?;
        Ok(is_zero_or_less(&left))
    }
}

async fn permit(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    // Never closed, so never refused.
    Arc::clone(semaphore).acquire_owned().await.ok()
}

fn lane_of(key: &SessionKey) -> usize {
    // The characters of a key are random.
    key.as_str().bytes().fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % LANES)
}

fn is_number(value: &Value) -> bool {
    use Value::{BigInt, Bool, Decimal, Float, Int};
    matches!(value, Int(_) | Bool(_) | Float(_) | BigInt(_) | Decimal(_))
}

fn is_zero_or_less(number: &Value) -> bool {
    match number {
        Value::Int(number) => *number <= 0,
        Value::Float(number) => *number <= 0.0,
        Value::BigInt(number) => number.sign() != num_bigint::Sign::Plus,
        Value::Decimal(text) => text.starts_with('-') || !number.is_truthy(),
        _ => false,
    }
}

fn plain(key: &SessionKey) -> Result<SessionKey, StoreError> {
    if key.is_plain() { Ok(key.clone()) } else { Err(StoreError::InvalidKey) }
}

#[async_trait]
impl SessionStore for FileStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        let Ok(key) = plain(key) else { return Ok(Load::Missing) };
        for _ in 0..TRIES {
            let name = key.clone();
            let stored = self.blocking(None, move |folder| folder.read(&name)).await?;
            let Some(stored) = stored else { return Ok(Load::Missing) };
            let modified = stored.modified;
            let loaded = self.decode(stored);
            if !self.is_expired(&loaded, modified)? {
                return Ok(Load::Found(loaded));
            }
            match self.remove(&key, Some(&loaded.version), Removal::Expired(modified)).await {
                Ok(_) => return Ok(Load::Renew),
                // Saved or renewed meanwhile: perhaps it lives.
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Load::Missing)
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let Ok(key) = plain(key) else { return Ok(None) };
        let stored = self.blocking(None, move |folder| folder.read(&key)).await?;
        Ok(stored.map(|stored| self.decode(stored)))
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let key = plain(key)?;
        self.blocking(None, move |folder| folder.exists(&key)).await
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let name = plain(key)?;
        let text = match self.codec.encode(data) {
            Ok(text) => text,
            Err(error) => {
                let leaves_file = self.django_faults;
                let free = self.blocking(Some(key), move |folder| match leaves_file {
                    true => folder.reserve(&name),
                    false => folder.exists(&name).map(|taken| !taken),
                });
                // A taken key comes first: the caller draws another one for it.
                return Err(if free.await? { error.into() } else { StoreError::Exists });
            }
        };
        let written = text.clone();
        let free = self
            .blocking(Some(key), move |folder| {
                Ok(folder.reserve(&name)? && folder.fill(&name, &written).map(|()| true)?)
            })
            .await?;
        if free {
            Ok(Saved { key: key.clone(), version: Version(Bytes::from(text)) })
        } else {
            Err(StoreError::Exists)
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let name = plain(key)?;
        let text = match self.codec.encode(data) {
            Ok(text) => text,
            // What was deleted comes first: no data would have been stored.
            Err(error) => {
                return Err(if self.exists(&name).await? { error.into() } else { StoreError::Gone });
            }
        };
        let (written, expected) = (text.clone(), expected.map(|version| version.0.clone()));
        let change = self
            .blocking(Some(key), move |folder| folder.replace(&name, &written, expected.as_deref()))
            .await?;
        match change {
            Change::Done => Ok(Saved { key: key.clone(), version: Version(Bytes::from(text)) }),
            Change::Gone if self.django_faults && self.folder.is_too_long(key) => {
                Err(self.failed(io::Error::from(io::ErrorKind::InvalidFilename)))
            }
            Change::Gone => Err(StoreError::Gone),
            Change::Other => Err(StoreError::Changed),
        }
    }

    async fn touch(&self, key: &SessionKey, _: &Dict, expected: Option<&Version>) -> Result<(), StoreError> {
        let name = plain(key)?;
        let expected = expected.map(|version| version.0.clone());
        match self.blocking(Some(key), move |folder| folder.touch(&name, expected.as_deref())).await? {
            Change::Done => Ok(()),
            Change::Gone => Err(StoreError::Gone),
            Change::Other => Err(StoreError::Changed),
        }
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        self.remove(key, expected, Removal::Wanted).await
    }

    /// Looks at the next `at_most` files. Those with an expiry that cannot be worked out stay.
    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rest = rest.filter(|(_, since)| since.elapsed() < PAUSE).map(|(rest, _)| rest);
        let size = usize::try_from(at_most.get()).unwrap_or(usize::MAX);
        let batch = self.blocking(None, move |folder| folder.batch(rest, size)).await?;
        let mut deleted = 0;
        for (key, stored) in batch.found {
            let modified = stored.modified;
            let loaded = self.decode(stored);
            match self.is_expired(&loaded, modified) {
                Ok(true) => {}
                Err(error) if self.django_faults => return Err(error.into()),
                Ok(false) | Err(_) => continue,
            }
            match self.remove(&key, Some(&loaded.version), Removal::Expired(modified)).await {
                Ok(done) => deleted += u64::from(done),
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error),
            }
        }
        let more = batch.rest.is_some();
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) =
            batch.rest.map(|rest| (rest, Instant::now()));
        Ok(Cleared { deleted, more })
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        const STEP: usize = 1_000;
        let (mut rest, mut expired) = (None, 0);
        loop {
            let from = rest.take();
            let batch = self.blocking(None, move |folder| folder.batch(from, STEP)).await?;
            for (_, stored) in batch.found {
                let modified = stored.modified;
                let loaded = self.decode(stored);
                expired += u64::from(matches!(self.is_expired(&loaded, modified), Ok(true)));
            }
            rest = batch.rest;
            if rest.is_none() {
                return Ok(expired);
            }
        }
    }

    /// Each page looks at every name in the folder, and reads the files of the page alone.
    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let size = usize::try_from(at_most.get()).unwrap_or(usize::MAX);
        let mut after = after.cloned();
        loop {
            let from = after.take();
            let keys = self.blocking(None, move |folder| folder.keys_after(from.as_ref(), size)).await?;
            let Some(last) = keys.last() else { return Ok(Vec::new()) };
            after = Some(last.clone());
            let found = self.blocking(None, move |folder| folder.read_all(keys)).await?;
            let row = |(key, stored): (SessionKey, Stored)| {
                let modified = stored.modified;
                let loaded = self.decode(stored);
                let expired = matches!(self.is_expired(&loaded, modified), Ok(true));
                StoredRow { key, loaded, expired }
            };
            // Nothing, if all of them were deleted meanwhile: there may be more all the same.
            if !found.is_empty() {
                return Ok(found.into_iter().map(row).collect());
            }
        }
    }
}
