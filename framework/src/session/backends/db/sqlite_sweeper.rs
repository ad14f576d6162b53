//! Expired session rows deleted from SQLite, in steps that keep other writers waiting for moments only.
//!
//! A row stands in three trees: the table, the index of the keys, the index of the dates. Whoever deletes in the order of the
//! dates touches a page of the table and one of the keys for each row, and a commit writes all of them. In the order of the
//! table, rows share its pages and, being of one time, mostly those of the dates.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::db::sqlite_direct::patiently;
use crate::db::sqlite_failure::SqliteFailure;
use crate::db::sqlite_thread::{OwnSqlite, SqliteWork};
use crate::grouping::group::Asked;
use crate::session::backends::db::sqlite_writer::execute;
use crate::session::backends::db::sweep::Sweep;
use crate::session::store::Cleared;

/// What it did; an error may be everybody's.
pub(super) type Swept = Result<Cleared, SqliteFailure>;

type Waiting = Asked<Sweep, Swept>;

/// Deletes expired rows.
#[derive(Debug, Default)]
pub(super) struct SqliteSweeper {
    /// Which rows had expired when they were looked for, in falling order: the next is the last. It is a hint: whether a row
    /// has expired is asked again by the statement that deletes it.
    found: Vec<i64>,
}

/// So many are looked for at once: 8 MB of memory.
const FOUND: i64 = 1_000_000;

/// How long a step keeps SQLite's only lock for writing, without its commit.
const HOLD: Duration = Duration::from_millis(30);

/// How long the lock is then left to others.
const PAUSE: Duration = Duration::from_millis(3);

/// Rows between two looks at the clock.
const ROWS: usize = 16;

/// The pages of the index of the keys are wanted again and again, in no order. It is given back after the last step.
const CACHE: &str = "PRAGMA cache_size = -131072";

/// All that is asked is in the index of the dates.
const FIND: &str = "SELECT rowid FROM django_session WHERE expire_date < ? ORDER BY expire_date LIMIT ?";

const DELETE: &str = "DELETE FROM django_session WHERE rowid = ? AND expire_date < ?";

impl SqliteWork for SqliteSweeper {
    type Job = Sweep;
    type Answer = Swept;

    fn run(&mut self, own: &mut OwnSqlite, jobs: Vec<Waiting>) {
        for waiting in jobs {
            own.wait_for_writers();
            let swept =
                own.to_write().and_then(|(connection, limit)| self.step(connection, limit, waiting.job));
            if !swept.as_ref().is_ok_and(|swept| swept.more) {
                // With it end its cache and, after a fault, its transaction.
                own.forget();
                self.found = Vec::new();
            }
            waiting.answer(swept);
        }
    }
}

impl SqliteSweeper {
    fn step(&mut self, connection: &Connection, limit: Duration, sweep: Sweep) -> Swept {
        let now = sweep.now.to_string();
        if self.found.is_empty() {
            prepare(connection)?;
            self.find(connection, limit, &now)?;
        }
        if self.found.is_empty() {
            return Ok(Cleared::NOTHING);
        }
        let at_most = usize::try_from(sweep.at_most.get()).unwrap_or(usize::MAX);
        execute(connection, limit, "BEGIN IMMEDIATE")?;
        let deleted = self.delete(connection, &now, at_most)?;
        execute(connection, limit, "COMMIT")?;
        thread::sleep(PAUSE);
        // What was found is of the time when it was looked for: the last step is one that looked, and found no more.
        Ok(Cleared { deleted, more: true })
    }

    fn find(&mut self, connection: &Connection, limit: Duration, now: &str) -> Result<(), SqliteFailure> {
        let mut find = connection.prepare_cached(FIND)?;
        self.found = patiently(limit, || {
            let rows = find.query_map((now, FOUND), |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<i64>, _>>()?)
        })?;
        self.found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(())
    }

    fn delete(&mut self, connection: &Connection, now: &str, at_most: usize) -> Result<u64, SqliteFailure> {
        let mut delete = connection.prepare_cached(DELETE)?;
        let (begun, mut deleted) = (Instant::now(), 0);
        for count in 0..at_most {
            if count % ROWS == 0 && begun.elapsed() > HOLD {
                break;
            }
            let Some(row) = self.found.pop() else { break };
            deleted += u64::try_from(delete.execute((row, now))?).unwrap_or_default();
        }
        Ok(deleted)
    }
}

