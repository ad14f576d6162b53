//! What a view may fail with, and the status it becomes.

pub(crate) mod panic;
pub mod place;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use http::StatusCode;

use self::place::{Origin, Place};

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
    Internal(Internal),
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
    #[track_caller]
    pub fn internal(reason: impl Into<String>) -> Self {
        Self::Internal(Internal::new(reason.into().into(), None))
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

/// An unforeseen error, and where it became the failure of a request. It is used as the error inside.
pub struct Internal {
    error: BoxError,
    type_name: Option<&'static str>,
    origin: Origin,
    backtrace: Option<Box<Backtrace>>,
}

tokio::task_local! {
    /// Whether errors note the calls that led to them, whatever the environment says. It is the running request's and no global:
    /// of two sites in one process (as tests have them) each has its own `DEBUG`, and what costs something when an error is
    /// made, costs it under `DEBUG` alone.
    static WITH_BACKTRACES: ();
}

/// Runs it so that every error inside notes the calls that led to it, for the page of `DEBUG`. A task that it spawns is outside.
pub(crate) async fn with_backtraces<F: Future>(work: F) -> F::Output {
    WITH_BACKTRACES.scope((), work).await
}

/// Whether errors note the calls that led to them, here and now.
fn wants_backtraces() -> bool {
    WITH_BACKTRACES.try_with(|()| ()).is_ok()
}

impl Internal {
    #[track_caller]
    fn new(error: BoxError, type_name: Option<&'static str>) -> Self {
        let backtrace = match wants_backtraces() {
            true => Backtrace::force_capture(),
            // Costs nothing unless the environment asks for it (`RUST_BACKTRACE=1`).
            false => Backtrace::capture(),
        };
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| Box::new(backtrace));
        Self { error, type_name, origin: Origin::Call(Location::caller()), backtrace }
    }

    /// The line of the `?`, of the call of [`Error::internal`], or of the panic.
    #[must_use]
    pub fn location(&self) -> Place<'_> {
        self.origin.place()
    }

    /// The calls that led there: under `DEBUG` while a request is answered, elsewhere when the environment asks for them
    /// (`RUST_BACKTRACE=1`).
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.backtrace.as_deref()
    }

    /// The path of the error's type; none for an error made of a sentence.
    #[must_use]
    pub const fn type_name(&self) -> Option<&'static str> {
        self.type_name
    }
}

impl std::ops::Deref for Internal {
    type Target = dyn StdError + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.error
    }
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    /// Notes where it happened: the line of the `?`.
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Internal(Internal::new(Box::new(error), Some(std::any::type_name::<E>())))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(reason) | Self::PermissionDenied(reason) | Self::BadRequest(reason) => {
                f.write_str(reason)
            }
            Self::Suspicious { kind, reason } => write!(f, "{kind}: {reason}"),
            Self::Internal(error) => fmt::Display::fmt(error, f),
        }
    }
}
