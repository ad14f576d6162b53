//! Session rows written to SQLite in groups: one transaction for all that wait.

use std::time::Duration;

use rusqlite::Connection;

use crate::db::sqlite_direct::{execute, patiently};
use crate::db::sqlite_failure::SqliteFailure;
use crate::db::sqlite_thread::{OwnSqlite, SqliteWork};
use crate::db::vendor::Vendor;
use crate::session::backends::db::write::{AskedWrite, Change, Write, text_of};

/// Whether the write took place; an error may be everybody's.
pub(super) type Written = Result<bool, SqliteFailure>;

/// Does the writes.
#[derive(Debug, Default)]
pub(super) struct SqliteWriter;

type Waiting = AskedWrite<Written>;

impl SqliteWork for SqliteWriter {
    type Job = Box<Write>;
    type Answer = Written;

    fn run(&mut self, own: &mut OwnSqlite, jobs: Vec<Waiting>) {
        own.wait_for_writers();
        let done = match own.to_write() {
            Ok((connection, limit)) => together(connection, limit, &jobs),
            Err(failure) => Err(Failed::All(failure)),
        };
        match done {
            Ok(written) => {
                if written
                    .iter()
                    .any(|written| matches!(written, Err(failure) if !failure.spares_the_connection()))
                {
                    own.forget();
                }
                for (waiting, written) in jobs.into_iter().zip(written) {
                    waiting.answer(written);
                }
            }
            Err(Failed::All(failure)) => {
                // With it ends whatever may be left of the transaction.
                own.forget();
                for waiting in jobs {
                    waiting.answer(Err(failure.clone()));
                }
            }
            Err(Failed::Together) => {
                own.forget();
                for waiting in jobs {
                    let written =
                        own.to_write().and_then(|(connection, limit)| write(connection, limit, &waiting.job));
                    if written.as_ref().is_err_and(|failure| !failure.spares_the_connection()) {
                        own.forget();
                    }
                    waiting.answer(written);
                }
            }
        }
    }
}

/// Why nothing of a group was done.
#[derive(Debug)]
enum Failed {
    /// None of them can be.
    All(SqliteFailure),
    /// One of them took the transaction down with it; each by itself will tell.
    Together,
}

/// What came of each write. One that fails fails alone: SQLite undoes the statement, and leaves the transaction as it was.
fn together(connection: &Connection, limit: Duration, jobs: &[Waiting]) -> Result<Vec<Written>, Failed> {
    if let [waiting] = jobs {
        // A statement is a transaction.
        return Ok(vec![write(connection, limit, &waiting.job)]);
    }
    execute(connection, limit, "BEGIN IMMEDIATE").map_err(Failed::All)?;
    let mut written = Vec::with_capacity(jobs.len());
    for waiting in jobs {
        written.push(write(connection, limit, &waiting.job));
        // Unless the fault was such that SQLite gave up the whole of it: a full disk, a trigger's RAISE(ROLLBACK).
        if connection.is_autocommit() {
            return Err(Failed::Together);
        }
    }
    match execute(connection, limit, "COMMIT") {
        Ok(()) => Ok(written),
        Err(failure) if failure.is_locked() => Err(Failed::All(failure)),
        Err(_) => Err(Failed::Together),
    }
}

fn write(connection: &Connection, limit: Duration, write: &Write) -> Written {
    let (key, mut statement) = (write.key.as_str(), connection.prepare_cached(write.sql(Vendor::Sqlite))?);
    let rows = patiently(limit, || {
        let rows = match &write.change {
            Change::Insert { text, expires } => statement.execute((key, text_of(text), expires.to_string())),
            Change::Update { text, expires, expected: None } => {
                statement.execute((text_of(text), expires.to_string(), key))
            }
            Change::Update { text, expires, expected: Some(expected) } => {
                statement.execute((text_of(text), expires.to_string(), key, text_of(expected)))
            }
            Change::Touch { expires, expected: None } => statement.execute((expires.to_string(), key)),
            Change::Touch { expires, expected: Some(expected) } => {
                statement.execute((expires.to_string(), key, text_of(expected)))
            }
            Change::Delete { expected: None } => statement.execute((key,)),
            Change::Delete { expected: Some(expected) } => statement.execute((key, text_of(expected))),
        };
        Ok(rows?)
    });
    match rows {
        Ok(rows) => Ok(rows > 0),
        Err(failure) if failure.is_unique_violation() => Ok(false),
        Err(failure) => Err(failure),
    }
}
