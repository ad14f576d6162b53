//! The writes of session rows, and how one of them is done by itself.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::Arc;

use bytes::Bytes;

use crate::db::database::Database;
use crate::db::dispatch::on_kept;
use crate::db::error::DatabaseError;
use crate::db::sql::Sql;
use crate::db::stored::StoredText;
use crate::db::timestamp::Timestamp;
use crate::db::vendor::Vendor;
use crate::grouping::group::Asked;
use crate::session::key::SessionKey;
use crate::session::store::Version;

/// A change of one row. Whether it took place is a `bool`: it did not when the row was not there, was another one than
/// expected, or, for an insert, was there already.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) key: SessionKey,
    pub(super) change: Change,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Insert { text: Version, expires: Timestamp },
    Update { text: Version, expires: Timestamp, expected: Option<Version> },
    Touch { expires: Timestamp, expected: Option<Version> },
    Delete { expected: Option<Version> },
}

/// One for each statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Insert,
    Update,
    UpdateIf,
    Touch,
    TouchIf,
    Delete,
    DeleteIf,
}

impl Change {
    /// What the row is to hold.
    #[cfg(feature = "mysql")]
    pub(super) const fn text(&self) -> Option<&Version> {
        match self {
            Self::Insert { text, .. } | Self::Update { text, .. } => Some(text),
            Self::Touch { .. } | Self::Delete { .. } => None,
        }
    }

    /// When it is to expire.
    #[cfg(feature = "mysql")]
    pub(super) const fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Insert { expires, .. } | Self::Update { expires, .. } | Self::Touch { expires, .. } => {
                Some(*expires)
            }
            Self::Delete { .. } => None,
        }
    }

    /// What the row must hold now, for a change that compares.
    #[cfg(feature = "mysql")]
    pub(super) const fn expected(&self) -> Option<&Version> {
        match self {
            Self::Insert { .. } => None,
            Self::Update { expected, .. } | Self::Touch { expected, .. } | Self::Delete { expected } => {
                expected.as_ref()
            }
        }
    }

    /// What the row must hold, for the changes that compare.
    pub(super) const fn expected_mut(&mut self) -> Option<&mut Option<Version>> {
        match self {
            Self::Insert { .. } => None,
            Self::Update { expected, .. } | Self::Touch { expected, .. } | Self::Delete { expected } => {
                Some(expected)
            }
        }
    }
}

impl Write {
    pub(super) const fn kind(&self) -> Kind {
        match &self.change {
            Change::Insert { .. } => Kind::Insert,
            Change::Update { expected: None, .. } => Kind::Update,
            Change::Update { expected: Some(_), .. } => Kind::UpdateIf,
            Change::Touch { expected: None, .. } => Kind::Touch,
            Change::Touch { expected: Some(_), .. } => Kind::TouchIf,
            Change::Delete { expected: None } => Kind::Delete,
            Change::Delete { expected: Some(_) } => Kind::DeleteIf,
        }
    }

    /// The statement that does it alone.
    pub(super) fn sql(&self, vendor: Vendor) -> &'static str {
        let mysql = vendor == Vendor::MySql;
        let sql: &'static Sql = match self.kind() {
            Kind::Insert => &INSERT,
            Kind::Update => &UPDATE,
            Kind::UpdateIf if mysql => &UPDATE_IF_BINARY,
            Kind::UpdateIf => &UPDATE_IF,
            Kind::Touch => &TOUCH,
            Kind::TouchIf if mysql => &TOUCH_IF_BINARY,
            Kind::TouchIf => &TOUCH_IF,
            Kind::Delete => &DELETE,
            Kind::DeleteIf if mysql => &DELETE_IF_BINARY,
            Kind::DeleteIf => &DELETE_IF,
        };
        sql.text(vendor)
    }
}

static INSERT: Sql =
    Sql::new("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");
static UPDATE: Sql =
    Sql::new("UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ?");
