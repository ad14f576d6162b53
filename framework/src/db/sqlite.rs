//! SQLite.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite, SqlitePool, Transaction};

use crate::checks::CheckMessage;
use crate::conf::databases::DatabaseSettings;
use crate::db::connection::Connection as OwnConnection;
use crate::db::error::DatabaseError;
use crate::db::kept::KeptPool;
use crate::db::options::{DatabaseOptions, PoolSize, STATEMENT_TIMEOUT, missing_name};
use crate::db::sqlite_direct::DirectOptions;
use crate::db::sqlite_failure::SqliteFailure;
use crate::grouping::closing::Closing;

const MEMORY: &str = ":memory:";
/// Python's `sqlite3.connect(timeout=5.0)`, and so Django's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A SQLite database: a file, or `:memory:`.
///
/// Two pools share it. [`pool`](Self::pool) has a connection for each core (2 to 8, or `OPTIONS.pool.max_size`): with the
/// write-ahead log they read while somebody writes. [`writer`](Self::writer) has one: SQLite lets one transaction write at
/// a time, and a queue in this process is fair and wakes at once, where SQLite's own lock is polled.
///
/// `OPTIONS`, beside Django's `timeout` (seconds to wait for a lock: 5), `transaction_mode` and `init_command`:
/// `journal_mode` (WAL), `synchronous` (FULL: a commit is on the disk when it returns), `foreign_keys` (true),
/// `statement_timeout` (seconds: 30) and `pool` (a table of `max_size`, `timeout`, …).
#[derive(Debug)]
pub struct SqliteDatabase {
    alias: String,
    file: Option<PathBuf>,
    connect: SqliteConnectOptions,
    direct: DirectOptions,
    journal_mode: &'static str,
    busy: Duration,
    init_command: Option<String>,
    begin: &'static str,
    statement_timeout: Duration,
    size: PoolSize,
    pool: OnceLock<SqlitePool>,
    writer: OnceLock<SqlitePool>,
    closing: Closing,
}

