//! Text with the time of its signing and a signature (Django 5.2 core/signing.py `TimestampSigner`).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::signing::b62;
use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;
use crate::signing::signer::{Signer, UnsafeSeparatorError, Verified};

/// Signs text together with the second in which it does, and verifies both.
///
/// Times are seconds since 1970, and may have a fraction.
///
/// ```
/// use nuages::conf::secret::Secret;
/// use nuages::signing::keys::SigningKeys;
/// use nuages::signing::timestamp_signer::TimestampSigner;
///
/// let keys = SigningKeys::new(&Secret::new("vectors-secret-key"), &[]);
/// let signer = TimestampSigner::new(&keys, "s");
/// let signed = signer.sign_at("hello", 1_000_000_000.0);
/// assert_eq!(signed, "hello:15ftgG:fMYVsiBt5WBdOEuDNPxwhif5sHrFmc_j469DPMQJZjI");
/// assert_eq!(signer.unsign(&signed, None).unwrap(), "hello");
/// assert_eq!(signer.unsign_at(&signed, Some(10.0), 1_000_000_010.0).unwrap(), "hello");
/// assert!(signer.unsign_at(&signed, Some(10.0), 1_000_000_010.5).is_err());
/// ```
#[derive(Debug, Clone)]
pub struct TimestampSigner(Signer);

impl TimestampSigner {
    /// The salt when none is given: Django's class name.
    pub const DEFAULT_SALT: &str = "django.core.signing.TimestampSigner";

    /// A signer with `:` and SHA-256. An empty salt is [`TimestampSigner::DEFAULT_SALT`].
    #[must_use]
    pub fn new(keys: &SigningKeys, salt: &str) -> Self {
        Self(Signer::new(keys, if salt.is_empty() { Self::DEFAULT_SALT } else { salt }))
    }

    /// The same with another separator.
    ///
    /// # Errors
    ///
    /// As [`Signer::with_separator`].
    pub fn with_separator(self, separator: &str) -> Result<Self, UnsafeSeparatorError> {
        self.0.with_separator(separator).map(Self)
    }

    /// The value, the present second, and the signature of both.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        self.sign_at(value, now())
    }

    /// As [`sign`](Self::sign), at a given time.
    #[must_use]
    pub fn sign_at(&self, value: &str, now: f64) -> String {
        let mut signed = String::with_capacity(value.len() + 52);
        signed.push_str(value);
        self.sign_in_place(&mut signed, now);
        signed
    }

    /// Adds the time and the signature to a value.
    pub(super) fn sign_in_place(&self, value: &mut String, now: f64) {
        value.push_str(self.0.separator());
        // Django's int(): the fraction is cut off.
        value.push_str(&b62::encode(now as i128));
        self.0.sign_in_place(value);
    }

    /// The value of a signed text, if one of the keys signed it at most `max_age` seconds ago.
    ///
    /// # Errors
    ///
    /// As [`Signer::unsign`], and [`SignatureError::Expired`], [`SignatureError::NoTimestamp`] and
    /// [`SignatureError::Timestamp`].
    pub fn unsign<'a>(&self, signed: &'a str, max_age: Option<f64>) -> Result<&'a str, SignatureError> {
        self.unsign_at(signed, max_age, now())
    }

    /// As [`unsign`](Self::unsign), at a given time. An age of exactly `max_age` is valid still; so is any time to come.
    ///
    /// # Errors
    ///
    /// As [`unsign`](Self::unsign).
    pub fn unsign_at<'a>(
        &self,
        signed: &'a str,
        max_age: Option<f64>,
        now: f64,
    ) -> Result<&'a str, SignatureError> {
        self.verify_at(signed, max_age, now).map(|verified| verified.value)
    }

    /// As [`unsign_at`](Self::unsign_at), and whether it was a fallback key that had signed.
    ///
    /// # Errors
    ///
    /// As [`unsign`](Self::unsign).
    pub fn verify_at<'a>(
        &self,
        signed: &'a str,
        max_age: Option<f64>,
        now: f64,
    ) -> Result<Verified<'a>, SignatureError> {
        let stamped = self.0.verify(signed)?;
        let (value, timestamp) = self.0.split(stamped.value).ok_or(SignatureError::NoTimestamp)?;
        let timestamp = b62::decode(timestamp).map_err(SignatureError::Timestamp)?;
        if let Some(max_age) = max_age {
            let age = now - timestamp as f64;
            if age > max_age {
                return Err(SignatureError::Expired { age, max_age });
            }
        }
        Ok(Verified { value, ..stamped })
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}
