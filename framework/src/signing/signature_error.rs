//! Why a signed text is refused.

use crate::signing::b62::B62Error;
use crate::signing::payload::PayloadError;

/// Why a signed text is refused.
///
/// The first three are Django's `BadSignature`. The others mean that someone with the key signed something else: Django
/// crashes with a `ValueError` or its like.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Nothing that looks like a signature: Django's `BadSignature`.
    #[error("no {separator:?} found in value")]
    NoSeparator {
        /// What should stand before the signature.
        separator: String,
    },
    /// Signed by nobody who has a key, or changed since: Django's `BadSignature`.
    #[error("signature {signature:?} does not match")]
    Mismatch {
        /// What stood in the signature's place.
        signature: String,
    },
    /// Signed too long ago: Django's `SignatureExpired`.
    #[error("signature age {age} > {max_age} seconds")]
    Expired {
        /// Seconds since the signing.
        age: f64,
        /// Seconds that were allowed.
        max_age: f64,
    },
    /// Rightly signed, without a timestamp: a `ValueError` in Django.
    #[error("the signed text has no timestamp")]
    NoTimestamp,
    /// Rightly signed, with something else for a timestamp: a `ValueError` or `IndexError` in Django.
    #[error("the timestamp of the signed text is malformed")]
    Timestamp(#[source] B62Error),
    /// Rightly signed, but not what [`SignedCodec`](crate::signing::codec::SignedCodec) writes.
    #[error("the payload of the signed text is malformed")]
    Payload(#[source] PayloadError),
}

impl SignatureError {
    /// Whether Django calls it `BadSignature` (`SignatureExpired` is one), as opposed to crashing.
    #[must_use]
    pub const fn is_bad_signature(&self) -> bool {
        matches!(self, Self::NoSeparator { .. } | Self::Mismatch { .. } | Self::Expired { .. })
    }
}
