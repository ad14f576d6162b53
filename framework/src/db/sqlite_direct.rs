//! SQLite called in place, without a driver's thread: for threads of our own.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::db::sqlite_failure::SqliteFailure;

/// How such a connection is opened: as those of the pools are, whose SQLite library it shares.
#[derive(Debug)]
pub(crate) struct DirectOptions {
    /// A path, or SQLite's own URI.
    pub(crate) path: PathBuf,
    pub(crate) create: bool,
    pub(crate) busy: Duration,
    pub(crate) pragmas: String,
}

impl DirectOptions {
    pub(crate) fn open(&self) -> Result<Connection, SqliteFailure> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, self.create);
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy)?;
        connection.execute_batch(&self.pragmas)?;
        Ok(connection)
    }

    /// Sets the journal mode, for this connection and, when it is WAL, for the file.
    ///
    /// That takes a lock which SQLite's own timeout does not wait for, so the waiting is done here.
    pub(crate) fn set_journal_mode(
        &self,
        connection: &Connection,
        mode: &'static str,
    ) -> Result<(), SqliteFailure> {
        let is: String = connection.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
        if is.eq_ignore_ascii_case(mode) {
            return Ok(());
        }
        patiently(self.busy, || {
            connection.execute_batch(&format!("PRAGMA journal_mode = {mode}")).map_err(SqliteFailure::from)
        })
    }
}

/// How often a lock is asked for: it costs a few microseconds.
const LOOK: Duration = Duration::from_millis(1);

/// Tries until no other connection has the lock that it wants, for so long at most.
///
/// SQLite's own waiting looks ever more seldom, in the end every 100 milliseconds. Where somebody writes a lot, and lets go of
/// the lock only for moments, that finds it free by chance.
pub(crate) fn patiently<T>(
    limit: Duration,
    mut attempt: impl FnMut() -> Result<T, SqliteFailure>,
) -> Result<T, SqliteFailure> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(failure) if failure.is_locked() && begun.elapsed() < limit => thread::sleep(LOOK),
            other => return other,
        }
    }
}

/// Executes a statement without parameters, waiting so long for a lock.
pub(crate) fn execute(connection: &Connection, limit: Duration, sql: &str) -> Result<(), SqliteFailure> {
    let mut statement = connection.prepare_cached(sql)?;
    patiently(limit, || Ok(statement.execute(()).map(|_| ())?))
}
