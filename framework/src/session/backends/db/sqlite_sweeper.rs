//! Expired session rows deleted from SQLite, in steps that keep other writers waiting for moments only.
//!
//! A row stands in three trees: the table, the index of the keys, the index of the dates. Whoever deletes in the order of the
//! dates touches a page of the table and one of the keys for each row, and a commit writes all of them. In the order of the
//! table, rows share its pages and, being of one time, mostly those of the dates.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::db::sqlite_direct::{execute, patiently};
use crate::db::sqlite_failure::SqliteFailure;
use crate::db::sqlite_log::SqliteLog;
use crate::db::sqlite_thread::{OwnSqlite, SqliteWork};
use crate::grouping::group::Asked;
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
    /// Which is held back and emptied, unless the database has none.
    log: Option<SqliteLog>,
}

/// So many are looked for at once: 8 MB of memory.
const FOUND: i64 = 1_000_000;

/// How long a step keeps SQLite's only lock for writing, without its commit.
const HOLD: Duration = Duration::from_millis(25);

/// How long the lock is then left to others.
const PAUSE: Duration = Duration::from_millis(3);

/// Rows between two looks at the clock.
const ROWS: usize = 16;

/// How many rows go at most between two times that the log is emptied. Each of them is about a page of it.
const ROUND: usize = 100_000;

/// The pages that a step touches: after somebody else's commit SQLite forgets them all. It is given back after the last step.
const CACHE: &str = "PRAGMA cache_size = -16384";

/// All that is asked is in the index of the dates.
const FIND: &str = "SELECT rowid FROM django_session WHERE expire_date < ? ORDER BY expire_date LIMIT ?";

const DELETE: &str = "DELETE FROM django_session WHERE rowid = ? AND expire_date < ?";

impl SqliteWork for SqliteSweeper {
    type Job = Sweep;
    type Answer = Swept;

    fn run(&mut self, own: &mut OwnSqlite, jobs: Vec<Waiting>) {
        for waiting in jobs {
            let swept = self.sweep(own, &waiting);
            if !swept.as_ref().is_ok_and(|swept| swept.more) {
                // With them end the cache and, after a fault, whatever may be left of a transaction.
                own.forget();
                *self = Self::default();
            }
            waiting.answer(swept);
        }
    }
}

impl SqliteSweeper {
    fn sweep(&mut self, own: &mut OwnSqlite, waiting: &Waiting) -> Swept {
        if self.found.is_empty() {
            let (connection, limit) = own.to_write()?;
            connection.execute_batch(CACHE)?;
            self.find(connection, limit, waiting.job)?;
            if self.found.is_empty() {
                return Ok(Cleared::NOTHING);
            }
            self.log = own.log()?;
        }
        let mut log = self.log.take();
        let file = log.as_ref().and_then(SqliteLog::file);
        let swept = SqliteLog::flushed(file, || self.steps(own, log.as_mut(), waiting));
        self.log = log;
        swept
    }

    /// Step after step, as long as somebody waits for it.
    fn steps(&mut self, own: &mut OwnSqlite, mut log: Option<&mut SqliteLog>, waiting: &Waiting) -> Swept {
        let most = usize::try_from(waiting.job.at_most.get()).unwrap_or(usize::MAX);
        let last = self.found.len().saturating_sub(most.min(ROUND));
        let mut swept = Cleared::NOTHING;
        while self.found.len() > last && waiting.is_awaited() {
            own.wait_for_writers();
            let (connection, limit) = own.to_write()?;
            swept.deleted += self.step(connection, limit, waiting.job, last)?;
            // What was found is of the time when it was looked for: the last step is one that looked, and found no more.
            swept.more = true;
            if self.found.len() > last
                && let Some(log) = &mut log
            {
                log.hold(limit)?;
            }
            thread::sleep(PAUSE);
        }
        if let Some(log) = log
            && swept.more
        {
            let (connection, limit) = own.to_write()?;
            log.empty(connection, limit)?;
        }
        Ok(swept)
    }

    /// Deletes in one transaction until no more than the last so many are left, or the lock has been kept for long enough.
    fn step(
        &mut self,
        connection: &Connection,
        limit: Duration,
        sweep: Sweep,
        last: usize,
    ) -> Result<u64, SqliteFailure> {
        execute(connection, limit, "BEGIN IMMEDIATE")?;
        let deleted = self.delete(connection, sweep, last)?;
        execute(connection, limit, "COMMIT")?;
        Ok(deleted)
    }

    fn find(&mut self, connection: &Connection, limit: Duration, sweep: Sweep) -> Result<(), SqliteFailure> {
        let now = sweep.now.to_string();
        let mut find = connection.prepare_cached(FIND)?;
        self.found = patiently(limit, || {
            let rows = find.query_map((&now, FOUND), |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<i64>, _>>()?)
        })?;
        self.found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(())
    }

