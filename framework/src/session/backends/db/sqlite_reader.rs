//! Session rows read from SQLite in groups: one read transaction for all that wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::db::sqlite_failure::SqliteFailure;
use crate::db::sqlite_thread::{OwnSqlite, SqliteWork};
use crate::db::timestamp::Timestamp;
use crate::grouping::group::Asked;
use crate::session::backends::db::read::{Read, Row};
use crate::session::backends::db::write::NO_TEXT;
use crate::session::key::SessionKey;
use crate::session::store::Version;

/// What was there; an error may be everybody's.
pub(super) type Found = Result<Option<Row>, SqliteFailure>;

/// Reads rows.
#[derive(Debug, Default)]
pub(super) struct SqliteReader;

type Waiting = Asked<Read, Found>;

const FIND: &str =
    "SELECT session_data, expire_date, expire_date > ? FROM django_session WHERE session_key = ?";

impl SqliteWork for SqliteReader {
    type Job = Read;
    type Answer = Found;

    fn run(&mut self, own: &mut OwnSqlite, jobs: Vec<Waiting>) {
        let read = own.get().and_then(|connection| read(connection, &jobs));
        match read {
            Ok(rows) => {
                let broken = |row: &Found| row.as_ref().is_err_and(|error| !error.spares_the_connection());
                if rows.iter().any(broken) {
                    own.forget();
                }
                for (waiting, row) in jobs.into_iter().zip(rows) {
                    waiting.answer(row);
                }
            }
            Err(failure) => {
                // With it ends the transaction.
                own.forget();
                for waiting in jobs {
                    waiting.answer(Err(failure.clone()));
                }
            }
        }
    }
}

/// The rows in the order of the jobs; each visitor's is read once, however many requests of theirs there are.
fn read(connection: &Connection, jobs: &[Waiting]) -> Result<Vec<Found>, SqliteFailure> {
    let mut find = connection.prepare_cached(FIND)?;
    if let [waiting] = jobs {
        let now = waiting.job.now.map(|now| now.to_string());
        return Ok(vec![row(&mut find, now.as_deref(), &waiting.job.key)]);
    }
    // One transaction takes SQLite's lock once instead of for each row.
    connection.prepare_cached("BEGIN")?.execute(())?;
    let now = jobs.iter().filter_map(|waiting| waiting.job.now).max().map(|now| now.to_string());
    let mut known: HashMap<&str, usize> = HashMap::with_capacity(jobs.len());
    let mut rows: Vec<Found> = Vec::with_capacity(jobs.len());
    for waiting in jobs {
        let key = &waiting.job.key;
        let found = match known.entry(key.as_str()) {
            Entry::Occupied(place) => rows[*place.get()].clone(),
            Entry::Vacant(place) => {
                place.insert(rows.len());
                row(&mut find, now.as_deref(), key)
            }
        };
        rows.push(found);
    }
    connection.prepare_cached("COMMIT")?.execute(())?;
    Ok(rows)
}

fn row(find: &mut rusqlite::CachedStatement<'_>, now: Option<&str>, key: &SessionKey) -> Found {
    let mut rows = find.query((now, key.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let data = text(row.get_ref(0)?).map_or(NO_TEXT, str::as_bytes);
    let expires = text(row.get_ref(1)?).and_then(|text| Timestamp::parse(text).ok());
    let live = row.get::<_, Option<bool>>(2)? == Some(true);
    Ok(Some(Row { text: Version(Bytes::copy_from_slice(data)), expires, live }))
}

/// The text of a column; SQLite lets it hold anything else as well.
fn text(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::conf::databases::DatabaseSettings;
    use crate::db::database::Database;
    use crate::db::sqlite_thread::SqliteThread;

    #[tokio::test]
    async fn a_connection_that_met_a_damaged_row_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (path, sound) = (folder.path().join("db.sqlite3"), folder.path().join("sound"));
        let table =
            "CREATE TABLE django_session (session_key TEXT PRIMARY KEY, session_data TEXT, expire_date TEXT);
                     INSERT INTO django_session VALUES ('abcdefgh', 'data', '2100-01-01 00:00:00')";
        Connection::open(&path).unwrap().execute_batch(table).unwrap();
        fs::copy(&path, &sound).unwrap();
        let mut damaged = fs::read(&path).unwrap();
        // The first page, which holds the schema, stays as it is.
        damaged[4_096..].fill(0xff);
        fs::write(&path, damaged).unwrap();
        let entry = DatabaseSettings {
            engine: "django.db.backends.sqlite3".to_owned(),
            name: "db.sqlite3".to_owned(),
            ..DatabaseSettings::default()
        };
        let database = Database::from_settings("default", &entry, folder.path()).unwrap();
        let reader = SqliteThread::new(database, "session-reader", SqliteReader::default);
        let read = || reader.ask(Read { key: SessionKey::parse("abcdefgh").unwrap(), now: None });
        let failure = read().await.unwrap().unwrap_err();
        assert_eq!(failure.primary_code(), Some(rusqlite::ffi::SQLITE_CORRUPT));
        // Whoever restores a backup gives the name to another file.
        fs::rename(&sound, &path).unwrap();
        let row = read().await.unwrap().unwrap().expect("the row");
        assert_eq!(&*row.text.0, b"data");
    }
}
