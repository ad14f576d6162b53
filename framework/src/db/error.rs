//! What goes wrong with a database.

use std::path::PathBuf;
use std::time::Duration;

/// Why a database did not do what it was asked.
///
/// Every message names the database by its alias and says what would help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// `DATABASES` has no such alias.
    #[error("there is no database {alias:?} in DATABASES (there is: {known})")]
    UnknownAlias {
        /// The alias that was asked for.
        alias: String,
        /// Those that there are, separated by commas.
        known: String,
    },
    /// The database is of another kind than the code expects.
    #[error("the database {alias:?} is {is}, this code is written for {wanted}")]
    WrongKind {
        /// Its alias.
        alias: String,
        /// What it is.
        is: crate::db::vendor::Vendor,
        /// What was wanted.
        wanted: crate::db::vendor::Vendor,
    },
    /// There is no SQLite file.
    #[error("the file of the database {alias:?} does not exist: {} (`manage migrate` creates it)", .file.display())]
    MissingFile {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
    },
    /// The folder of the SQLite file does not exist either.
    #[error("the folder of the database {alias:?} does not exist: {} (create it, or correct NAME)", .folder.display())]
    MissingFolder {
        /// Its alias.
        alias: String,
        /// The folder.
        folder: PathBuf,
    },
    /// NAME names a folder.
    #[error("the database {alias:?} is to be a file, but {} is a folder (correct NAME)", .file.display())]
    IsFolder {
        /// Its alias.
        alias: String,
        /// The folder.
        file: PathBuf,
    },
    /// The SQLite file, or its folder, is not open to this process.
    #[error("the file of the database {alias:?} cannot be opened: {} (the user that runs this needs to read and write it and its folder)", .file.display())]
    CannotOpen {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The SQLite file may be read but not written.
    #[error("the file of the database {alias:?} cannot be written: {} (the user that runs this needs to write it and its folder)", .file.display())]
    ReadOnly {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// There is no more room for the SQLite file.
    #[error("the file of the database {alias:?} cannot grow: {} (the disk, a quota or PRAGMA max_page_count is full)", .file.display())]
    Full {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The system could not read or write the SQLite file.
    #[error("the file of the database {alias:?} cannot be read or written: {} (is the disk sound, and is there room on it?)", .file.display())]
    Disk {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The file is there, but SQLite did not write it, or it is damaged.
    #[error("the file of the database {alias:?} is not a sound SQLite database: {} (correct NAME, or restore the file)", .file.display())]
    NotADatabase {
        /// Its alias.
        alias: String,
        /// The file.
        file: PathBuf,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody else held the lock for longer than `OPTIONS.timeout`.
    #[error(
        "the database {alias:?} stayed locked by another connection or program (OPTIONS.timeout says how long to wait)"
    )]
    Locked {
        /// Its alias.
        alias: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not answer.
    #[error(
        "the database {alias:?} at {address} cannot be reached (is the server running there, and are HOST and PORT right?)"
    )]
    Unreachable {
        /// Its alias.
        alias: String,
        /// Where it was looked for.
        address: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The server answers, and will not have us.
    #[error("the database {alias:?} at {address} refused us (are USER, PASSWORD and NAME right?)")]
    Refused {
        /// Its alias.
        alias: String,
        /// Where it is.
        address: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// No connection became free in time.
    #[error("no connection to the database {alias:?} within {} seconds (OPTIONS.pool.max_size and OPTIONS.pool.timeout say how many and how long)", .after.as_secs_f64())]
    PoolTimeout {
        /// Its alias.
        alias: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A statement took longer than it may.
    #[error("a statement on the database {alias:?} took longer than {} seconds (OPTIONS.statement_timeout says how long it may)", .after.as_secs_f64())]
    Timeout {
        /// Its alias.
        alias: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A table that the statement names is not there.
    #[error("a table is missing in the database {alias:?} (run `manage migrate`)")]
    MissingTable {
        /// Its alias.
        alias: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// Anything else that the database or its driver complains of.
    #[error("a statement on the database {alias:?} failed")]
    Query {
        /// Its alias.
        alias: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
}

impl DatabaseError {
    /// Whether a row with that key is there already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Query { source: sqlx::Error::Database(error), .. } if error.is_unique_violation())
    }

    /// Whether the server undid the statement because it and another transaction waited for each other: trying again is all
    /// there is to do (SQLSTATE 40001 and 40P01).
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        let Self::Locked { source: sqlx::Error::Database(error), .. } = self else { return false };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    /// Whether the server knows no such statement (PostgreSQL's SQLSTATE 42601, MySQL's error 1064): an older one, perhaps.
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        let Self::Query { source: sqlx::Error::Database(error), .. } = self else { return false };
        #[cfg(feature = "mysql")]
        if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return is_mysql_syntax(error.number());
        }
        error.code().as_deref() == Some("42601")
    }

    /// Whether the same call may well succeed a little later: the database is locked, busy, restarting or out of reach.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::Unreachable { .. } | Self::PoolTimeout { .. } | Self::Timeout { .. }
        )
    }
}

/// MySQL's SQLSTATE 42000 stands for much else: too many connections of one user, a privilege that was revoked.
#[cfg(feature = "mysql")]
const fn is_mysql_syntax(number: u16) -> bool {
    const ER_PARSE_ERROR: u16 = 1064;
    number == ER_PARSE_ERROR
}

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_no_fault_of_the_statement() {
        for (number, syntax) in [(1064, true), (1142, false), (1203, false), (1226, false)] {
            assert_eq!(is_mysql_syntax(number), syntax, "{number}, whose SQLSTATE is 42000");
        }
    }
}