    fn delete(&mut self, connection: &Connection, sweep: Sweep, last: usize) -> Result<u64, SqliteFailure> {
        let (begun, now) = (Instant::now(), sweep.now.to_string());
        let (mut delete, mut deleted) = (connection.prepare_cached(DELETE)?, 0);
        for count in 0..self.found.len().saturating_sub(last) {
            if count % ROWS == 0 && begun.elapsed() > HOLD {
                break;
            }
            let Some(row) = self.found.pop() else { break };
            deleted += u64::try_from(delete.execute((row, &now))?).unwrap_or_default();
        }
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::conf::databases::DatabaseSettings;
    use crate::db::database::Database;
    use crate::db::sqlite_thread::SqliteThread;
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

    /// One step of at most so many.
    fn step(sweeper: &mut SqliteSweeper, connection: &Connection, at_most: usize, limit: Duration) -> Swept {
        if sweeper.found.is_empty() {
            sweeper.find(connection, limit, sweep(1))?;
        }
        let last = sweeper.found.len().saturating_sub(at_most);
        let more = !sweeper.found.is_empty();
        Ok(Cleared { deleted: sweeper.step(connection, limit, sweep(1), last)?, more })
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
            assert_eq!(step(&mut sweeper, &connection, 2, LIMIT).unwrap(), Cleared { deleted, more });
        }
        assert_eq!(left(&connection), 2);
    }

    #[test]
    fn a_row_that_was_found_is_deleted_only_if_it_has_still_expired() {
        let folder = tempfile::tempdir().unwrap();
        let connection = table(&folder.path().join("db"));
        insert(&connection, 3, "2025-01-01 00:00:00");
        let mut sweeper = SqliteSweeper::default();
        assert_eq!(step(&mut sweeper, &connection, 1, LIMIT).unwrap().deleted, 1);
        // One is renewed, the place of the other is taken by a new session.
        connection
            .execute("UPDATE django_session SET expire_date = '2026-01-15 00:00:00' WHERE rowid = 2", ())
            .unwrap();
        connection.execute("DELETE FROM django_session WHERE rowid = 3", ()).unwrap();
        insert(&connection, 1, "2026-01-15 00:00:00");
        assert_eq!(step(&mut sweeper, &connection, 9, LIMIT).unwrap(), Cleared { deleted: 0, more: true });
        assert_eq!(step(&mut sweeper, &connection, 9, LIMIT).unwrap(), Cleared::NOTHING);
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
        assert!(step(&mut sweeper, &connection, 1, LIMIT).unwrap_err().is_locked());
        let held = thread::spawn(move || {
            thread::sleep(LIMIT);
            other.execute_batch("COMMIT").unwrap();
        });
        assert_eq!(step(&mut sweeper, &connection, 1, LIMIT * 500).unwrap().deleted, 1);
        held.join().unwrap();
    }

    /// A database whose rows are deleted as `manage clearsessions` does it, beside somebody who writes without rest.
    async fn swept_beside_a_writer(journal: &str, rows: u32) -> (u64, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite3");
        let connection = table(&path);
        connection.execute_batch(&format!("PRAGMA journal_mode = {journal}; BEGIN")).unwrap();
        insert(&connection, rows, "2025-01-01 00:00:00");
        connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let entry = DatabaseSettings {
            engine: "django.db.backends.sqlite3".to_owned(),
            name: "db.sqlite3".to_owned(),
            options: toml::from_str(&format!("journal_mode = \"{journal}\"")).unwrap(),
            ..DatabaseSettings::default()
        };
        let database = Database::from_settings("default", &entry, folder.path()).unwrap();
        let thread = SqliteThread::<SqliteSweeper>::new(database.clone(), "sweep", SqliteSweeper::default);
        let stop = Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let (stop, path) = (Arc::clone(&stop), path.clone());
            move || {
                let connection = Connection::open(&path).unwrap();
                connection.busy_timeout(Duration::from_secs(20)).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    insert(&connection, 1, "2036-01-01 00:00:00");
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        let (mut deleted, mut calls) = (0, 0);
        loop {
            let swept = thread.ask(sweep(4_000)).await.unwrap().unwrap();
            (deleted, calls) = (deleted + swept.deleted, calls + 1);
            if !swept.more {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        let expired = "SELECT COUNT(*) FROM django_session WHERE expire_date < '2026-01-01'";
        let expired: u32 = connection.query_row(expired, (), |row| row.get(0)).unwrap();
        assert_eq!((expired, calls), (0, rows.div_ceil(4_000) + 1));
        let log = std::fs::metadata(folder.path().join("db.sqlite3-wal")).map_or(0, |file| file.len());
        database.close().await;
        (deleted, log)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_does_not_grow_with_what_is_deleted() {
        let (deleted, log) = swept_beside_a_writer("WAL", 100_000).await;
        assert_eq!(deleted, 100_000);
        // It is 8 MB, what a call needs. When others copy as they come upon it, it grows to 50 or 150.
        assert!(log < 25 << 20, "{log} bytes");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_without_such_a_log_is_swept_as_well() {
        assert_eq!(swept_beside_a_writer("DELETE", 3_000).await, (3_000, 0));
    }
}
