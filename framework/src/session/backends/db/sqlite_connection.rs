//! A SQLite connection that is opened when it is needed.

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::db::connection::Connection;
use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::vendor::Vendor;

/// A task's own connection.
#[derive(Debug)]
pub(super) struct OwnSqlite {
    database: Database,
    connection: Option<SqliteConnection>,
}

impl OwnSqlite {
    pub(super) const fn new(database: Database) -> Self {
        Self { database, connection: None }
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn get(&mut self) -> Result<(&Database, &mut SqliteConnection), DatabaseError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.database.connect_to_write().await? {
                Connection::Sqlite(connection) => connection,
                #[allow(unreachable_patterns, reason = "there may be other kinds")]
                other => {
                    return Err(DatabaseError::WrongKind {
                        alias: self.database.alias().to_owned(),
                        is: other.vendor(),
                        wanted: Vendor::Sqlite,
                    });
                }
            },
        };
        Ok((&self.database, self.connection.insert(connection)))
    }

    /// The next one is a new one: after a statement that was left midway, or that could not reach its file, and whatever
    /// may be left of a transaction ends with the connection.
    pub(super) fn forget(&mut self) {
        self.connection = None;
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection {
            // It is gone either way.
            let _ = connection.close().await;
        }
    }
}
