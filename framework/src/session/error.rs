//! What may go wrong with a session.

use crate::serialize::convert_error::ConvertError;
use crate::serialize::encode_error::EncodeError;
use crate::session::expiry::ExpiryError;
use crate::session::store::StoreError;
use crate::signing::crypto::RandomError;

/// Why a call on `request.session` failed.
///
/// In a view `?` makes a response of it: [`SessionError::Interrupted`] becomes Django's 400, everything else a 500.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The request did not pass the session middleware.
    #[error(
        "this request has no session: add \"django.contrib.sessions.middleware.SessionMiddleware\" to MIDDLEWARE in the settings"
    )]
    NoMiddleware,
    /// A value could not be made of, or put into, the Rust type that was asked for.
    #[error("session value {key:?}: {source}")]
    Value {
        /// The key in the session.
        key: String,
        /// What does not fit.
        #[source]
        source: ConvertError,
    },
    /// The session holds something that its serializer cannot write (Python's `TypeError` or `ValueError`).
    #[error("the session cannot be written by its serializer: {0}")]
    Encode(#[from] EncodeError),
    /// `_session_expiry` is nothing that an expiry can be worked out from.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// A session of that key is there already (Django's `CreateError`).
    #[error("a session with the key {0} exists already")]
    Exists(String),
    /// The session was deleted: by a logout in another request, for instance (Django's `UpdateError`).
    #[error("the session was deleted")]
    Gone,
    /// [`SessionError::Gone`], as the session middleware says it to the client (Django's `SessionInterrupted`).
    #[error(
        "The request's session was deleted before the request completed. The user may have logged out in a concurrent request, for example."
    )]
    Interrupted,
    /// The client's session key has characters that no key of this engine has (Django's `InvalidSessionKey`).
    #[error("Invalid characters in session key")]
    InvalidKey,
    /// No free key was found in as many tries (Python's `RuntimeError` in Django's cache engine).
    #[error("unable to create a new session key after {0} tries: the store may be unavailable")]
    NoFreeKey(u32),
    /// The store failed: it is down, slow, full or read-only. Never a sign that the session was deleted.
    #[error(transparent)]
    Store(StoreError),
    /// The operating system has no randomness to give.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Gone => Self::Gone,
            StoreError::InvalidKey => Self::InvalidKey,
            StoreError::Encode(error) => Self::Encode(error),
            StoreError::Expiry(error) => Self::Expiry(error),
            error => Self::Store(error),
        }
    }
}
