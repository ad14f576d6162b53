//! What a view may fail with, and the status it becomes.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;

/// Any error, boxed.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What views, middleware and most of the framework's calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a request, as the client may know it.
///
/// It is not a [`std::error::Error`] itself, so that `?` turns every error into [`Error::Internal`]; the 4xx are said
/// on purpose. The text inside never reaches a client unless `DEBUG` is on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// 404 (Django's `Http404`).
    NotFound(String),
    /// 403 (Django's `PermissionDenied`).
    PermissionDenied(String),
    /// 400 (Django's `BadRequest`).
    BadRequest(String),
    /// 400, and a line in the log `django.security.<kind>` (Django's `SuspiciousOperation` and its kinds).
    Suspicious {
        /// Django's class name, for instance `DisallowedHost`.
        kind: &'static str,
        /// What was wrong: for the log and the debug page alone.
        reason: String,
    },
    /// 500, unless what is inside says otherwise.
    Internal(BoxError),
}

impl Error {
    /// A [`Error::NotFound`].
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self::NotFound(reason.into())
    }

    /// A [`Error::PermissionDenied`].
    pub fn permission_denied(reason: impl Into<String>) -> Self {
        Self::PermissionDenied(reason.into())
    }

    /// A [`Error::BadRequest`].
    pub fn bad_request(reason: impl Into<String>) -> Self {
        Self::BadRequest(reason.into())
    }

    /// A [`Error::Suspicious`] of that kind.
    pub fn suspicious(kind: &'static str, reason: impl Into<String>) -> Self {
        Self::Suspicious { kind, reason: reason.into() }
    }

    /// A [`Error::Internal`] made of a sentence.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self::Internal(reason.into().into())
    }

    /// The status of the response which this error becomes.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::PermissionDenied(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) | Self::Suspicious { .. } => StatusCode::BAD_REQUEST,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(reason) | Self::PermissionDenied(reason) | Self::BadRequest(reason) => {
                f.write_str(reason)
            }
            Self::Suspicious { kind, reason } => write!(f, "{kind}: {reason}"),
            Self::Internal(error) => error.fmt(f),
        }
    }
}