impl SqliteDatabase {
    /// The database of that entry of `DATABASES`; nothing is opened.
    ///
    /// # Errors
    /// A missing `NAME`, wrong `OPTIONS`.
    pub fn from_settings(
        alias: &str,
        entry: &DatabaseSettings,
        base_dir: &Path,
    ) -> Result<Self, Vec<CheckMessage>> {
        let mut options = DatabaseOptions::new(&entry.options, alias);
        let journal_mode = options
            .word("journal_mode", &["WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"])
            .unwrap_or("WAL");
        let synchronous = options.word("synchronous", &["FULL", "EXTRA", "NORMAL", "OFF"]).unwrap_or("FULL");
        let begin = match options.word("transaction_mode", &["DEFERRED", "EXCLUSIVE", "IMMEDIATE"]) {
            Some("DEFERRED") => "BEGIN DEFERRED",
            Some("EXCLUSIVE") => "BEGIN EXCLUSIVE",
            // A deferred transaction that reads and then writes fails at once when another wrote in between, whatever
            // `timeout` says; one that takes the lock first waits for it.
            _ => "BEGIN IMMEDIATE",
        };
        let busy = options.seconds("timeout").unwrap_or(BUSY_TIMEOUT);
        let foreign_keys = options.flag("foreign_keys").unwrap_or(true);
        let init_command = options.text("init_command").map(str::to_owned);
        let statement_timeout = options.seconds("statement_timeout").unwrap_or(STATEMENT_TIMEOUT);
        let cores =
            std::thread::available_parallelism().map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(8));
        let mut size = PoolSize::read(&mut options, cores.clamp(2, 8), None);
        // A file's connections cost nothing to keep, and the last one of `:memory:` is the database.
        size.max_lifetime = None;
        size.max_idle = None;
        size.least = 0;
        let mut faults = options.finish();
        faults.extend(missing_name(alias, entry));
        if !faults.is_empty() {
            return Err(faults);
        }
        let connect = SqliteConnectOptions::new()
            .busy_timeout(busy)
            .foreign_keys(foreign_keys)
            .pragma("synchronous", synchronous);
        let mut direct =
            DirectOptions { path: PathBuf::from(&entry.name), create: false, busy, pragmas: String::new() };
        let (file, connect) = if entry.name == MEMORY {
            // The "memdb" file system shares one database among the connections of a process by its name, and unlike the
            // shared cache it knows SQLite's ordinary locks, with their timeout.
            let name = format!("/nuages-{:016x}", RandomState::new().build_hasher().finish());
            direct.path = PathBuf::from(format!("file:{name}?vfs=memdb"));
            direct.create = true;
            (None, connect.filename(name).vfs("memdb").create_if_missing(true))
        } else if entry.name.starts_with("file:") {
            // SQLite's own URI, which Django hands on as well.
            (None, connect.filename(&entry.name))
        } else {
            let file = base_dir.join(&entry.name);
            direct.path.clone_from(&file);
            (Some(file.clone()), connect.filename(file))
        };
        let keys = if foreign_keys { "ON" } else { "OFF" };
        direct.pragmas = format!("PRAGMA foreign_keys = {keys}; PRAGMA synchronous = {synchronous}");
        Ok(Self {
            alias: alias.to_owned(),
            file,
            connect,
            direct,
            journal_mode,
            busy,
            init_command,
            begin,
            statement_timeout,
            size,
            pool: OnceLock::new(),
            writer: OnceLock::new(),
            closing: Closing::default(),
        })
    }

    /// Its alias in `DATABASES`.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The file; `None` for `:memory:` and for a `file:` URI.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Connections for reading, and for a write now and then.
    pub fn pool(&self) -> &SqlitePool {
        self.pool.get_or_init(|| self.options(self.size.most, false).connect_lazy_with(self.connect.clone()))
    }

    /// The one connection for writing: whoever wants it waits in a queue.
    pub fn writer(&self) -> &SqlitePool {
        self.writer.get_or_init(|| self.options(1, true).connect_lazy_with(self.connect.clone()))
    }

    /// The connection for writing, which goes back after each statement: that costs a message to a thread of this process.
    pub(crate) fn kept(&self) -> KeptPool<'_, Sqlite> {
        KeptPool { pool: self.writer(), kept: None }
    }

    /// A transaction that writes, in the `transaction_mode` of the settings (IMMEDIATE unless they say otherwise).
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, DatabaseError> {
        match self.writer().begin_with(self.begin).await {
            Ok(transaction) => Ok(transaction),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// Whether there is anything to open.
    pub(crate) async fn exists(&self) -> bool {
        let Some(file) = self.file.clone() else { return true };
        // What cannot be told is left to whoever opens it.
        tokio::task::spawn_blocking(move || file.try_exists().unwrap_or(true)).await.unwrap_or(true)
    }

    pub(crate) async fn connect(&self) -> Result<OwnConnection, sqlx::Error> {
        self.open().await.map(OwnConnection::Sqlite)
    }

    /// A connection that is called in place, with everything that the settings say, in their journal mode. It blocks: a
    /// thread of its own may have one.
    pub(crate) fn open_directly(&self) -> Result<rusqlite::Connection, SqliteFailure> {
        let connection = self.direct.open()?;
        if let Some(command) = &self.init_command {
            connection.execute_batch(command)?;
        }
        if self.file.is_some()
            && let Err(error) = self.direct.set_journal_mode(&connection, self.journal_mode)
        {
            warn_of_journal_mode(&error, self.journal_mode);
        }
        Ok(connection)
    }

    async fn open(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = self.connect.connect().await?;
        if let Some(command) = &self.init_command {
            sqlx::raw_sql(AssertSqlSafe(command.as_str())).execute(&mut connection).await?;
        }
        Ok(connection)
    }

    /// Whether somebody in this process has the connection of [`writer`](Self::writer).
    pub(crate) fn is_writing(&self) -> bool {
        self.writer.get().is_some_and(|pool| pool.num_idle() < pool.size() as usize)
    }

    pub(crate) const fn closing(&self) -> &Closing {
        &self.closing
    }

    pub(crate) const fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const fn most_connections(&self) -> u32 {
        self.size.most
    }

    pub(crate) const fn pool_timeout(&self) -> Duration {
        self.size.wait
    }

    /// Creates the file when there is none.
    pub(crate) async fn create(&self) -> Result<(), DatabaseError> {
        if self.file.is_none() {
            // `:memory:` lives as long as a connection to it: the writer's stays open.
            return match self.writer().acquire().await {
                Ok(_) => Ok(()),
                Err(error) => Err(self.explain(error).await),
            };
        }
        let created = async {
            let mut connection = self.connect.clone().create_if_missing(true).connect().await?;
            set_journal_mode(&mut connection, self.journal_mode, self.busy).await?;
            connection.close().await
        };
        match created.await {
            Ok(()) => Ok(()),
            Err(error) if result_code(&error) == Some(14) => Err(self.cannot_open(error, true).await),
            Err(error) => Err(self.explain(error).await),
        }
    }

    pub(crate) async fn close(&self) {
        for pool in [self.pool.get(), self.writer.get()].into_iter().flatten() {
            pool.close().await;
        }
    }

    /// By SQLite's result codes (sqlite.org/rescode.html).
    pub(crate) async fn explain(&self, source: sqlx::Error) -> DatabaseError {
        let alias = self.alias.clone();
        let file = self.file.clone().unwrap_or_else(|| self.connect.get_filename().to_owned());
        match result_code(&source) {
            Some(5 | 6) => DatabaseError::Locked { alias, source },
            Some(13) => DatabaseError::Full { alias, file, source },
            Some(10) => DatabaseError::Disk { alias, file, source },
            Some(8) => DatabaseError::ReadOnly { alias, file, source },
            Some(11 | 26) => DatabaseError::NotADatabase { alias, file, source },
            Some(14) => self.cannot_open(source, false).await,
            _ if is_missing_table(&source) => DatabaseError::MissingTable { alias, source },
            _ => DatabaseError::Query { alias, source },
        }
    }

    /// SQLite says "unable to open database file" to everything: look what is there.
    async fn cannot_open(&self, source: sqlx::Error, creating: bool) -> DatabaseError {
        let alias = self.alias.clone();
        let Some(file) = self.file.clone() else { return DatabaseError::Query { alias, source } };
        let looked = file.clone();
        let found = tokio::task::spawn_blocking(move || {
            let folder = looked.parent().map(Path::to_owned).unwrap_or_default();
            (looked.is_dir(), looked.try_exists().unwrap_or(true), folder.is_dir(), folder)
        })
        .await;
        match found {
            Ok((true, ..)) => DatabaseError::IsFolder { alias, file },
            Ok((_, false, false, folder)) => DatabaseError::MissingFolder { alias, folder },
            Ok((_, false, true, _)) if !creating => DatabaseError::MissingFile { alias, file },
            _ => DatabaseError::CannotOpen { alias, file, source },
        }
    }

    fn options(&self, most: u32, writer: bool) -> PoolOptions<Sqlite> {
        let journal_mode = (writer && self.file.is_some()).then_some(self.journal_mode);
        let (busy, init_command) = (self.busy, self.init_command.clone());
        PoolSize { most, ..self.size }
            .options()
            // The "server" is a thread of this process: there is nothing to test.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let init_command = init_command.clone();
                Box::pin(async move {
                    if let Some(mode) = journal_mode
                        && let Err(error) = set_journal_mode(connection, mode, busy).await
                    {
                        warn_of_journal_mode(&error, mode);
                    }
                    if let Some(command) = init_command {
                        sqlx::raw_sql(AssertSqlSafe(command)).execute(connection).await?;
                    }
                    Ok(())
                })
            })
    }
}

