//! `django.core.cache.backends.filebased.FileBasedCache`: a file for each key (Django 5.2 `core/cache/backends/filebased.py`).
//!
//! Files are named by a digest of their key, readable by their owner alone, and put in their place whole. The work is done on
//! threads that may block.

mod entry;
mod folder;

#[cfg(test)]
pub(super) use self::folder::file_name;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::entry::{Entry, Expiry, pack, unpack};
use self::folder::{Folder, FolderError};
use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::cache::options::{CullLimits, OptionReader};
use crate::cache::pickled;
use crate::serialize::value::Value;

/// How long a call may take: network file systems may not answer.
const LIMIT: Duration = Duration::from_secs(15);

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.filebased.FileBasedCache", build };

fn build(parts: &BackendParts<'_>) -> BuiltBackend {
    let mut options = OptionReader::new(parts);
    let limits = CullLimits::read(&mut options);
    let location = parts.settings.location.first();
    if location.is_empty() {
        options.fault("LOCATION", "A file cache needs a folder.", "Write LOCATION = \"/var/tmp/…\".");
    }
    options.finish()?;
    let folder = Folder::new(parts.site.base_dir.join(location), limits);
    Ok(Arc::new(FileCache { files: Arc::new(Files { alias: parts.alias.to_owned(), folder }) }))
}

/// A cache in a folder.
#[derive(Debug, Clone)]
pub struct FileCache {
    files: Arc<Files>,
}

/// The work itself, which blocks.
#[derive(Debug)]
struct Files {
    alias: String,
    folder: Folder,
}

/// What is live under a key.
struct Live {
    expiry: Expiry,
    packed: Bytes,
}

impl Files {
    fn failed(&self, error: FolderError) -> CacheError {
        CacheError::File {
            alias: self.alias.clone(),
            path: error.path.display().to_string(),
            source: error.source,
        }
    }

    fn pack(&self, key: &CacheKey, value: &Value) -> Result<Bytes, CacheError> {
        let pickled = pickled::dumps(&self.alias, key, value)?;
        let packed = pack(&pickled).map_err(|source| self.unstorable(key, source))?;
        Ok(packed.into())
    }

    fn unpack(&self, key: &CacheKey, packed: &[u8]) -> Result<Value, CacheError> {
        let pickled = unpack(packed).map_err(|source| pickled::unreadable(&self.alias, key, source))?;
        pickled::loads(&self.alias, key, &pickled)
    }

    fn contents(&self, key: &CacheKey, expiry: Expiry, packed: &[u8]) -> Result<Vec<u8>, CacheError> {
        Entry { expiry, packed }.write().map_err(|source| self.unstorable(key, source))
    }

    fn unstorable(&self, key: &CacheKey, source: crate::error::BoxError) -> CacheError {
        CacheError::Encode { alias: self.alias.clone(), key: key.as_str().to_owned(), source }
    }

    fn parse(&self, key: &CacheKey, contents: &[u8]) -> Result<Option<Live>, CacheError> {
        let entry = Entry::read(contents).map_err(|source| pickled::unreadable(&self.alias, key, source))?;
        let live = || Live { expiry: entry.expiry, packed: Bytes::copy_from_slice(entry.packed) };
        Ok((!entry.expiry.is_past()).then(live))
    }

    /// What is live under the key; an expired file goes.
    fn live(&self, key: &CacheKey) -> Result<Option<Live>, CacheError> {
        let path = self.folder.path(key);
        let contents = self.folder.read(&path).map_err(|error| self.failed(error))?;
        let Some(contents) = contents else { return Ok(None) };
        let live = self.parse(key, &contents)?;
        if live.is_none() {
            // It may have been replaced since: what is deleted is looked at under the lock.
            self.change(key, |_, live| Ok((if live.is_none() { Change::Remove } else { Change::Keep }, ())))?;
        }
        Ok(live)
    }

