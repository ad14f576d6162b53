//! One connection of its own, outside the pool.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use sqlx::{AssertSqlSafe, Connection as _};

use crate::db::vendor::Vendor;

/// A connection that nobody else uses and that is closed at the end: for migrations, which change what a connection is set
/// to and may take longer than a request's statement.
#[derive(Debug)]
pub enum Connection {
    /// To a SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqliteConnection),
    /// To a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgConnection),
    /// To a MySQL server.
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlConnection),
}

/// The same for every kind: `it` is what the variant holds.
macro_rules! on_connection {
    ($connection:expr, $it:ident => $body:expr) => {
        match $connection {
            #[cfg(feature = "sqlite")]
            $crate::db::connection::Connection::Sqlite($it) => $body,
            #[cfg(feature = "postgres")]
            $crate::db::connection::Connection::Postgres($it) => $body,
            #[cfg(feature = "mysql")]
            $crate::db::connection::Connection::MySql($it) => $body,
        }
    };
}
pub(crate) use on_connection;

impl Connection {
    /// The kind of database it leads to.
    #[must_use]
    pub const fn vendor(&self) -> Vendor {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Vendor::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Vendor::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Vendor::MySql,
        }
    }

    /// Runs SQL that has no parameters and whose text is the site's own, never a visitor's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        on_connection!(self, it => sqlx::raw_sql(AssertSqlSafe(sql)).execute(it).await.map(|_| ()))
    }

    /// Ends it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        on_connection!(self, it => it.close().await)
    }
}
