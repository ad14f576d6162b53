//! Bytes as signed, dated, URL-safe text (Django 5.2 core/signing.py `dumps`, `loads`).

use crate::signing::keys::SigningKeys;
use crate::signing::payload::PayloadCodec;
use crate::signing::signature_error::SignatureError;
use crate::signing::timestamp_signer::{TimestampSigner, now};

/// Writes bytes as signed text and reads them back: Django's `dumps` and `loads`, after and before the serializer.
///
/// ```
/// use nuages::conf::secret::Secret;
/// use nuages::signing::codec::SignedCodec;
/// use nuages::signing::keys::SigningKeys;
///
/// let keys = SigningKeys::new(&Secret::new("vectors-secret-key"), &[]);
/// let codec = SignedCodec::new(&keys, "s");
/// let text = codec.dumps(br#"{"a":1}"#, false);
/// assert!(text.starts_with("eyJhIjoxfQ:"));
/// assert_eq!(codec.loads(&text, Some(60.0)).unwrap(), br#"{"a":1}"#);
/// ```
#[derive(Debug, Clone)]
pub struct SignedCodec {
    signer: TimestampSigner,
    payload: PayloadCodec,
}

/// What [`SignedCodec::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What was signed, decompressed.
    pub payload: Vec<u8>,
    /// Whether a fallback key signed it: it should be signed anew while that key is still known.
    pub by_fallback: bool,
}

impl SignedCodec {
    /// The salt when none is given: that of Django's functions.
    pub const DEFAULT_SALT: &str = "django.core.signing";

    /// A codec for one purpose, named by the salt.
    #[must_use]
    pub fn new(keys: &SigningKeys, salt: &str) -> Self {
        Self { signer: TimestampSigner::new(keys, salt), payload: PayloadCodec::default() }
    }

    /// The same, reading payloads of at most so many bytes, decompressed
    /// ([`payload::DEFAULT_LIMIT`](crate::signing::payload::DEFAULT_LIMIT) otherwise).
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { payload: PayloadCodec::new(limit), ..self }
    }

    /// The bytes as signed text; compressed, if asked for, when that is shorter.
    #[must_use]
    pub fn dumps(&self, data: &[u8], compress: bool) -> String {
        self.dumps_at(data, compress, now())
    }

    /// As [`dumps`](Self::dumps), signed at a given time: seconds since 1970.
    #[must_use]
    pub fn dumps_at(&self, data: &[u8], compress: bool, now: f64) -> String {
        let mut text = self.payload.encode(data, compress);
        self.signer.sign_in_place(&mut text, now);
        text
    }

    /// The bytes of a signed text, if one of the keys signed it, at most `max_age` seconds ago.
    ///
    /// # Errors
    ///
    /// As [`TimestampSigner::unsign`], and [`SignatureError::Payload`].
    pub fn loads(&self, text: &str, max_age: Option<f64>) -> Result<Vec<u8>, SignatureError> {
        self.loads_at(text, max_age, now())
    }

    /// As [`loads`](Self::loads), at a given time.
    ///
    /// # Errors
    ///
    /// As [`loads`](Self::loads).
    pub fn loads_at(&self, text: &str, max_age: Option<f64>, now: f64) -> Result<Vec<u8>, SignatureError> {
        self.open_at(text, max_age, now).map(|opened| opened.payload)
    }

    /// As [`loads`](Self::loads), and whether it was a fallback key that had signed.
    ///
    /// # Errors
    ///
    /// As [`loads`](Self::loads).
    pub fn open(&self, text: &str, max_age: Option<f64>) -> Result<Opened, SignatureError> {
        self.open_at(text, max_age, now())
    }

    fn open_at(&self, text: &str, max_age: Option<f64>, now: f64) -> Result<Opened, SignatureError> {
        let verified = self.signer.verify_at(text, max_age, now)?;
        let payload = self.payload.decode(verified.value).map_err(SignatureError::Payload)?;
        Ok(Opened { payload, by_fallback: verified.by_fallback })
    }
}