    /// Looks at what is under the key and changes it, in one step. `decide` is not called when there is no file.
    fn change<T>(
        &self,
        key: &CacheKey,
        decide: impl FnOnce(&Self, Option<Live>) -> Result<(Change, T), CacheError>,
    ) -> Result<Option<T>, CacheError> {
        let path = self.folder.path(key);
        let locked = self.folder.lock(&path).map_err(|error| self.failed(error))?;
        let Some(mut locked) = locked else { return Ok(None) };
        let contents = locked.read().map_err(|error| self.failed(error))?;
        let (change, answer) = decide(self, self.parse(key, &contents)?)?;
        match change {
            Change::Keep => Ok(()),
            Change::Remove => locked.remove().map(|_| ()),
            Change::Store(expiry, packed) => {
                self.folder.exchange(&locked, &self.contents(key, expiry, &packed)?)
            }
        }
        .map_err(|error| self.failed(error))?;
        Ok(Some(answer))
    }

    fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        let path = self.folder.path(key);
        if ttl == Ttl::Now {
            return self.delete(key).map(|_| ());
        }
        let contents = self.contents(key, Expiry::of(ttl), &self.pack(key, value)?)?;
        self.folder.store(&path, &contents).map_err(|error| self.failed(error))
    }

    fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let path = self.folder.path(key);
        let packed = self.pack(key, value)?;
        if ttl == Ttl::Now {
            return Ok(self.live(key)?.is_none());
        }
        let contents = self.contents(key, Expiry::of(ttl), &packed)?;
        // A file that expired is replaced under its lock. Should it be gone by then, the way is free again.
        for _ in 0..3 {
            if self.folder.store_new(&path, &contents).map_err(|error| self.failed(error))? {
                return Ok(true);
            }
            let packed = packed.clone();
            let replaced = self.change(key, |_, live| match live {
                Some(_) => Ok((Change::Keep, false)),
                None => Ok((Change::Store(Expiry::of(ttl), packed), true)),
            })?;
            if let Some(added) = replaced {
                return Ok(added);
            }
        }
        Ok(false)
    }

    fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let packed = self.pack(key, value)?;
        let done = self.change(key, |_, live| match live {
            None => Ok((Change::Remove, Replaced::Missing)),
            Some(live) if expected.is_some_and(|expected| expected.0 != live.packed) => {
                Ok((Change::Keep, Replaced::Changed))
            }
            Some(_) => {
                let stored = Replaced::Stored(Version(packed.clone()));
                Ok(match ttl {
                    Ttl::Now => (Change::Remove, stored),
                    ttl => (Change::Store(Expiry::of(ttl), packed), stored),
                })
            }
        })?;
        Ok(done.unwrap_or(Replaced::Missing))
    }

    fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        let done = self.change(key, |_, live| {
            Ok(match (live, ttl) {
                (None, _) => (Change::Remove, false),
                (Some(_), Ttl::Now) => (Change::Remove, true),
                (Some(live), ttl) => (Change::Store(Expiry::of(ttl), live.packed), true),
            })
        })?;
        Ok(done.unwrap_or_default())
    }

    fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        let done = self.change(key, |_, live| {
            Ok(match (live, ttl) {
                (None, _) => (Change::Remove, Touched::Missing),
                (Some(live), _) if live.packed != expected.0 => (Change::Keep, Touched::Changed),
                (Some(_), Ttl::Now) => (Change::Remove, Touched::Touched),
                (Some(live), ttl) => (Change::Store(Expiry::of(ttl), live.packed), Touched::Touched),
            })
        })?;
        Ok(done.unwrap_or(Touched::Missing))
    }

    fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let done = self.change(key, |files, live| {
            let Some(live) = live else { return Ok((Change::Remove, None)) };
            let sum = pickled::sum(&files.unpack(key, &live.packed)?, delta)
                .ok_or_else(|| pickled::not_a_number(&files.alias, key, delta))?;
            Ok((Change::Store(live.expiry, files.pack(key, &Value::Int(sum))?), Some(sum)))
        })?;
        Ok(done.flatten())
    }

    fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        // Whatever is in it, it goes: so that what cannot be read can be got rid of.
        let path = self.folder.path(key);
        let locked = self.folder.lock(&path).map_err(|error| self.failed(error))?;
        let Some(mut locked) = locked else { return Ok(false) };
        let contents = locked.read().map_err(|error| self.failed(error))?;
        let live = self.parse(key, &contents).map_or(true, |live| live.is_some());
        locked.remove().map(|removed| removed && live).map_err(|error| self.failed(error))
    }

    fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let done = self.change(key, |_, live| {
            Ok(match live {
                None => (Change::Remove, Deleted::Missing),
                Some(live) if live.packed != expected.0 => (Change::Keep, Deleted::Changed),
                Some(_) => (Change::Remove, Deleted::Deleted),
            })
        })?;
        Ok(done.unwrap_or(Deleted::Missing))
    }
}

