//! A page that is one visitor's.

use crate::http::request::notes::Notes;

/// Noted on a request whose answer holds something of its visitor: a CSRF token, messages. No cache of pages keeps it.
#[derive(Debug)]
pub(crate) struct Personal;

impl Personal {
    pub(crate) fn note(notes: &Notes) {
        notes.get_or_insert_with(|| Self);
    }

    pub(super) fn is_noted(notes: &Notes) -> bool {
        notes.get::<Self>().is_some()
    }
}
