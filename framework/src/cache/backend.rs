//! What a cache implements: the keeping of values under keys for a while.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::serialize::value::Value;

/// Keeps values: memory, files, a table, servers.
///
/// Every method must be implemented, so that a backend which wraps another one can forget none. The rules, which the
/// contract suite holds every backend to:
///
/// * A key that was never set, has expired or was culled is no error: errors are for a backend that does not work, and say
///   which server, folder or database it was.
/// * Nothing waits for ever: every call has a limit.
/// * A call that is dropped midway has either happened or not.
/// * What [`CacheBackend::replace`], [`CacheBackend::touch_if`], [`CacheBackend::delete_if`], [`CacheBackend::add`] and [`CacheBackend::incr`] look at and
///   what they change is one step: no other caller of any process comes between. (Django's own processes use no such steps
///   with files and tables, and may.)
#[async_trait]
pub trait CacheBackend: fmt::Debug + Send + Sync + 'static {
    /// What becomes of keys that memcached would not take.
    fn key_rule(&self) -> KeyRule;

    /// The value under the key.
    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError>;

    /// The value under the key, and which one exactly it was.
    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError>;

    /// The values under the keys, in the order of the keys.
    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError>;

    /// Whether there is something under the key.
    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError>;

    /// Stores the value, whatever was there.
    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError>;

    /// Stores the values, and returns the keys of those that could not be stored.
    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError>;

    /// Stores the value if nothing is under the key, and says whether it did.
    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError>;

    /// Stores the value if something is under the key: if `expected` is given, only if it is that. Never an insert.
    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError>;

    /// Moves the time of expiry, and says whether something is under the key.
    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError>;

    /// Moves the time of expiry of what is under the key only if it is that.
    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError>;

    /// Adds to the `int` under the key, which keeps its time of expiry, and returns the sum; `None` if nothing is there.
    ///
    /// Memcached knows no number below zero: a sum that would be one is 0 there, as in Django.
    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError>;

    /// Deletes what is under the key, and says whether anything was.
    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError>;

    /// Deletes what is under the key only if it is that.
    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError>;

    /// Deletes what is under the keys.
    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError>;

    /// Deletes everything in the store, other prefixes' and other programs' entries too (Django's `clear`).
    async fn clear(&self) -> Result<(), CacheError>;

    /// Gives up its connections; the next call makes new ones.
    async fn close(&self);
}

/// How long a value is to be kept, as a caller says it (Django's `timeout`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timeout {
    /// As the cache's TIMEOUT says.
    #[default]
    Default,
    /// Until it is deleted or culled (Django's `None`).
    Never,
    /// So many seconds; zero and less: not at all.
    Seconds(i64),
}

impl From<i64> for Timeout {
    fn from(seconds: i64) -> Self {
        Self::Seconds(seconds)
    }
}

impl From<Duration> for Timeout {
    /// Whole seconds; a part of one counts as one.
    fn from(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        Self::Seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// How long a value is to be kept, as a backend is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// Not at all: storing it deletes what was there.
    Now,
    /// So many seconds.
    Seconds(NonZeroU64),
    /// Until it is deleted or culled.
    Never,
}

impl Ttl {
    /// So many seconds; zero and less is [`Ttl::Now`], `None` is [`Ttl::Never`].
    #[must_use]
    pub fn of(seconds: Option<i64>) -> Self {
        let Some(seconds) = seconds else { return Self::Never };
        u64::try_from(seconds).ok().and_then(NonZeroU64::new).map_or(Self::Now, Self::Seconds)
    }

    /// The time from now on: `None` if it has no end that a clock could show.
    pub(super) fn duration(self) -> Option<Duration> {
        match self {
            Self::Now => Some(Duration::ZERO),
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds.get())),
            Self::Never => None,
        }
    }
}

/// What exactly was read from a cache, or written to it: compared by the backend alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub Bytes);

/// What [`CacheBackend::replace`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// The value is stored, and is that one.
    Stored(Version),
    /// Nothing was under the key, and nothing is.
    Missing,
    /// Something else than expected is under the key.
    Changed,
}

/// What [`CacheBackend::touch_if`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// Its time of expiry is the new one.
    Touched,
    /// Nothing was under the key.
    Missing,
    /// Something else than expected is under the key, with a time of expiry of its own.
    Changed,
}

/// What [`CacheBackend::delete_if`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Deleted,
    /// Nothing was under the key.
    Missing,
    /// Something else than expected is under the key, and stays.
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_whole_seconds() {
        for (time, seconds) in
            [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (u64::MAX, 18_446_744_073_709_552)]
        {
            assert_eq!(Timeout::from(Duration::from_millis(time)), Timeout::Seconds(seconds));
        }
    }

    #[test]
    fn what_is_not_kept_is_now() {
        let seconds = |number| Ttl::Seconds(NonZeroU64::new(number).unwrap());
        for (timeout, ttl) in [
            (None, Ttl::Never),
            (Some(0), Ttl::Now),
            (Some(-5), Ttl::Now),
            (Some(1), seconds(1)),
            (Some(i64::MAX), seconds(i64::MAX as u64)),
        ] {
            assert_eq!(Ttl::of(timeout), ttl);
        }
    }
}
