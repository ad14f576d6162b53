//! The kinds of database.

use std::fmt;

/// A kind of database: its SQL dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

impl Vendor {
    /// Every kind there is, built in or not.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// The kind that a value of `ENGINE` means.
    #[must_use]
    pub fn of_engine(engine: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.engine() == engine)
    }

    /// The value of `ENGINE`.
    #[must_use]
    pub const fn engine(self) -> &'static str {
        match self {
            Self::Sqlite => "django.db.backends.sqlite3",
            Self::Postgres => "django.db.backends.postgresql",
            Self::MySql => "django.db.backends.mysql",
        }
    }

    /// Django's short name (`connection.vendor`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
            Self::MySql => "mysql",
        }
    }

    /// The cargo feature that builds it in, and the word in a migration's file name (`0001_initial.postgres.sql`).
    #[must_use]
    pub const fn feature(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// Whether this build has its driver.
    #[must_use]
    pub const fn built_in(self) -> bool {
        match self {
            Self::Sqlite => cfg!(feature = "sqlite"),
            Self::Postgres => cfg!(feature = "postgres"),
            Self::MySql => cfg!(feature = "mysql"),
        }
    }

    /// A table's or column's name as it stands in SQL (Django's `quote_name`): one that is quoted stays as it is.
    #[must_use]
    pub fn quote_name(self, name: &str) -> String {
        let quote = match self {
            Self::Sqlite | Self::Postgres => '"',
            Self::MySql => '`',
        };
        let inside = name.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let name = inside.filter(|inside| !inside.contains(quote)).unwrap_or(name);
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// Whether a failed migration takes back the tables it made (Django's `can_rollback_ddl`).
    #[must_use]
    pub const fn can_rollback_ddl(self) -> bool {
        !matches!(self, Self::MySql)
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        })
    }
}
