//! SQLite's write-ahead log while a large part of a database is changed in many small transactions.
//!
//! Whoever commits and finds a thousand pages in the log copies them into the database, on the time of the request that it
//! serves. Beside a writer that never rests they are never all of them, so the log cannot begin anew: it grows for as long as the
//! change takes. Here such copying is kept back while the change goes on, done in one go at its end, and the log is then
//! emptied.

use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::db::sqlite_direct::{execute, patiently};
use crate::db::sqlite_failure::SqliteFailure;

/// A log that is kept from growing without end.
#[derive(Debug)]
pub(crate) struct SqliteLog {
    /// Two that read, by turns: nothing that came after what one of them sees is copied as long as it reads.
    readers: [Connection; 2],
    /// Whether the first of them reads.
    held: bool,
    path: PathBuf,
    /// Whether commits are to be on the disk some day: not with `synchronous = OFF`.
    lasting: bool,
}

/// How long it takes at most until a checkpoint has begun on another thread.
const BEGUN: Duration = Duration::from_millis(1);

/// How often it is tried to find everybody's pages copied, so that the log begins anew; and how long others are then left alone.
const TRIES: usize = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// How often what was written to the log is sent to the disk.
const FLUSH: Duration = Duration::from_millis(2);

impl SqliteLog {
    /// The log of the database of that connection, if it has one; another connection to it is what `open` makes.
    pub(crate) fn of(
        writer: &Connection,
        open: impl Fn() -> Result<Connection, SqliteFailure>,
    ) -> Result<Option<Self>, SqliteFailure> {
        let Some(path) = writer.path().filter(|path| !path.is_empty()) else { return Ok(None) };
        let journal: String = writer.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
        if journal != "wal" {
            return Ok(None);
        }
        let path = PathBuf::from(format!("{path}-wal"));
        let lasting = prepare(writer)? > OFF;
        let reader = || {
            let connection = open()?;
            connection.busy_timeout(Duration::ZERO)?;
            prepare(&connection)?;
            Ok::<_, SqliteFailure>(connection)
        };
        Ok(Some(Self { readers: [reader()?, reader()?], held: false, path, lasting }))
    }

    /// From now on nobody copies what is committed. Somebody must have committed since the log began: one that is empty is not
    /// what a reader holds on to, and whoever copies would look through all of it to find that it cannot.
    pub(crate) fn hold(&mut self, limit: Duration) -> Result<(), SqliteFailure> {
        if !self.held {
            look(&self.readers[0], limit)?;
            self.held = true;
        }
        Ok(())
    }

    /// Copies what is in the log, and has it begin anew. `writer` is locked for moments only.
    pub(crate) fn empty(&mut self, writer: &Connection, limit: Duration) -> Result<(), SqliteFailure> {
        let [reader, next] = &mut self.readers;
        if self.held {
            // Most of it, while others commit behind. Nobody can copy the last page, which would have to wait for the disk.
            look(next, limit)?;
            reader.execute_batch("COMMIT")?;
            self.held = false;
            checkpoint_in_turn(reader)?;
            // The last page: begun while nobody can commit, so that it is ours to wait for the disk, without the lock. Nobody can be
            // copying then either: whoever was has been waited for.
            execute(writer, limit, "BEGIN IMMEDIATE")?;
            checkpoint_in_turn(reader)?;
            next.execute_batch("COMMIT")?;
            thread::scope(|scope| {
                let ours = &mut *reader;
                let copying = thread::Builder::new().spawn_scoped(scope, move || checkpoint(ours));
                thread::sleep(BEGUN);
                let unlocked = execute(writer, limit, "COMMIT");
                // Where there is no thread to be had, it is copied below.
                let copied = copying.ok().map(|copying| copying.join());
                match copied {
                    Some(Ok(Err(failure))) => Err(failure),
                    Some(Err(_)) => Err(SqliteFailure::Call("a checkpoint panicked".to_owned())),
                    Some(Ok(Ok(_))) | None => unlocked,
                }
            })?;
        } else {
            checkpoint_in_turn(reader)?;
        }
        for _ in 0..TRIES {
            // Whoever commits next finds that all is copied, and begins the log anew.
            execute(writer, limit, "BEGIN IMMEDIATE")?;
            let copied = checkpoint(reader);
            execute(writer, limit, "COMMIT")?;
            if copied? == Copied::All {
                break;
            }
            thread::sleep(BETWEEN);
        }
        Ok(())
    }

    /// The file, if what is in it is to be on the disk, and if it can be opened.
    pub(crate) fn file(&self) -> Option<File> {
        if self.lasting { File::open(&self.path).ok() } else { None }
    }

    /// Does the work, and meanwhile has what is written to the log on its way to the disk: whoever commits beside it and waits for the
    /// disk does not find all of it before its own.
    pub(crate) fn flushed<T>(file: Option<File>, work: impl FnOnce() -> T) -> T {
        let Some(file) = file else { return work() };
        thread::scope(|scope| {
            let (working, done) = mpsc::channel::<()>();
            // Without a thread it is only slower.
            let _ = thread::Builder::new().spawn_scoped(scope, move || {
                while done.recv_timeout(FLUSH) == Err(RecvTimeoutError::Timeout) {
                    // Whoever has to know that it is on the disk sees to it by itself.
                    let _ = file.sync_data();
                }
            });
            let worked = work();
            drop(working);
            worked
        })
    }
}

/// Commits do not wait for the disk, and copy nothing: what a power cut undoes is changed again by the next run, and the file stays
/// sound (sqlite.org/pragma.html#pragma_synchronous). What they did before is given back.
fn prepare(connection: &Connection) -> Result<i64, SqliteFailure> {
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", (), |row| row.get(0))?;
    if synchronous > NORMAL {
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    }
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
    Ok(synchronous)
}

