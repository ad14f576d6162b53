//! Which of the stored sessions are meant.

use std::num::NonZeroU32;

use crate::apps::command::CommandError;
use crate::contrib::sessions::sessions_command::{not_listed, store_of};
use crate::serialize::value::{Dict, Value};
use crate::session::engine::SessionEngine;
use crate::session::key::SessionKey;
use crate::session::store::StoredRow;

/// How many sessions are in memory at a time.
const PAGE: NonZeroU32 = NonZeroU32::new(500).unwrap();

/// Where Django's logins keep whose session it is (Django 5.2 `contrib/auth/__init__.py`, `SESSION_KEY`).
const USER_KEY: &str = "_auth_user_id";

/// What a session must be.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// Expired, or not; `None`: either.
    pub(super) expired: Option<bool>,
    /// The id of its user; `None`: anybody's.
    pub(super) user: Option<String>,
}

impl Selection {
    fn takes(&self, row: &StoredRow) -> bool {
        self.expired.is_none_or(|expired| expired == row.expired)
            && self.user.as_ref().is_none_or(|user| user_of(&row.loaded.data).as_ref() == Some(user))
    }
}

/// The id of the user who is logged in.
pub(super) fn user_of(data: &Dict) -> Option<String> {
    match data.get(USER_KEY)? {
        Value::Str(id) => Some(id.clone()),
        Value::Int(id) => Some(id.to_string()),
        Value::Uuid(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Goes through what is stored, a page at a time.
pub(super) struct Walk<'a> {
    engine: &'a SessionEngine,
    selection: Selection,
    after: Option<SessionKey>,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(engine: &'a SessionEngine, selection: Selection) -> Self {
        Self { engine, selection, after: None }
    }

    /// The sessions of the next page that are meant, perhaps none; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<StoredRow>>, CommandError> {
        let page = store_of(self.engine)?.page(self.after.as_ref(), PAGE).await;
        let mut page = page.map_err(|error| not_listed(self.engine, error))?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.key.clone());
        page.retain(|row| self.selection.takes(row));
        Ok(Some(page))
    }
}
