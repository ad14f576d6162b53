//! A cache as a view uses it: typed values, keys as the view names them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::backend::{CacheBackend, Deleted, Replaced, Timeout, Touched, Ttl, Version};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::conf::caches::CacheSettings;
use crate::serialize::convert_error::ConvertError;
use crate::serialize::de::from_value;
use crate::serialize::ser::to_value;
use crate::serialize::value::Value;

/// One entry of `CACHES`. A clone shares the store.
///
/// Keys become `KEY_PREFIX:VERSION:key`. [`Cache::version`] is the same cache with keys of another version (Django's
/// `version=` argument).
///
/// ```
/// use nuages::cache::backend::Timeout;
/// use nuages::cache::error::CacheError;
/// use nuages::cache::handle::Cache;
///
/// async fn greet(cache: &Cache) -> Result<String, CacheError> {
///     cache.set("name", "Sonam", 60.into()).await?;
///     cache.version(2).set("name", "Tashi", Timeout::Never).await?;
///     Ok(cache.get("name").await?.unwrap_or_default())
/// }
/// ```
#[derive(Clone)]
pub struct Cache {
    entry: Arc<Entry>,
    version: i64,
}

struct Entry {
    alias: String,
    backend: Arc<dyn CacheBackend>,
    key_prefix: String,
    timeout: Option<i64>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("alias", &self.entry.alias)
            .field("version", &self.version)
            .field("backend", &self.entry.backend)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// The cache of that alias: a backend, and `KEY_PREFIX`, `VERSION` and `TIMEOUT` of the settings.
    #[must_use]
    pub fn new(alias: impl Into<String>, backend: Arc<dyn CacheBackend>, settings: &CacheSettings) -> Self {
        let entry = Entry {
            alias: alias.into(),
            backend,
            key_prefix: settings.key_prefix.clone(),
            timeout: settings.timeout,
        };
        Self { entry: Arc::new(entry), version: settings.version }
    }

    /// The same cache with keys of that version.
    #[must_use]
    pub fn version(&self, version: i64) -> Self {
        Self { entry: Arc::clone(&self.entry), version }
    }

