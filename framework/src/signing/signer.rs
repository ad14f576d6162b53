//! Text with a signature (Django 5.2 core/signing.py `Signer`).

use crate::signing::b64;
use crate::signing::crypto::{Algorithm, MacKey, constant_time_compare};
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;

/// Signs text and verifies it.
///
/// ```
/// use nuages::conf::secret::Secret;
/// use nuages::signing::keys::SigningKeys;
/// use nuages::signing::signer::Signer;
///
/// let keys = SigningKeys::new(&Secret::new("vectors-secret-key"), &[]);
/// let signer = Signer::new(&keys, "s");
/// let signed = signer.sign("hello:world");
/// assert_eq!(signed, "hello:world:qsy30UkUhmps8YDmKcm5IFjbX_pAvWpkKpbxfnSnrM4");
/// assert_eq!(signer.unsign(&signed).unwrap(), "hello:world");
/// assert!(signer.unsign("hello:world:forged").is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Signer {
    separator: String,
    /// The one that signs.
    primary: MacKey,
    /// Those that only verify.
    fallbacks: Vec<MacKey>,
}

/// What [`Signer::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a> {
    /// What was signed.
    pub value: &'a str,
    /// Whether a fallback key signed it: it should be signed anew while that key is still known.
    pub by_fallback: bool,
}

/// A separator that could be part of a signature or a timestamp: Django's `ValueError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsafe signer separator: {0:?} (it cannot be empty or consist of only A-z0-9-_=)")]
pub struct UnsafeSeparatorError(pub String);

impl Signer {
    /// The salt when none is given: Django's class name.
    pub const DEFAULT_SALT: &str = "django.core.signing.Signer";

    /// A signer with `:` and SHA-256. The salt names the purpose: what is signed for one does not verify for another.
    /// An empty one is [`Signer::DEFAULT_SALT`].
    #[must_use]
    pub fn new(keys: &SigningKeys, salt: &str) -> Self {
        Self::with_algorithm(keys, salt, Algorithm::default())
    }

    /// A signer with another hash function.
    #[must_use]
    pub fn with_algorithm(keys: &SigningKeys, salt: &str, algorithm: Algorithm) -> Self {
        let salt = if salt.is_empty() { Self::DEFAULT_SALT } else { salt };
        let key_salt = format!("{salt}signer");
        let mac_key = |key: &[u8]| MacKey::new(key_salt.as_bytes(), key, algorithm);
        Self {
            separator: ":".to_owned(),
            primary: mac_key(keys.primary()),
            fallbacks: keys.iter().skip(1).map(mac_key).collect(),
        }
    }

    /// The same with another separator.
    ///
    /// # Errors
    ///
    /// When the separator is empty, or of characters only that Django's pattern `[A-z0-9-_=]` takes for a signature's:
    /// its range `A-z` has ``[\]^_` `` in it.
    pub fn with_separator(mut self, separator: &str) -> Result<Self, UnsafeSeparatorError> {
        let unsafe_byte = |byte: u8| matches!(byte, b'A'..=b'z' | b'0'..=b'9' | b'-' | b'=');
        // The pattern's `$` also matches before a last newline.
        let judged = separator.strip_suffix('\n').unwrap_or(separator);
        if judged.bytes().all(unsafe_byte) {
            return Err(UnsafeSeparatorError(separator.to_owned()));
        }
        separator.clone_into(&mut self.separator);
        Ok(self)
    }

    /// What stands between the value and its signature.
    #[must_use]
    pub fn separator(&self) -> &str {
        &self.separator
    }

    /// The signature of a value: base64 of its HMAC.
    #[must_use]
    pub fn signature(&self, value: &str) -> String {
        self.primary.mac(value.as_bytes(), b64::encode)
    }

    /// The value, the separator, and the signature.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        let mut signed = String::with_capacity(value.len() + self.separator.len() + 43);
        signed.push_str(value);
        self.sign_in_place(&mut signed);
        signed
    }

    /// Adds the separator and the signature to a value.
    pub(super) fn sign_in_place(&self, value: &mut String) {
        let signature = self.signature(value);
        value.push_str(&self.separator);
        value.push_str(&signature);
    }

    /// The value of a signed text, if one of the keys signed it. The last separator splits.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NoSeparator`] and [`SignatureError::Mismatch`].
    pub fn unsign<'a>(&self, signed: &'a str) -> Result<&'a str, SignatureError> {
        self.verify(signed).map(|verified| verified.value)
    }

    /// As [`unsign`](Self::unsign), and whether it was a fallback key that had signed.
    ///
    /// # Errors
    ///
    /// As [`unsign`](Self::unsign).
    pub fn verify<'a>(&self, signed: &'a str) -> Result<Verified<'a>, SignatureError> {
        let Some((value, signature)) = self.split(signed) else {
            return Err(SignatureError::NoSeparator { separator: self.separator.clone() });
        };
        let matches = |key: &MacKey| {
            key.mac(value.as_bytes(), |mac| constant_time_compare(signature, b64::encode(mac)))
        };
        if matches(&self.primary) {
            Ok(Verified { value, by_fallback: false })
        } else if self.fallbacks.iter().any(matches) {
            Ok(Verified { value, by_fallback: true })
        } else {
            Err(SignatureError::Mismatch { signature: signature.to_owned() })
        }
    }

    /// What stands before and behind the last separator.
    pub(super) fn split<'a>(&self, signed: &'a str) -> Option<(&'a str, &'a str)> {
        match self.separator.as_bytes() {
            // Searching for a text sets a search up first, which takes longer than finding one byte.
            [byte] => {
                let at = memchr::memrchr(*byte, signed.as_bytes())?;
                Some((signed.get(..at)?, signed.get(at + 1..)?))
            }
            _ => signed.rsplit_once(self.separator.as_str()),
        }
    }
}