/// Sets the journal mode, for this connection and, when it is WAL, for the file.
///
/// That takes a lock which SQLite's own timeout does not wait for, so the waiting is done here.
async fn set_journal_mode(
    connection: &mut SqliteConnection,
    mode: &'static str,
    patience: Duration,
) -> Result<(), sqlx::Error> {
    let is: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    if is.eq_ignore_ascii_case(mode) {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        let sql = AssertSqlSafe(format!("PRAGMA journal_mode = {mode}"));
        match sqlx::raw_sql(sql).execute(&mut *connection).await {
            Err(error) if result_code(&error) == Some(5) && begun.elapsed() < patience => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            other => return other.map(|_| ()),
        }
    }
}

/// Changing it needs a moment without any other connection. The database works without.
fn warn_of_journal_mode(error: &dyn std::error::Error, mode: &str) {
    tracing::warn!(%error, ?mode, "the journal mode of the database cannot be set now");
}

/// SQLite's primary result code: the low byte of the extended one that the driver reports.
fn result_code(error: &sqlx::Error) -> Option<u32> {
    match error {
        sqlx::Error::Database(error) => Some(error.code()?.parse::<u32>().ok()? & 0xff),
        _ => None,
    }
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.message().starts_with("no such table"))
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::db::database::Database;
    use crate::db::timestamp::Timestamp;

    fn database(name: &str, options: &str, base_dir: &Path) -> Database {
        let entry = DatabaseSettings {
            engine: "django.db.backends.sqlite3".to_owned(),
            name: name.to_owned(),
            options: toml::from_str(options).unwrap(),
            ..DatabaseSettings::default()
        };
        Database::from_settings("default", &entry, base_dir).unwrap()
    }

    async fn pragma(pool: &SqlitePool, name: &'static str) -> String {
        let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(pool).await.unwrap();
        row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string())).unwrap()
    }

    #[tokio::test]
    async fn a_new_file_is_durable_and_strict() {
        let folder = tempfile::tempdir().unwrap();
        let db = database("db.sqlite3", "", folder.path());
        db.create().await.unwrap();
        assert!(folder.path().join("db.sqlite3").is_file());
        let sqlite = db.as_sqlite().unwrap();
        for pool in [sqlite.pool(), sqlite.writer()] {
            assert_eq!(pragma(pool, "journal_mode").await, "wal");
            assert_eq!(pragma(pool, "synchronous").await, "2");
            assert_eq!(pragma(pool, "foreign_keys").await, "1");
            assert_eq!(pragma(pool, "busy_timeout").await, "5000");
        }
        // What session rows are written over.
        let own = sqlite.open_directly().unwrap();
        let text =
            |name| own.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, String>(0)).unwrap();
        let number = |name| own.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(text("journal_mode"), "wal");
        assert_eq!([number("synchronous"), number("foreign_keys"), number("busy_timeout")], [2, 1, 5_000]);
        db.close().await;
    }

    #[tokio::test]
    async fn a_file_of_anothers_making_gets_a_write_ahead_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite3");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (k)").unwrap();
        let db = database("db.sqlite3", "", folder.path());
        let own = db.as_sqlite().unwrap().open_directly().unwrap();
        let mode: String = own.query_row("PRAGMA journal_mode", (), |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let synchronous: i64 = own.query_row("PRAGMA synchronous", (), |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "a commit is on the disk when it returns");
    }

    #[tokio::test]
    async fn options_are_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        let db = database(
            "db.sqlite3",
            "journal_mode = \"delete\"\nsynchronous = \"normal\"\ntimeout = 1.5\ninit_command = \"PRAGMA cache_size=-77; PRAGMA temp_store=2\"",
            folder.path(),
        );
        db.create().await.unwrap();
        let pool = db.sqlite().unwrap();
        for (name, value) in [
            ("journal_mode", "delete"),
            ("synchronous", "1"),
            ("busy_timeout", "1500"),
            ("cache_size", "-77"),
            ("temp_store", "2"),
        ] {
            assert_eq!(pragma(pool, name).await, value, "{name}");
        }
    }

    #[tokio::test]
    async fn memory_is_one_database_for_all_connections() {
        let db = database(":memory:", "", Path::new("/nowhere"));
        let other = database(":memory:", "", Path::new("/nowhere"));
        let sqlite = db.as_sqlite().unwrap();
        let mut transaction = sqlite.begin().await.unwrap();
        sqlx::query("CREATE TABLE t (at datetime NOT NULL)").execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let at = Timestamp::now();
        let (one, two) = (sqlite.pool().acquire().await.unwrap(), sqlite.pool().acquire().await.unwrap());
        for mut connection in [one, two] {
            sqlx::query("INSERT INTO t VALUES (?)").bind(at).execute(&mut *connection).await.unwrap();
            let read: Timestamp =
                sqlx::query_scalar("SELECT at FROM t").fetch_one(&mut *connection).await.unwrap();
            assert_eq!(read, at);
        }
        let text: String =
            sqlx::query_scalar("SELECT at || '' FROM t").fetch_one(sqlite.pool()).await.unwrap();
        assert_eq!(text, at.to_string());
        // Another database of the same settings shares nothing with it.
        let missing = other.run(sqlx::query("SELECT * FROM t").execute(other.sqlite().unwrap())).await;
        assert!(matches!(missing, Err(DatabaseError::MissingTable { .. })), "{missing:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("text"),
            "This is not a database, and long enough to be seen as none. ".repeat(20),
        )
        .unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        for (name, expected) in [
            ("missing.sqlite3", "does not exist"),
            ("nowhere/db.sqlite3", "the folder of the database \"default\" does not exist"),
            ("folder", "is a folder"),
            ("text", "is not a sound SQLite database"),
        ] {
            let error = database(name, "", folder.path()).probe().await.unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains(folder.path().to_str().unwrap()),
                "{name}: {error}"
            );
        }
        assert!(!folder.path().join("missing.sqlite3").exists(), "asking creates nothing");
    }

    #[tokio::test]
    async fn a_lock_is_waited_for_no_longer_than_the_timeout() {
        let folder = tempfile::tempdir().unwrap();
        let db = database("db.sqlite3", "timeout = 0.05", folder.path());
        db.create().await.unwrap();
        let sqlite = db.as_sqlite().unwrap();
        let held = sqlite.begin().await.unwrap();
        let refused = db.run(sqlx::query("CREATE TABLE t (x)").execute(sqlite.pool())).await.unwrap_err();
        assert!(matches!(refused, DatabaseError::Locked { .. }) && refused.is_transient(), "{refused:?}");
        drop(held);
    }

    #[tokio::test]
    async fn a_statement_that_takes_too_long_is_left() {
        let db = database(":memory:", "statement_timeout = 0.05", Path::new("/nowhere"));
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n";
        let late = db.run(sqlx::query(endless).execute(db.sqlite().unwrap())).await.unwrap_err();
        assert!(matches!(late, DatabaseError::Timeout { .. }), "{late:?}");
    }

    #[test]
    fn a_database_without_a_name_is_a_fault() {
        let entry = DatabaseSettings {
            engine: "django.db.backends.sqlite3".to_owned(),
            ..DatabaseSettings::default()
        };
        let faults = SqliteDatabase::from_settings("default", &entry, Path::new("/site")).unwrap_err();
        assert_eq!(faults[0].id, "nuages.E305");
    }
}
