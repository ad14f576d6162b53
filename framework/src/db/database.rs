//! The databases of `DATABASES`.

use std::collections::BTreeMap;
use std::path::Path;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use std::sync::Arc;
use std::time::Duration;

use crate::checks::CheckMessage;
use crate::conf::databases::{DatabaseSettings, DatabasesSettings};
use crate::db::connection::Connection;
use crate::db::error::DatabaseError;
#[cfg(feature = "mysql")]
use crate::db::mysql::MySqlDatabase;
#[cfg(feature = "postgres")]
use crate::db::postgres::PostgresDatabase;
#[cfg(feature = "sqlite")]
use crate::db::sqlite::SqliteDatabase;
use crate::db::vendor::Vendor;
use crate::grouping::closing::Closing;
use crate::grouping::group::Owner;

/// The alias of the database that is meant where none is named.
pub const DEFAULT: &str = "default";

/// Every database by its alias.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    by_alias: BTreeMap<String, Database>,
}

impl Databases {
    /// The databases of those settings. No file is opened and no server asked: the first query does that.
    ///
    /// A SQLite file's path starts from `base_dir`.
    ///
    /// # Errors
    /// Every fault of every entry: an unknown `ENGINE`, one that is not built in, a missing `NAME`, a wrong `OPTIONS` entry.
    pub fn from_settings(settings: &DatabasesSettings, base_dir: &Path) -> Result<Self, Vec<CheckMessage>> {
        let mut by_alias = BTreeMap::new();
        let mut faults = Vec::new();
        for (alias, entry) in &settings.databases {
            // Django's own default is an entry without an engine: there is no database then.
            if entry.engine.is_empty() {
                continue;
            }
            match Database::from_settings(alias, entry, base_dir) {
                Ok(database) => {
                    by_alias.insert(alias.clone(), database);
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(Self { by_alias }) } else { Err(faults) }
    }

    /// The database of that alias.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownAlias`], which lists those that there are.
    pub fn get(&self, alias: &str) -> Result<&Database, DatabaseError> {
        self.by_alias.get(alias).ok_or_else(|| DatabaseError::UnknownAlias {
            alias: alias.to_owned(),
            known: match self.by_alias.is_empty() {
                true => "none".to_owned(),
                false => self.aliases().collect::<Vec<_>>().join(", "),
            },
        })
    }

    /// The database `default`.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownAlias`] when `DATABASES` has none of that name.
    pub fn default_database(&self) -> Result<&Database, DatabaseError> {
        self.get(DEFAULT)
    }

    /// Every alias, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.by_alias.keys().map(String::as_str)
    }

    /// Every database, in the order of the aliases.
    pub fn iter(&self) -> impl Iterator<Item = &Database> {
        self.by_alias.values()
    }

    /// Ends every connection, after the statements that are under way.
    pub async fn close(&self) {
        for database in self.iter() {
            database.close().await;
        }
    }
}

/// One database: a pool of connections, of one of the kinds that are built in. A clone shares it.
#[derive(Debug, Clone)]
pub enum Database {
    /// `django.db.backends.sqlite3`
    #[cfg(feature = "sqlite")]
    Sqlite(Arc<SqliteDatabase>),
    /// `django.db.backends.postgresql`
    #[cfg(feature = "postgres")]
    Postgres(Arc<PostgresDatabase>),
    /// `django.db.backends.mysql`
    #[cfg(feature = "mysql")]
    MySql(Arc<MySqlDatabase>),
}

/// The same for every kind: `it` is what the variant holds.
macro_rules! each {
    ($db:expr, $it:ident => $body:expr) => {
        match $db {
            #[cfg(feature = "sqlite")]
            Database::Sqlite($it) => $body,
            #[cfg(feature = "postgres")]
            Database::Postgres($it) => $body,
            #[cfg(feature = "mysql")]
            Database::MySql($it) => $body,
        }
    };
}

impl Database {
    /// The database that this entry of `DATABASES` describes; nothing is opened.
    ///
    /// # Errors
    /// Every fault of the entry.
    pub fn from_settings(
        alias: &str,
        entry: &DatabaseSettings,
        base_dir: &Path,
    ) -> Result<Self, Vec<CheckMessage>> {
        let Some(vendor) = Vendor::of_engine(&entry.engine) else {
            let known: Vec<&str> = Vendor::ALL.into_iter().map(Vendor::engine).collect();
            return Err(vec![
                CheckMessage::error("nuages.E301", format!("{:?} is not a database engine.", entry.engine))
                    .hint(format!("There is: {}.", known.join(", ")))
                    .object(format!("DATABASES.{alias}.ENGINE")),
            ]);
        };
        let built = match vendor {
            #[cfg(feature = "sqlite")]
            Vendor::Sqlite => {
                SqliteDatabase::from_settings(alias, entry, base_dir).map(Arc::new).map(Self::Sqlite)
            }
            #[cfg(feature = "postgres")]
            Vendor::Postgres => {
                PostgresDatabase::from_settings(alias, entry).map(Arc::new).map(Self::Postgres)
            }
            #[cfg(feature = "mysql")]
            Vendor::MySql => MySqlDatabase::from_settings(alias, entry).map(Arc::new).map(Self::MySql),
            #[allow(unreachable_patterns, reason = "reached when a kind is not built in")]
            missing => Err(vec![
                CheckMessage::error("nuages.E302", format!("This program is built without {missing}."))
                    .hint(format!("Build it with `cargo build --features nuages/{}`.", missing.feature()))
                    .object(format!("DATABASES.{alias}.ENGINE")),
            ]),
        };
        // Only a path needs it.
        let _ = base_dir;
        built
    }