static UPDATE_IF: Sql = Sql::new(
    "UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = ?",
);
/// MySQL's collations ignore case, a signed text does not.
static UPDATE_IF_BINARY: Sql = Sql::new(
    "UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = BINARY ?",
);
static TOUCH: Sql = Sql::new("UPDATE django_session SET expire_date = ? WHERE session_key = ?");
static TOUCH_IF: Sql =
    Sql::new("UPDATE django_session SET expire_date = ? WHERE session_key = ? AND session_data = ?");
static TOUCH_IF_BINARY: Sql =
    Sql::new("UPDATE django_session SET expire_date = ? WHERE session_key = ? AND session_data = BINARY ?");
static DELETE: Sql = Sql::new("DELETE FROM django_session WHERE session_key = ?");
static DELETE_IF: Sql = Sql::new("DELETE FROM django_session WHERE session_key = ? AND session_data = ?");
static DELETE_IF_BINARY: Sql =
    Sql::new("DELETE FROM django_session WHERE session_key = ? AND session_data = BINARY ?");

/// Whether a write took place; an error may be everybody's.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) type Written = Result<bool, Arc<DatabaseError>>;

/// A write that somebody waits for. It is on the heap, since each future on its way would have room for it.
pub(super) type AskedWrite<A> = Asked<Box<Write>, A>;

/// Does a write by itself, on whichever kind of database.
pub(super) async fn alone(database: &Database, write: &Write) -> Result<bool, DatabaseError> {
    until_no_deadlock(|| statement(database, write)).await
}

/// Tries a statement again which a server undid because it and another transaction, such as a sweep, waited for each other.
pub(super) async fn until_no_deadlock<T, F>(statement: impl Fn() -> F) -> Result<T, DatabaseError>
where
    F: Future<Output = Result<T, DatabaseError>>,
{
    const TRIES: u32 = 10;
    let mut tries = 1;
    loop {
        match statement().await {
            Err(error) if error.is_deadlock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn statement(database: &Database, write: &Write) -> Result<bool, DatabaseError> {
    on_kept!(database, pool => {
        let (key, query) = (write.key.as_str(), sqlx::query(write.sql(database.vendor())));
        let query = match &write.change {
            Change::Insert { text, expires } => query.bind(key).bind(text_of(text)).bind(*expires),
            Change::Update { text, expires, expected: None } => {
                query.bind(text_of(text)).bind(*expires).bind(key)
            }
            Change::Update { text, expires, expected: Some(expected) } => {
                query.bind(text_of(text)).bind(*expires).bind(key).bind(text_of(expected))
            }
            Change::Touch { expires, expected: None } => query.bind(*expires).bind(key),
            Change::Touch { expires, expected: Some(expected) } => {
                query.bind(*expires).bind(key).bind(text_of(expected))
            }
            Change::Delete { expected: None } => query.bind(key),
            Change::Delete { expected: Some(expected) } => query.bind(key).bind(text_of(expected)),
        };
        let done = async {
            let mut connection = pool.get().await?;
            let rows = query.execute(&mut *connection).await.map(|done| done.rows_affected());
            if rows.is_ok() {
                connection.keep();
            }
            took_place(rows)
        };
        database.run(done).await
    })
}

/// Whether it took place, from what the statement said.
fn took_place(rows: Result<u64, sqlx::Error>) -> Result<bool, sqlx::Error> {
    match rows {
        Ok(rows) => Ok(rows > 0),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The version of a row whose `session_data` is no text, as no other row's can be.
pub(super) const NO_TEXT: &[u8] = b"\xff";

/// The version of a row.
pub(super) fn version_of(text: StoredText) -> Version {
    Version(text.text().map_or(Bytes::from_static(NO_TEXT), Bytes::from))
}

/// The text of a row.
pub(super) fn text_of(version: &Version) -> &str {
    // A version is made of a text alone; were it not, it would equal no row.
    std::str::from_utf8(&version.0).unwrap_or_default()
}