/// A large cache; and in a write-ahead log, no commit waits for the disk: what a power cut undoes is deleted by the next run, and
/// the file stays sound (sqlite.org/pragma.html#pragma_synchronous).
fn prepare(connection: &Connection) -> Result<(), SqliteFailure> {
    connection.execute_batch(CACHE)?;
    let journal: String = connection.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", (), |row| row.get(0))?;
    if journal == "wal" && synchronous > NORMAL {
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    }
    Ok(())
}

const NORMAL: i64 = 1;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::db::timestamp::Timestamp;

    const LIMIT: Duration = Duration::from_millis(20);

    fn table(path: &std::path::Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE IF NOT EXISTS django_session (session_key PRIMARY KEY, session_data, expire_date datetime);
                 CREATE INDEX IF NOT EXISTS dates ON django_session (expire_date)",
            )
            .unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        connection
    }

    fn insert(connection: &Connection, count: u32, expire_date: &str) {
        for _ in 0..count {
            let sql = "INSERT INTO django_session VALUES (hex(randomblob(16)), '', ?)";
            connection.execute(sql, (expire_date,)).unwrap();
        }
    }

    fn left(connection: &Connection) -> u32 {
        connection.query_row("SELECT COUNT(*) FROM django_session", (), |row| row.get(0)).unwrap()
    }

    fn sweep(at_most: u32) -> Sweep {
        let now = Timestamp::parse("2026-01-01 00:00:00").unwrap();
        Sweep { now, at_most: NonZeroU32::new(at_most).unwrap() }
    }

    #[test]
    fn steps_go_on_until_one_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let connection = table(&folder.path().join("db"));
        insert(&connection, 5, "2025-12-31 23:59:59.999999");
        insert(&connection, 2, "2026-01-01 00:00:00");
        let mut sweeper = SqliteSweeper::default();
        for (late, deleted, more) in [(0, 2, true), (1, 2, true), (0, 1, true), (0, 1, true), (0, 0, false)] {
            insert(&connection, late, "2020-01-01 00:00:00");
            let cleared = sweeper.step(&connection, LIMIT, sweep(2)).unwrap();
            assert_eq!(cleared, Cleared { deleted, more });
        }
        assert_eq!(left(&connection), 2);
    }

    #[test]
    fn a_row_that_was_found_is_deleted_only_if_it_has_still_expired() {
        let folder = tempfile::tempdir().unwrap();
        let connection = table(&folder.path().join("db"));
        insert(&connection, 3, "2025-01-01 00:00:00");
        let mut sweeper = SqliteSweeper::default();
        assert_eq!(sweeper.step(&connection, LIMIT, sweep(1)).unwrap().deleted, 1);
        // One is renewed, the place of the other is taken by a new session.
        connection
            .execute("UPDATE django_session SET expire_date = '2026-01-15 00:00:00' WHERE rowid = 2", ())
            .unwrap();
        connection.execute("DELETE FROM django_session WHERE rowid = 3", ()).unwrap();
        insert(&connection, 1, "2026-01-15 00:00:00");
        assert_eq!(sweeper.step(&connection, LIMIT, sweep(9)).unwrap(), Cleared { deleted: 0, more: true });
        assert_eq!(sweeper.step(&connection, LIMIT, sweep(9)).unwrap(), Cleared::NOTHING);
        assert_eq!(left(&connection), 2);
    }

    #[test]
    fn a_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let (connection, other) = (table(&path), table(&path));
        insert(&connection, 1, "2025-01-01 00:00:00");
        let mut sweeper = SqliteSweeper::default();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(sweeper.step(&connection, LIMIT, sweep(1)).unwrap_err().is_locked());
        let held = thread::spawn(move || {
            thread::sleep(LIMIT);
            other.execute_batch("COMMIT").unwrap();
        });
        assert_eq!(sweeper.step(&connection, LIMIT * 500, sweep(1)).unwrap().deleted, 1);
        held.join().unwrap();
    }

    #[test]
    fn only_a_write_ahead_log_goes_without_the_disk() {
        for (journal, set, is) in [("WAL", "FULL", 1), ("WAL", "OFF", 0), ("DELETE", "FULL", 2)] {
            let folder = tempfile::tempdir().unwrap();
            let connection = table(&folder.path().join("db"));
            connection
                .execute_batch(&format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = {set}"))
                .unwrap();
            prepare(&connection).unwrap();
            let synchronous: i64 = connection.query_row("PRAGMA synchronous", (), |row| row.get(0)).unwrap();
            assert_eq!(synchronous, is, "{journal} {set}");
        }
    }
}
