//! Session rows read from SQLite in groups: one `SELECT` for all that wait.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::group::{Asked, Work};
use crate::db::timestamp::Timestamp;
use crate::session::backends::db::sqlite_connection::OwnSqlite;
use crate::session::key::SessionKey;

/// The row of that key.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: SessionKey,
    /// If it matters whether it has expired by then.
    pub(super) now: Option<Timestamp>,
}

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) text: String,
    pub(super) expires: Timestamp,
    /// Whether it has not expired.
    pub(super) live: bool,
}

/// What was there; an error may be everybody's.
pub(super) type Found = Result<Option<Row>, Arc<DatabaseError>>;

/// Reads on a connection of its own.
#[derive(Debug)]
pub(super) struct SqliteReader(OwnSqlite);

type Waiting = Asked<Read, Found>;

impl Work for SqliteReader {
    type Job = Read;
    type Answer = Found;

    async fn run(&mut self, jobs: Vec<Waiting>) {
        match self.select(&jobs).await {
            Ok(rows) => {
                let database = self.0.database();
                let mut found = HashMap::with_capacity(rows.len());
                for row in rows {
                    let Ok(key) = row.try_get::<String, _>(0) else { continue };
                    let row = match read(&row) {
                        Ok(row) => Ok(Some(row)),
                        // What cannot be read is the fault of that row alone.
                        Err(error) => Err(Arc::new(database.explain(error).await)),
                    };
                    found.insert(key, row);
                }
                for waiting in jobs {
                    let row = found.get(waiting.job.key.as_str()).cloned();
                    waiting.answer(row.unwrap_or(Ok(None)));
                }
            }
            Err(error) => {
                self.0.forget();
                let error = Arc::new(error);
                for waiting in jobs {
                    waiting.answer(Err(Arc::clone(&error)));
                }
            }
        }
    }

    async fn end(self) {
        self.0.close().await;
    }
}

impl SqliteReader {
    pub(super) const fn new(database: Database) -> Self {
        Self(OwnSqlite::new(database))
    }

    async fn select(&mut self, jobs: &[Waiting]) -> Result<Vec<SqliteRow>, DatabaseError> {
        let (database, connection) = self.0.get().await?;
        let now = jobs.iter().filter_map(|waiting| waiting.job.now).max();
        // Statements are kept prepared by their text, so there are to be few of them: empty slots fill them up.
        let slots = jobs.len().next_power_of_two();
        let mut query = sqlx::query(AssertSqlSafe(text(slots))).bind(now);
        for slot in 0..slots {
            query = query.bind(jobs.get(slot).map(|waiting| waiting.job.key.as_str()));
        }
        database.run(query.fetch_all(connection)).await
    }
}

fn read(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let live: Option<bool> = row.try_get(3)?;
    Ok(Row { text: row.try_get(1)?, expires: row.try_get(2)?, live: live == Some(true) })
}

/// The statement for so many keys.
fn text(slots: usize) -> String {
    const HEAD: &str = "SELECT session_key, session_data, expire_date, expire_date > ? FROM django_session WHERE session_key IN (?";
    let mut text = String::with_capacity(HEAD.len() + 2 * slots);
    text.push_str(HEAD);
    for _ in 1..slots {
        text.push_str(",?");
    }
    text.push(')');
    text
}