const OFF: i64 = 0;
const NORMAL: i64 = 1;

/// Begins to read what there is now, when nobody is mending the log.
fn look(reader: &Connection, limit: Duration) -> Result<(), SqliteFailure> {
    reader.execute_batch("BEGIN")?;
    patiently(limit, || Ok(reader.query_row("SELECT COUNT(*) FROM sqlite_schema", (), |_| Ok(()))?))
}

/// What a checkpoint came to.
#[derive(Debug, PartialEq, Eq)]
enum Copied {
    All,
    /// What nobody is in the way of.
    Some,
    /// Somebody else is at it.
    Nothing,
}

/// Copies what can be, waiting for nobody.
fn checkpoint(connection: &Connection) -> Result<Copied, SqliteFailure> {
    let (busy, pages, copied): (bool, i64, i64) =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    Ok(match busy {
        true => Copied::Nothing,
        false if pages == copied => Copied::All,
        false => Copied::Some,
    })
}

/// The same when whoever else is at it has come to an end, which is not waited for long.
fn checkpoint_in_turn(connection: &Connection) -> Result<(), SqliteFailure> {
    for _ in 0..TRIES {
        if checkpoint(connection)? != Copied::Nothing {
            break;
        }
        thread::sleep(BETWEEN);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(500);

    fn open(path: &std::path::Path) -> Result<Connection, SqliteFailure> {
        let connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (k)")?;
        Ok(connection)
    }

    /// A log with another connection that writes to it.
    struct Logged {
        writer: Connection,
        other: Connection,
        log: SqliteLog,
        _folder: tempfile::TempDir,
    }

    impl Logged {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("db");
            let (writer, other) = (open(&path).unwrap(), open(&path).unwrap());
            writer.busy_timeout(Duration::ZERO).unwrap();
            let log = SqliteLog::of(&writer, || open(&path)).unwrap().unwrap();
            Self { writer, other, log, _folder: folder }
        }

        fn write(&self) {
            self.writer.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        }

        /// How many pages are in the log, and how many of them somebody else could copy.
        fn copied_by_another(&self) -> (i64, i64) {
            self.other
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| Ok((row.get(1)?, row.get(2)?)))
                .unwrap()
        }
    }

    #[test]
    fn nobody_copies_what_is_held_back_and_the_log_begins_anew_when_it_was_emptied() {
        let mut logged = Logged::new();
        for _ in 0..2 {
            logged.write();
            logged.log.hold(LIMIT).unwrap();
            let (held, _) = logged.copied_by_another();
            for _ in 0..100 {
                logged.write();
            }
            assert_eq!(logged.copied_by_another(), (held + 100, held));
            logged.log.empty(&logged.writer, LIMIT).unwrap();
            assert_eq!(logged.copied_by_another(), (held + 100, held + 100));
            logged.write();
            assert_eq!(logged.copied_by_another(), (1, 1), "from its beginning");
        }
    }

    #[test]
    fn a_log_that_was_not_held_back_is_emptied_as_well() {
        let mut logged = Logged::new();
        logged.write();
        logged.log.empty(&logged.writer, LIMIT).unwrap();
        logged.write();
        assert_eq!(logged.copied_by_another(), (1, 1));
    }

    #[test]
    fn whoever_reads_for_long_is_not_waited_for() {
        let mut logged = Logged::new();
        logged.write();
        look(&logged.other, LIMIT).unwrap();
        logged.write();
        logged.log.hold(LIMIT).unwrap();
        logged.write();
        logged.log.empty(&logged.writer, LIMIT).unwrap();
        logged.other.execute_batch("COMMIT").unwrap();
        logged.log.empty(&logged.writer, LIMIT).unwrap();
        logged.write();
        assert_eq!(logged.copied_by_another(), (1, 1));
    }

    #[test]
    fn a_lock_that_is_not_given_back_is_told() {
        let mut logged = Logged::new();
        logged.write();
        logged.log.hold(LIMIT).unwrap();
        logged.other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(logged.log.empty(&logged.writer, LIMIT).unwrap_err().is_locked());
    }

    #[test]
    fn only_a_write_ahead_log_goes_without_the_disk() {
        for (journal, set, is) in [("WAL", "FULL", 1), ("WAL", "OFF", 0), ("DELETE", "FULL", 2)] {
            let folder = tempfile::tempdir().unwrap();
            let connection = Connection::open(folder.path().join("db")).unwrap();
            connection
                .execute_batch(&format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = {set}"))
                .unwrap();
            let log = SqliteLog::of(&connection, || open(&folder.path().join("db"))).unwrap();
            assert_eq!(log.is_some(), journal == "WAL");
            // The file is there when somebody has written.
            connection.execute_batch("CREATE TABLE IF NOT EXISTS t (k); INSERT INTO t VALUES (1)").unwrap();
            let flushed = log.and_then(|log| log.file()).is_some();
            assert_eq!(flushed, (journal, set) == ("WAL", "FULL"), "{journal} {set}");
            let synchronous: i64 = connection.query_row("PRAGMA synchronous", (), |row| row.get(0)).unwrap();
            assert_eq!(synchronous, is, "{journal} {set}");
        }
    }

    #[test]
    fn a_database_in_memory_has_none() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(SqliteLog::of(&connection, || Ok(Connection::open_in_memory()?)).unwrap().is_none());
    }

    #[test]
    fn work_is_done_with_a_file_and_without() {
        let logged = Logged::new();
        logged.write();
        for file in [logged.log.file(), None] {
            assert_eq!(SqliteLog::flushed(file, || 7), 7);
        }
    }
}
