//! Some statements of MySQL's or MariaDB's for all rows of a group.
//!
//! An UPDATE there does not tell which rows it found, and waits for those that others have locked. So a transaction first takes
//! hold of the rows that are free (`FOR UPDATE SKIP LOCKED`: MySQL 8, MariaDB 10.6) and compares what they hold; what it then
//! changes is there, is as expected, and keeps nobody waiting.

use std::collections::HashMap;

use sqlx::{Encode, MySql, QueryBuilder, Row as _, Type};

use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::kept::KeptPool;
use crate::db::timestamp::Timestamp;
use crate::grouping::group::Asked;
use crate::session::backends::db::read::{Found, Read, Row, by_key};
use crate::session::backends::db::steps::Step;
use crate::session::backends::db::write::{Change, Kind, Write, Written, text_of, version_of};

/// The rows that there are, by their keys.
pub(super) async fn select(
    database: &Database,
    pool: &KeptPool<'_, MySql>,
    jobs: &[Asked<Read, Found>],
) -> Result<HashMap<String, Row>, DatabaseError> {
    let now = jobs.iter().filter_map(|waiting| waiting.job.now).max();
    let mut keys: Vec<&str> = jobs.iter().map(|waiting| waiting.job.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut rows = read(database, pool, now, &keys).await?;
    // The collation takes names for equal that are not: a row that nobody called by its own was called by another.
    if rows.keys().any(|key| keys.binary_search(&key.as_str()).is_err()) {
        for key in keys {
            if !rows.contains_key(key)
                && let Some(row) = read(database, pool, now, &[key]).await?.into_values().next()
            {
                rows.insert(key.to_owned(), row);
            }
        }
    }
    Ok(rows)
}

async fn read(
    database: &Database,
    pool: &KeptPool<'_, MySql>,
    now: Option<Timestamp>,
    keys: &[&str],
) -> Result<HashMap<String, Row>, DatabaseError> {
    let mut sql = QueryBuilder::<MySql>::new("SELECT session_key, session_data, expire_date, expire_date > ");
    sql.push_bind(now).push(" FROM django_session");
    where_key_in(&mut sql, keys);
    let rows = async {
        let mut connection = pool.get().await?;
        let rows = sql.build_query_as().fetch_all(&mut *connection).await?;
        connection.keep();
        Ok(rows)
    };
    Ok(by_key(database.run(rows).await?))
}

/// What a group may hold in all, bytes: a server that is sent more than its `max_allowed_packet` hangs up.
const LARGEST: usize = 1 << 20;

/// The keys of the writes that took place: all of them are tried, or none.
pub(super) async fn write(database: &Database, step: &Step<Written>) -> Result<Vec<String>, DatabaseError> {
    let texts = step.jobs.iter().filter_map(|waiting| waiting.job.change.text());
    if texts.map(|text| text.0.len()).sum::<usize>() > LARGEST {
        return Ok(Vec::new());
    }
    if step.kind == Kind::Insert {
        return insert(database, step).await;
    }
    let pool = database.mysql()?;
    let keys: Vec<&str> = step.jobs.iter().map(|waiting| waiting.job.key.as_str()).collect();
    let change = async {
        let mut transaction = pool.begin().await?;
        let mut sql = QueryBuilder::<MySql>::new("SELECT session_key, session_data FROM django_session");
        where_key_in(&mut sql, &keys);
        let held = sql.push(" FOR UPDATE SKIP LOCKED").build().fetch_all(&mut *transaction).await?;
        let mut writes = Vec::with_capacity(held.len());
        for row in held {
            let key: String = row.try_get(0)?;
            // Sorted: see `steps`.
            let Ok(place) = keys.binary_search(&key.as_str()) else { continue };
            let write = &*step.jobs[place].job;
            let stored = version_of(row.try_get(1)?);
            if write.change.expected().is_none_or(|expected| *expected == stored) {
                writes.push(write);
            }
        }
        if matches!(step.kind, Kind::Delete | Kind::DeleteIf) {
            for write in &writes {
                sqlx::query(DELETE_HELD).bind(write.key.as_str()).execute(&mut *transaction).await?;
            }
        } else if !writes.is_empty() {
            change_held(step.kind, &writes).build().execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(writes.into_iter().map(|write| write.key.as_str().to_owned()).collect())
    };
    database.run(change).await
}

/// A key that is taken is an error of the whole, which changes nothing.
async fn insert(database: &Database, step: &Step<Written>) -> Result<Vec<String>, DatabaseError> {
    let mut sql =
        QueryBuilder::<MySql>::new("INSERT INTO django_session (session_key, session_data, expire_date) ");
    sql.push_values(&step.jobs, |mut row, waiting| {
        let Write { key, change } = &*waiting.job;
        row.push_bind(key.as_str()).push_bind(change.text().map(text_of)).push_bind(change.expires());
    });
    // Nearly every group has another number of rows: the connection is not to remember each form.
    database.run(sql.build().persistent(false).execute(database.mysql()?)).await?;
    Ok(step.jobs.iter().map(|waiting| waiting.job.key.as_str().to_owned()).collect())
}

/// One by one: a DELETE of many goes through the whole of a small table and waits for every row that another transaction has
/// locked, wanted or not, and takes no index hint on MariaDB.
const DELETE_HELD: &str = "DELETE FROM django_session WHERE session_key = ?";

/// Gives rows that are there new values, all of the same kind.
///
/// By the primary key in any case: where a group is a good part of a small table, the server would rather go through the whole
/// of it.
fn change_held(kind: Kind, writes: &[&Write]) -> QueryBuilder<MySql> {
    let mut sql = QueryBuilder::new("UPDATE django_session FORCE INDEX (PRIMARY) SET expire_date = ");
    of_its_own(&mut sql, writes, Change::expires);
    if matches!(kind, Kind::Update | Kind::UpdateIf) {
        sql.push(", session_data = ");
        of_its_own(&mut sql, writes, |change| change.text().map(text_of));
    }
    let keys: Vec<&str> = writes.iter().map(|write| write.key.as_str()).collect();
    where_key_in(&mut sql, &keys);
    sql
}

/// What each row is to hold.
fn of_its_own<'a, T>(
    sql: &mut QueryBuilder<MySql>,
    writes: &[&'a Write],
    value: impl Fn(&'a Change) -> Option<T>,
) where
    T: Encode<'a, MySql> + Type<MySql> + 'a,
{
    sql.push("CASE session_key");
    for write in padded(writes) {
        sql.push(" WHEN ").push_bind(write.key.as_str()).push(" THEN ").push_bind(value(&write.change));
    }
    sql.push(" END");
}

fn where_key_in(sql: &mut QueryBuilder<MySql>, keys: &[&str]) {
    sql.push(" WHERE session_key IN (");
    let mut list = sql.separated(", ");
    for key in padded(keys) {
        list.push_bind(key);
    }
    sql.push(")");
}

/// As many as a power of two, the last one again and again: a connection remembers the form of a statement for each number.
fn padded<T: Copy>(all: &[T]) -> impl Iterator<Item = T> {
    let missing = all.len().next_power_of_two() - all.len();
    let last = all.last().copied();
    all.iter().copied().chain(std::iter::repeat_n(last, missing).flatten())
}
