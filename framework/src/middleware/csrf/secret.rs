//! The visitor's secret, for the time of one request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::request::notes::Notes;
use crate::middleware::csrf::token::new_secret;

/// The secret that the visitor brought, or was given while the request was answered. A request without one has no such note.
pub(super) struct VisitorSecret(Mutex<State>);

struct State {
    secret: String,
    /// Whether the response has to tell the visitor.
    to_be_sent: bool,
}

impl VisitorSecret {
    /// Notes what the visitor brought.
    pub(super) fn note(notes: &Notes, secret: String) {
        let found =
            notes.get_or_insert_with(|| Self(Mutex::new(State { secret: String::new(), to_be_sent: false })));
        found.lock().secret = secret;
    }

    /// What was noted; if nothing was, a new one.
    pub(super) fn of(request: &HttpRequest) -> Result<Arc<Self>> {
        let notes = request.notes();
        if let Some(found) = notes.get() {
            return Ok(found);
        }
        let secret = new_secret()?;
        Ok(notes.get_or_insert_with(|| Self(Mutex::new(State { secret, to_be_sent: true }))))
    }

    /// A new one, whatever was there.
    pub(super) fn renew(notes: &Notes) -> Result<()> {
        let secret = new_secret()?;
        Self::note(notes, secret);
        if let Some(found) = notes.get::<Self>() {
            found.lock().to_be_sent = true;
        }
        Ok(())
    }

    /// The secret, for a token that somebody asks for: it is sent again, so that its cookie lives longer.
    pub(super) fn wanted(&self) -> String {
        let mut state = self.lock();
        state.to_be_sent = true;
        state.secret.clone()
    }

    /// The secret, if the response has to tell the visitor and nobody has seen to it yet.
    pub(super) fn take(&self) -> Option<String> {
        let mut state = self.lock();
        std::mem::take(&mut state.to_be_sent).then(|| state.secret.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows nothing of it.
impl fmt::Debug for VisitorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VisitorSecret").field("to_be_sent", &self.lock().to_be_sent).finish_non_exhaustive()
    }
}