    /// Its alias in `DATABASES`.
    #[must_use]
    pub fn alias(&self) -> &str {
        each!(self, it => it.alias())
    }

    /// Its kind; [`Vendor::name`] is Django's `connection.vendor`.
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

    /// Whether a `DateTimeField` is an instant here even without `USE_TZ` (PostgreSQL), or what a wall clock shows.
    #[must_use]
    pub fn keeps_instants(&self) -> bool {
        self.vendor() == Vendor::Postgres
    }

    /// The SQLite pool: for reading, and for a write now and then. [`SqliteDatabase::writer`] is for many writes.
    ///
    /// # Errors
    /// [`DatabaseError::WrongKind`] when this is no SQLite database.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(&self) -> Result<&sqlx::SqlitePool, DatabaseError> {
        match self {
            Self::Sqlite(it) => Ok(it.pool()),
            #[allow(unreachable_patterns, reason = "there may be other kinds")]
            other => Err(other.wrong_kind(Vendor::Sqlite)),
        }
    }

    /// The SQLite database behind it, if it is one: its writer, its file.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn as_sqlite(&self) -> Option<&SqliteDatabase> {
        match self {
            Self::Sqlite(it) => Some(it),
            #[allow(unreachable_patterns, reason = "there may be other kinds")]
            _ => None,
        }
    }

    /// The PostgreSQL pool.
    ///
    /// # Errors
    /// [`DatabaseError::WrongKind`] when this is no PostgreSQL database.
    #[cfg(feature = "postgres")]
    pub fn postgres(&self) -> Result<&sqlx::PgPool, DatabaseError> {
        match self {
            Self::Postgres(it) => Ok(it.pool()),
            #[allow(unreachable_patterns, reason = "there may be other kinds")]
            other => Err(other.wrong_kind(Vendor::Postgres)),
        }
    }

    /// The MySQL pool.
    ///
    /// # Errors
    /// [`DatabaseError::WrongKind`] when this is no MySQL database.
    #[cfg(feature = "mysql")]
    pub fn mysql(&self) -> Result<&sqlx::MySqlPool, DatabaseError> {
        match self {
            Self::MySql(it) => Ok(it.pool()),
            #[allow(unreachable_patterns, reason = "there may be other kinds")]
            other => Err(other.wrong_kind(Vendor::MySql)),
        }
    }

    #[allow(dead_code, reason = "called when a second kind is built in")]
    pub(crate) fn wrong_kind(&self, wanted: Vendor) -> DatabaseError {
        DatabaseError::WrongKind { alias: self.alias().to_owned(), is: self.vendor(), wanted }
    }

    /// Runs a query within the time that a statement may take (`OPTIONS.statement_timeout`, 30 seconds unless it says
    /// otherwise), and explains its error.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn run<T>(
        &self,
        query: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, DatabaseError> {
        let limit = self.statement_timeout();
        match tokio::time::timeout(limit, query).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.explain(error).await),
            Err(_) => Err(DatabaseError::Timeout { alias: self.alias().to_owned(), after: limit }),
        }
    }

    /// How long a statement may take.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        each!(self, it => it.statement_timeout())
    }

    /// What a driver's error means here: names the file or the server, and what would help.
    pub async fn explain(&self, error: sqlx::Error) -> DatabaseError {
        match error {
            sqlx::Error::PoolTimedOut => DatabaseError::PoolTimeout {
                alias: self.alias().to_owned(),
                after: each!(self, it => it.pool_timeout()),
            },
            other => each!(self, it => it.explain(other).await),
        }
    }

    /// Asks the database whether it is there and ours to use.
    ///
    /// # Errors
    /// A SQLite file that is missing, a folder, unreadable or no database; a server that is out of reach or refuses us.
    pub async fn probe(&self) -> Result<(), DatabaseError> {
        // Reads the first page of a SQLite file, which `SELECT 1` would not.
        let sql = match self.vendor() {
            Vendor::Sqlite => "SELECT COUNT(*) FROM sqlite_master",
            Vendor::Postgres | Vendor::MySql => "SELECT COUNT(*) FROM information_schema.schemata",
        };
        crate::on_pool!(self, pool => self.run(sqlx::query(sql).execute(pool)).await.map(|_| ()))
    }

    /// Whether the database was ever created: `false` for a SQLite file that is not there. A server is not asked.
    pub async fn exists(&self) -> bool {
        #[cfg(feature = "sqlite")]
        if let Some(it) = self.as_sqlite() {
            return it.exists().await;
        }
        true
    }

    /// The file of a SQLite database that is not in memory.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        #[cfg(feature = "sqlite")]
        if let Some(it) = self.as_sqlite() {
            return it.file();
        }
        None
    }

    /// Makes sure that there is a database to migrate: creates the SQLite file when it is missing. A server's databases are
    /// its administrator's to create.
    ///
    /// # Errors
    /// As [`Database::probe`].
    pub async fn create(&self) -> Result<(), DatabaseError> {
        #[cfg(feature = "sqlite")]
        if let Some(it) = self.as_sqlite() {
            it.create().await?;
        }
        self.probe().await
    }

    /// A connection of its own, outside the pool; a statement on it may take any time.
    ///
    /// # Errors
    /// As [`Database::probe`].
    pub async fn connect(&self) -> Result<Connection, DatabaseError> {
        let limit = each!(self, it => it.pool_timeout());
        match tokio::time::timeout(limit, async { each!(self, it => it.connect().await) }).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.explain(error).await),
            Err(_) => Err(self.explain(sqlx::Error::PoolTimedOut).await),
        }
    }

    /// How many connections its pool has at most.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn most_connections(&self) -> u32 {
        each!(self, it => it.most_connections())
    }

    /// What tasks that work for this database hold a share of.
    #[must_use]
    pub fn closing(&self) -> &Closing {
        each!(self, it => it.closing())
    }

    /// Ends its connections, after the statements that are under way and what waits in a [`Group`](crate::grouping::group::Group).
    pub async fn close(&self) {
        self.closing().close().await;
        each!(self, it => it.close().await);
    }
}

