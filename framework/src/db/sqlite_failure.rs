//! What SQLite says when it is called directly, in the words of the driver.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use rusqlite::ffi;
use sqlx::error::{DatabaseError, ErrorKind};

/// An error of a statement on a connection of our own. Many may be told the same one.
///
/// Once it is a [`sqlx::Error`] it has the kinds and the texts of sqlx's own errors, so that
/// [`Database::explain`](crate::db::database::Database::explain) need not know which way a statement went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteFailure {
    /// SQLite's own: its extended result code (sqlite.org/rescode.html) and message.
    Code {
        /// The extended result code.
        code: i32,
        /// What SQLite says to it.
        message: String,
    },
    /// A column holds what it should not.
    Column {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The statement did not get as far as SQLite.
    Call(String),
}

impl SqliteFailure {
    /// SQLite's primary result code, if SQLite was asked.
    #[must_use]
    pub const fn primary_code(&self) -> Option<i32> {
        match self {
            Self::Code { code, .. } => Some(*code & 0xff),
            Self::Column { .. } | Self::Call(_) => None,
        }
    }

    /// Whether the connection is as good as before: a constraint, a lock, SQL that does not fit the tables.
    #[must_use]
    pub const fn spares_the_connection(&self) -> bool {
        match self.primary_code() {
            Some(code) => {
                matches!(
                    code,
                    ffi::SQLITE_ERROR | ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_CONSTRAINT
                )
            }
            None => true,
        }
    }

    /// Whether another connection kept a lock for too long.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        matches!(self.primary_code(), Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED))
    }

    /// Whether a row with that key is there already.
    #[must_use]
    pub const fn is_unique_violation(&self) -> bool {
        matches!(
            self,
            Self::Code { code: ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY, .. }
        )
    }

    /// The driver's error that says the same.
    #[must_use]
    pub fn into_driver_error(self) -> sqlx::Error {
        match self {
            Self::Code { .. } => sqlx::Error::Database(Box::new(self)),
            Self::Column { index, message } => {
                sqlx::Error::ColumnDecode { index: index.to_string(), source: message.into() }
            }
            Self::Call(message) => sqlx::Error::Protocol(message),
        }
    }

    /// A column that is not what was wanted.
    #[must_use]
    pub fn column(index: usize, error: impl fmt::Display) -> Self {
        Self::Column { index, message: error.to_string() }
    }
}

impl fmt::Display for SqliteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { code, message } => write!(f, "(code: {code}) {message}"),
            Self::Column { message, .. } | Self::Call(message) => f.write_str(message),
        }
    }
}

impl Error for SqliteFailure {}

impl From<rusqlite::Error> for SqliteFailure {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(error, message) => Self::Code {
                code: error.extended_code,
                message: match message {
                    // rusqlite adds the path, which the error around it names.
                    Some(_) if error.code == rusqlite::ErrorCode::CannotOpen => {
                        "unable to open database file".to_owned()
                    }
                    Some(message) => message,
                    None => ffi::code_to_str(error.extended_code).to_owned(),
                },
            },
            other => Self::Call(other.to_string()),
        }
    }
}

impl DatabaseError for SqliteFailure {
    fn message(&self) -> &str {
        match self {
            Self::Code { message, .. } | Self::Column { message, .. } | Self::Call(message) => message,
        }
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Code { code, .. } => Some(code.to_string().into()),
            Self::Column { .. } | Self::Call(_) => None,
        }
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Code { code, .. } => match *code {
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                    ErrorKind::UniqueViolation
                }
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
                ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
                ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
                _ => ErrorKind::Other,
            },
            Self::Column { .. } | Self::Call(_) => ErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    /// The same statement by both ways gives the same error.
    async fn check(setup: &str, sql: &'static str) {
        let direct = rusqlite::Connection::open_in_memory().unwrap();
        direct.execute_batch(setup).unwrap();
        let direct = SqliteFailure::from(direct.execute(sql, ()).unwrap_err()).into_driver_error();
        let mut driver = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut driver).await.unwrap();
        let driver = sqlx::query(sql).execute(&mut driver).await.unwrap_err();
        assert_eq!(direct.to_string(), driver.to_string());
        let (sqlx::Error::Database(direct), sqlx::Error::Database(driver)) = (direct, driver) else {
            panic!("not an error of the database")
        };
        assert_eq!(direct.code(), driver.code());
        assert_eq!(direct.message(), driver.message());
        assert_eq!(format!("{:?}", direct.kind()), format!("{:?}", driver.kind()));
    }

    #[tokio::test]
    async fn it_speaks_as_the_driver_does() {
        let table = "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0)); INSERT INTO t VALUES ('a', 1)";
        check(table, "INSERT INTO t VALUES ('a', 2)").await;
        check(table, "INSERT INTO t VALUES ('b', NULL)").await;
        check(table, "INSERT INTO t VALUES ('b', 0)").await;
        check(table, "SELECT * FROM nothing").await;
        check(table, "SELEKT").await;
        let trigger = "CREATE TABLE t (k); CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'not today'); END";
        check(trigger, "INSERT INTO t VALUES (1)").await;
    }

    #[test]
    fn a_row_that_is_there_is_told_from_other_faults() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES ('a')").unwrap();
        let failure = SqliteFailure::from(connection.execute("INSERT INTO t VALUES ('a')", ()).unwrap_err());
        assert!(failure.is_unique_violation() && failure.spares_the_connection() && !failure.is_locked());
        let failure = SqliteFailure::from(rusqlite::Connection::open("/nowhere/at/all").unwrap_err());
        assert!(!failure.is_unique_violation() && !failure.spares_the_connection());
        assert_eq!(failure.to_string(), "(code: 14) unable to open database file");
    }
}