    /// Its alias in `CACHES`.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.entry.alias
    }

    /// What keeps the values: for callers that have [`Value`]s and keys as they are stored.
    #[must_use]
    pub fn backend(&self) -> &dyn CacheBackend {
        &*self.entry.backend
    }

    /// The key as it is stored.
    ///
    /// # Errors
    /// [`CacheError::InvalidKey`], where the backend takes no such key; elsewhere a line in the log says that memcached would
    /// not.
    pub fn key(&self, key: &str) -> Result<CacheKey, CacheError> {
        self.key_of(["", key])
    }

    /// The same for a key in two parts.
    pub(crate) fn key_of(&self, parts: [&str; 2]) -> Result<CacheKey, CacheError> {
        let key = CacheKey::of_parts(&self.entry.key_prefix, itoa::Buffer::new().format(self.version), parts);
        match self.backend().key_rule() {
            KeyRule::Warn => {
                for fault in key.faults() {
                    tracing::warn!(target: "django.core.cache", cache = self.alias(), "{fault}");
                }
            }
            KeyRule::Refuse => {
                if let Some(fault) = key.faults().next() {
                    return Err(CacheError::InvalidKey { alias: self.alias().to_owned(), fault });
                }
            }
        }
        Ok(key)
    }

    /// How long that is here.
    #[must_use]
    pub fn ttl(&self, timeout: Timeout) -> Ttl {
        match timeout {
            Timeout::Default => Ttl::of(self.entry.timeout),
            Timeout::Never => Ttl::Never,
            Timeout::Seconds(seconds) => Ttl::of(Some(seconds)),
        }
    }

    /// The value under the key.
    ///
    /// # Errors
    /// When the cache cannot be asked, or what it holds is no `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CacheError> {
        let key = self.key(key)?;
        let found = self.backend().get(&key).await?;
        found.map(|value| self.typed(&key, value)).transpose()
    }

    /// The value under the key, and which one exactly it was, for [`Cache::replace`], [`Cache::touch_if`]
    /// and [`Cache::delete_if`].
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub async fn get_versioned<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(T, Version)>, CacheError> {
        let key = self.key(key)?;
        let found = self.backend().get_versioned(&key).await?;
        found.map(|(value, version)| Ok((self.typed(&key, value)?, version))).transpose()
    }

    /// Stores the value under the key.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        timeout: Timeout,
    ) -> Result<(), CacheError> {
        let key = self.key(key)?;
        let value = self.value(&key, value)?;
        self.backend().set(&key, &value, self.ttl(timeout)).await
    }

    /// Stores the value if nothing is under the key, and says whether it did.
    ///
    /// # Errors
    /// When the cache cannot be asked, or the value not be stored.
    pub async fn add<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        timeout: Timeout,
    ) -> Result<bool, CacheError> {
        let key = self.key(key)?;
        let value = self.value(&key, value)?;
        self.backend().add(&key, &value, self.ttl(timeout)).await
    }

    /// Stores the value if something is under the key: if `expected` is given, only if it is that. Never an insert.
    ///
    /// # Errors
    /// When the cache cannot be asked, or the value not be stored.
    pub async fn replace<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        timeout: Timeout,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let key = self.key(key)?;
        let value = self.value(&key, value)?;
        self.backend().replace(&key, &value, self.ttl(timeout), expected).await
    }

    /// The value under the key; if there is none, `make` makes it, and it is stored.
    ///
    /// When two callers do so at once, both return what the first one stored.
    ///
    /// # Errors
    /// When the cache cannot be asked, what it holds is no `T`, or `make` fails.
    pub async fn get_or_set<T, E>(
        &self,
        key: &str,
        timeout: Timeout,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<CacheError>,
    {
        if let Some(value) = self.get(key).await? {
            return Ok(value);
        }
        let made = make().await?;
        self.add(key, &made, timeout).await?;
        Ok(self.get(key).await?.unwrap_or(made))
    }

    /// Moves the time of expiry, and says whether something is under the key.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn touch(&self, key: &str, timeout: Timeout) -> Result<bool, CacheError> {
        self.backend().touch(&self.key(key)?, self.ttl(timeout)).await
    }

    /// Moves the time of expiry of what is under the key only if it is that.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn touch_if(
        &self,
        key: &str,
        timeout: Timeout,
        expected: &Version,
    ) -> Result<Touched, CacheError> {
        self.backend().touch_if(&self.key(key)?, self.ttl(timeout), expected).await
    }

    /// Whether there is something under the key.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn has_key(&self, key: &str) -> Result<bool, CacheError> {
        self.backend().has_key(&self.key(key)?).await
    }

    /// Adds to the whole number under the key and returns the sum; the time of expiry stays.
    ///
    /// # Errors
    /// [`CacheError::Missing`] when there is none, [`CacheError::NotANumber`] when there is something else, and when the cache
    /// cannot be asked.
    pub async fn incr(&self, key: &str, delta: i64) -> Result<i64, CacheError> {
        let sum = self.backend().incr(&self.key(key)?, delta).await?;
        sum.ok_or_else(|| CacheError::Missing { key: key.to_owned() })
    }

    /// Subtracts from the whole number under the key, as [`Cache::incr`] adds; memcached stops at 0.
    ///
    /// # Errors
    /// As [`Cache::incr`].
    pub async fn decr(&self, key: &str, delta: i64) -> Result<i64, CacheError> {
        let key_here = self.key(key)?;
        let Some(delta) = delta.checked_neg() else {
            let (alias, key) = (self.alias().to_owned(), key_here.as_str().to_owned());
            return Err(CacheError::NotANumber { alias, key, delta });
        };
        let sum = self.backend().incr(&key_here, delta).await?;
        sum.ok_or_else(|| CacheError::Missing { key: key.to_owned() })
    }

    /// Deletes what is under the key, and says whether anything was.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn delete(&self, key: &str) -> Result<bool, CacheError> {
        self.backend().delete(&self.key(key)?).await
    }

    /// Deletes what is under the key only if it is that.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn delete_if(&self, key: &str, expected: &Version) -> Result<Deleted, CacheError> {
        self.backend().delete_if(&self.key(key)?, expected).await
    }

    /// What there is under these keys, by the keys.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub async fn get_many<T: DeserializeOwned>(
        &self,
        keys: &[&str],
    ) -> Result<HashMap<String, T>, CacheError> {
        let stored = self.keys(keys)?;
        let found = self.backend().get_many(&stored).await?;
        let mut values = HashMap::with_capacity(found.len());
        for ((name, key), value) in keys.iter().zip(&stored).zip(found) {
            if let Some(value) = value {
                values.insert((*name).to_owned(), self.typed(key, value)?);
            }
        }
        Ok(values)
    }

    /// Stores several values, and returns the keys of those that could not be stored.
    ///
    /// # Errors
    /// When the cache cannot be asked, or a value has no form that could be stored: then none is.
    pub async fn set_many<T: Serialize>(
        &self,
        entries: &[(&str, T)],
        timeout: Timeout,
    ) -> Result<Vec<String>, CacheError> {
        let mut stored = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.key(key)?;
            let value = self.value(&key, value)?;
            stored.push((key, value));
        }
        let failed = self.backend().set_many(&stored, self.ttl(timeout)).await?;
        let names = entries.iter().zip(&stored).filter(|(_, (key, _))| failed.contains(key));
        Ok(names.map(|((name, _), _)| (*name).to_owned()).collect())
    }

    /// Deletes what is under these keys.
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn delete_many(&self, keys: &[&str]) -> Result<(), CacheError> {
        self.backend().delete_many(&self.keys(keys)?).await
    }

    /// Deletes everything in the store, other prefixes' and other programs' entries too (as Django's `clear`).
    ///
    /// # Errors
    /// When the cache cannot be asked.
    pub async fn clear(&self) -> Result<(), CacheError> {
        self.backend().clear().await
    }

    /// Moves the value under the key to a later version of it, and returns that; it gets the cache's TIMEOUT.
    ///
    /// # Errors
    /// [`CacheError::Missing`] when there is none, and when the cache cannot be asked.
    pub async fn incr_version(&self, key: &str, delta: i64) -> Result<i64, CacheError> {
        let old = self.key(key)?;
        let missing = || CacheError::Missing { key: key.to_owned() };
        let value = self.backend().get(&old).await?.ok_or_else(missing)?;
        let later = self.version(self.version.saturating_add(delta));
        self.backend().set(&later.key(key)?, &value, self.ttl(Timeout::Default)).await?;
        self.backend().delete(&old).await?;
        Ok(later.version)
    }

    /// Moves the value under the key to an earlier version of it, as [`Cache::incr_version`].
    ///
    /// # Errors
    /// As [`Cache::incr_version`].
    pub async fn decr_version(&self, key: &str, delta: i64) -> Result<i64, CacheError> {
        self.incr_version(key, delta.saturating_neg()).await
    }

    fn keys(&self, keys: &[&str]) -> Result<Vec<CacheKey>, CacheError> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn value<T: Serialize + ?Sized>(&self, key: &CacheKey, value: &T) -> Result<Value, CacheError> {
        to_value(value).map_err(|source| self.unfit(key, source))
    }

    fn typed<T: DeserializeOwned>(&self, key: &CacheKey, value: Value) -> Result<T, CacheError> {
        from_value(value).map_err(|source| self.unfit(key, source))
    }

    fn unfit(&self, key: &CacheKey, source: ConvertError) -> CacheError {
        CacheError::Convert { alias: self.alias().to_owned(), key: key.as_str().to_owned(), source }
    }
}
