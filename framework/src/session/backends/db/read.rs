//! The reads of session rows.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::collections::HashMap;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::Arc;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::db::error::DatabaseError;
use crate::db::stored::{StoredText, StoredTime};
use crate::db::timestamp::Timestamp;
use crate::session::backends::db::write::version_of;
use crate::session::key::SessionKey;
use crate::session::store::Version;

/// The row of that key.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: SessionKey,
    /// If it matters whether it has expired by then.
    pub(super) now: Option<Timestamp>,
}

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) text: Version,
    /// `None`: the column holds no date.
    pub(super) expires: Option<Timestamp>,
    /// Whether it has not expired.
    pub(super) live: bool,
}

impl Row {
    pub(super) fn new(text: StoredText, expires: StoredTime, live: bool) -> Self {
        Self { text: version_of(text), expires: expires.0, live }
    }
}

/// A key and its row, as a server selects them.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) type Columns = (String, StoredText, StoredTime, Option<bool>);

/// The rows of those columns.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) fn by_key(rows: Vec<Columns>) -> HashMap<String, Row> {
    let row = |(key, text, expires, live): Columns| (key, Row::new(text, expires, live == Some(true)));
    rows.into_iter().map(row).collect()
}

/// What a server said; an error may be everybody's.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) type Found = Result<Option<Row>, Arc<DatabaseError>>;