impl Owner for Database {
    fn closing(&self) -> &Closing {
        self.closing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(entries: &[(&str, &str)]) -> DatabasesSettings {
        DatabasesSettings {
            databases: entries
                .iter()
                .map(|(alias, engine)| {
                    let entry = DatabaseSettings {
                        engine: (*engine).to_owned(),
                        name: "db.sqlite3".to_owned(),
                        ..DatabaseSettings::default()
                    };
                    ((*alias).to_owned(), entry)
                })
                .collect(),
        }
    }

    #[test]
    fn every_wrong_engine_is_told_at_once() {
        let wrong = settings(&[("default", "sqlite"), ("other", "django.db.backends.oracle")]);
        let faults = Databases::from_settings(&wrong, Path::new("/site")).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert_eq!(
            faults[0].to_string(),
            "DATABASES.default.ENGINE: (nuages.E301) \"sqlite\" is not a database engine.\n\tHINT: There is: \
             django.db.backends.sqlite3, django.db.backends.postgresql, django.db.backends.mysql."
        );
    }

    #[cfg(not(feature = "postgres"))]
    #[test]
    fn an_engine_that_is_not_built_in_names_its_feature() {
        let other = settings(&[("default", "django.db.backends.postgresql")]);
        let faults = Databases::from_settings(&other, Path::new("/site")).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "DATABASES.default.ENGINE: (nuages.E302) This program is built without PostgreSQL.\n\tHINT: Build it with \
             `cargo build --features nuages/postgres`."
        );
    }

    #[test]
    fn an_unknown_alias_lists_the_known() {
        assert_eq!(
            Databases::default().default_database().unwrap_err().to_string(),
            "there is no database \"default\" in DATABASES (there is: none)"
        );
    }
}
