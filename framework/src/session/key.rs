//! Session keys: what the cookie holds and the store is asked for.

use std::fmt;
use std::sync::Arc;

use crate::signing::crypto::{RandomError, get_random_string};

/// What Django draws its keys from (Django 5.2 `contrib/sessions/backends/base.py`): some stores ignore case.
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// How long a new key is: 32 of 36 characters, 165 bits.
const LENGTH: usize = 32;

/// The shortest text that is taken for a key.
const SHORTEST: usize = 8;

/// A session's key: at least 8 characters, of whatever kind the client sent; [`SessionKey::verbatim`] alone makes shorter ones.
///
/// For the `signed_cookies` engine the key is the data itself. A key opens the visitor's session, so `Debug` shows four
/// characters of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// The key that a cookie or a caller names, or `None` when it is too short to be one.
    ///
    /// ```
    /// use nuages::session::key::SessionKey;
    ///
    /// assert!(SessionKey::parse("3fh4c9").is_none());
    /// assert!(SessionKey::parse("n8x4n4ev0rmm1xqfmyndtdinzbjttnsz").is_some());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Python counts characters, not bytes.
        (text.len() >= SHORTEST && text.chars().nth(SHORTEST - 1).is_some()).then(|| Self(text.into()))
    }

    /// The key that a caller asks a store about: of any length, as in Django's `exists` and `delete`. A session that is
    /// loaded or saved gets its key from [`SessionKey::parse`].
    #[must_use]
    pub fn verbatim(text: &str) -> Self {
        Self(text.into())
    }

    /// A new random key.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn generate() -> Result<Self, RandomError> {
        get_random_string(LENGTH, ALPHABET).map(|text| Self(text.into()))
    }

    /// The key itself: for the store and the cookie, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key could be one that Django made: characters `a-z` and `0-9` alone. Stores that build a path from
    /// a key ask this first.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    }

    /// The first four characters and an ellipsis, for logs and listings.
    #[must_use]
    pub fn shortened(&self) -> String {
        self.0.chars().take(4).chain(['…']).collect()
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.shortened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_eight_characters() {
        for (text, is_key) in
            [("", false), ("1234567", false), ("12345678", true), ("ééééééé", false), ("éééééééé", true)]
        {
            assert_eq!(SessionKey::parse(text).is_some(), is_key, "{text:?}");
        }
    }

    #[test]
    fn new_keys_are_plain_and_differ() {
        let (a, b) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
        assert_eq!(a.as_str().len(), 32);
        assert!(a.is_plain());
        assert_ne!(a, b);
    }

    #[test]
    fn debug_hides_the_key() {
        let key = SessionKey::parse("n8x4n4ev0rmm1xqfmyndtdinzbjttnsz").unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(n8x4…)");
    }
}
