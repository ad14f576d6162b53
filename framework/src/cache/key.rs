//! Keys as they are stored: `KEY_PREFIX:VERSION:key` (Django 5.2 `core/cache/backends/base.py`).

use std::fmt;
use std::sync::Arc;

/// Memcached takes no longer key.
const MAX_LENGTH: usize = 250;

/// A key as it is stored. A clone shares the text: whoever waits for a server with others takes one along.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(Arc<str>);

impl CacheKey {
    /// Django's `default_key_func`.
    ///
    /// ```
    /// use nuages::cache::key::CacheKey;
    ///
    /// assert_eq!(CacheKey::new("", 1, "greeting").as_str(), ":1:greeting");
    /// ```
    pub fn new(prefix: &str, version: impl fmt::Display, key: &str) -> Self {
        Self::of_parts(prefix, &version.to_string(), ["", key])
    }

    /// The same for a key in two parts.
    pub(super) fn of_parts(prefix: &str, version: &str, [first, second]: [&str; 2]) -> Self {
        Self([prefix, ":", version, ":", first, second].concat().into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What memcached would complain of (Django's `memcache_key_warnings`).
    pub fn faults(&self) -> impl Iterator<Item = KeyFault> {
        // A text has no more characters than bytes.
        let long = self.0.len() > MAX_LENGTH && self.0.chars().count() > MAX_LENGTH;
        let long = long.then(|| KeyFault::TooLong { key: self.0.to_string() });
        // Without an end before the last byte, so that many are looked at in one go.
        let illegal = self.0.bytes().fold(false, |found, byte| found | (byte <= b' ') | (byte == 0x7f));
        long.into_iter().chain(illegal.then(|| KeyFault::Characters { key: self.0.to_string() }))
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of keys that memcached would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// They are taken, with a line in the log (Django's `CacheKeyWarning`), so that a site may move to memcached.
    Warn,
    /// They are refused (Django's `InvalidCacheKey`).
    Refuse,
}

/// Why memcached would not take a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// Longer than 250 characters.
    #[error("Cache key will cause errors if used with memcached: {key:?} (longer than {MAX_LENGTH})")]
    TooLong {
        /// The key.
        key: String,
    },
    /// It has spaces or control characters.
    #[error("Cache key contains characters that will cause errors if used with memcached: {key:?}")]
    Characters {
        /// The key.
        key: String,
    },
}
