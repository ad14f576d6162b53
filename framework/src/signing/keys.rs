//! `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.

use std::fmt;

use crate::conf::core::CoreSettings;
use crate::conf::secret::Secret;

/// The keys of a site: one signs, all verify.
///
/// ```
/// use nuages::conf::secret::Secret;
/// use nuages::signing::keys::SigningKeys;
///
/// let keys = SigningKeys::new(&Secret::new("new"), &[Secret::new("old")]);
/// assert_eq!(format!("{keys:?}"), "SigningKeys(2 keys)");
/// ```
#[derive(Clone)]
pub struct SigningKeys {
    primary: Vec<u8>,
    fallbacks: Vec<Vec<u8>>,
}

impl SigningKeys {
    /// The key that signs, and older ones that only verify. Each is used as its UTF-8 bytes.
    ///
    /// An empty fallback verifies nothing that the first key does not (so it is in Django, too).
    #[must_use]
    pub fn new(secret_key: &Secret, fallbacks: &[Secret]) -> Self {
        Self {
            primary: secret_key.expose().as_bytes().to_vec(),
            fallbacks: fallbacks
                .iter()
                .filter(|key| !key.is_empty())
                .map(|key| key.expose().as_bytes().to_vec())
                .collect(),
        }
    }

    /// The keys that the settings name.
    #[must_use]
    pub fn of(core: &CoreSettings) -> Self {
        Self::new(&core.secret_key, &core.secret_key_fallbacks)
    }

    /// The same keys, each behind a prefix: keys of another purpose.
    #[must_use]
    pub fn prefixed(&self, prefix: &[u8]) -> Self {
        let prefixed = |key: &Vec<u8>| [prefix, key].concat();
        Self { primary: prefixed(&self.primary), fallbacks: self.fallbacks.iter().map(prefixed).collect() }
    }

    /// The key that signs: for signing, never for showing.
    #[must_use]
    pub fn primary(&self) -> &[u8] {
        &self.primary
    }

    /// All that verify, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.primary.as_slice()).chain(self.fallbacks.iter().map(Vec::as_slice))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({} keys)", 1 + self.fallbacks.len())
    }
}