/// What becomes of a file.
enum Change {
    Keep,
    Remove,
    Store(Expiry, Bytes),
}

impl FileCache {
    /// Does the work on a thread that may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, CacheError> + Send + 'static,
    ) -> Result<T, CacheError> {
        let files = Arc::clone(&self.files);
        let done = tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(move || work(&files))).await;
        let files = &self.files;
        match done {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => Err(CacheError::File {
                alias: files.alias.clone(),
                path: files.folder.dir().display().to_string(),
                source: error.into(),
            }),
            Err(_) => Err(CacheError::Timeout {
                alias: files.alias.clone(),
                server: files.folder.dir().display().to_string(),
                after: LIMIT,
            }),
        }
    }
}

#[async_trait]
impl CacheBackend for FileCache {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        let key = key.clone();
        self.work(move |files| files.live(&key)?.map(|live| files.unpack(&key, &live.packed)).transpose())
            .await
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        let key = key.clone();
        self.work(move |files| {
            let Some(live) = files.live(&key)? else { return Ok(None) };
            Ok(Some((files.unpack(&key, &live.packed)?, Version(live.packed))))
        })
        .await
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        let keys = keys.to_vec();
        self.work(move |files| {
            let get = |key| files.live(key)?.map(|live| files.unpack(key, &live.packed)).transpose();
            keys.iter().map(get).collect()
        })
        .await
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let key = key.clone();
        self.work(move |files| Ok(files.live(&key)?.is_some())).await
    }

    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        let (key, value) = (key.clone(), value.clone());
        self.work(move |files| files.set(&key, &value, ttl)).await
    }

    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        let entries = entries.to_vec();
        self.work(move |files| {
            entries.iter().try_for_each(|(key, value)| files.set(key, value, ttl))?;
            Ok(Vec::new())
        })
        .await
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let (key, value) = (key.clone(), value.clone());
        self.work(move |files| files.add(&key, &value, ttl)).await
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let (key, value, expected) = (key.clone(), value.clone(), expected.cloned());
        self.work(move |files| files.replace(&key, &value, ttl, expected.as_ref())).await
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        let key = key.clone();
        self.work(move |files| files.touch(&key, ttl)).await
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        let (key, expected) = (key.clone(), expected.clone());
        self.work(move |files| files.touch_if(&key, ttl, &expected)).await
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let key = key.clone();
        self.work(move |files| files.incr(&key, delta)).await
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let key = key.clone();
        self.work(move |files| files.delete(&key)).await
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let (key, expected) = (key.clone(), expected.clone());
        self.work(move |files| files.delete_if(&key, &expected)).await
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        let keys = keys.to_vec();
        self.work(move |files| keys.iter().try_for_each(|key| files.delete(key).map(|_| ()))).await
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.work(|files| files.folder.clear().map_err(|error| files.failed(error))).await
    }

    async fn close(&self) {}
}
