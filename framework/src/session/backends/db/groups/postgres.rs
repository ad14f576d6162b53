//! One statement of PostgreSQL's for all rows of a group.

use std::collections::HashMap;

use sqlx::Postgres;

use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::kept::KeptPool;
use crate::db::timestamp::Timestamp;
use crate::grouping::group::Asked;
use crate::session::backends::db::read::{Found, Read, Row, by_key};
use crate::session::backends::db::steps::Step;
use crate::session::backends::db::write::{Change, Kind, Written, text_of};

/// The rows that there are, by their keys.
pub(super) async fn select(
    database: &Database,
    pool: KeptPool<'_, Postgres>,
    jobs: &[Asked<Read, Found>],
) -> Result<HashMap<String, Row>, DatabaseError> {
    let now = jobs.iter().filter_map(|waiting| waiting.job.now).max();
    let query = if let [waiting] = jobs {
        sqlx::query_as(
            "SELECT session_key, session_data, expire_date, expire_date > $2 FROM django_session WHERE session_key = $1",
        )
        .bind(waiting.job.key.as_str())
    } else {
        let mut keys: Vec<&str> = jobs.iter().map(|waiting| waiting.job.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        sqlx::query_as(
            "SELECT session_key, session_data, expire_date, expire_date > $2 FROM django_session WHERE session_key = ANY($1)",
        )
        .bind(keys)
    };
    let rows = async {
        let mut connection = pool.get().await?;
        let rows = query.bind(now).fetch_all(&mut *connection).await?;
        connection.keep();
        Ok(rows)
    };
    Ok(by_key(database.run(rows).await?))
}

/// The keys of the writes that took place: all of them are tried, or none.
pub(super) async fn write(
    database: &Database,
    pool: KeptPool<'_, Postgres>,
    step: &Step<Written>,
) -> Result<Vec<String>, DatabaseError> {
    let count = step.jobs.len();
    let (mut keys, mut texts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut dates, mut expected_texts) = (Vec::<Timestamp>::with_capacity(count), Vec::with_capacity(count));
    for waiting in &step.jobs {
        keys.push(waiting.job.key.as_str());
        match &waiting.job.change {
            Change::Insert { text, expires } => {
                texts.push(text_of(text));
                dates.push(*expires);
            }
            Change::Update { text, expires, expected } => {
                texts.push(text_of(text));
                dates.push(*expires);
                expected_texts.extend(expected.as_ref().map(text_of));
            }
            Change::Touch { expires, expected } => {
                dates.push(*expires);
                expected_texts.extend(expected.as_ref().map(text_of));
            }
            Change::Delete { expected } => expected_texts.extend(expected.as_ref().map(text_of)),
        }
    }
    let dates: Vec<_> = dates.into_iter().map(Timestamp::utc).collect();
    let query = sqlx::query_scalar(sql(step.kind)).bind(keys);
    let query = match step.kind {
        Kind::Insert | Kind::Update => query.bind(texts).bind(dates),
        Kind::UpdateIf => query.bind(texts).bind(dates).bind(expected_texts),
        Kind::Touch => query.bind(dates),
        Kind::TouchIf => query.bind(dates).bind(expected_texts),
        Kind::Delete => query,
        Kind::DeleteIf => query.bind(expected_texts),
    };
    let done = async {
        let mut connection = pool.get().await?;
        let done = query.fetch_all(&mut *connection).await?;
        connection.keep();
        Ok(done)
    };
    database.run(done).await
}

/// A row that another transaction has locked is left out: a statement waits for nobody, and so in no circle either.
const fn sql(kind: Kind) -> &'static str {
    match kind {
        Kind::Insert => {
            "INSERT INTO django_session (session_key, session_data, expire_date) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) \
             ON CONFLICT (session_key) DO NOTHING RETURNING session_key"
        }
        Kind::Update => {
            "UPDATE django_session AS s SET session_data = v.d, expire_date = v.e \
             FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS v (k, d, e) \
             WHERE s.session_key = v.k AND s.session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) RETURNING s.session_key"
        }
        Kind::UpdateIf => {
            "UPDATE django_session AS s SET session_data = v.d, expire_date = v.e \
             FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) AS v (k, d, e, x) \
             WHERE s.session_key = v.k AND s.session_data = v.x AND s.session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) RETURNING s.session_key"
        }
        Kind::Touch => {
            "UPDATE django_session AS s SET expire_date = v.e FROM unnest($1::text[], $2::timestamptz[]) AS v (k, e) \
             WHERE s.session_key = v.k AND s.session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) RETURNING s.session_key"
        }
        Kind::TouchIf => {
            "UPDATE django_session AS s SET expire_date = v.e \
             FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS v (k, e, x) \
             WHERE s.session_key = v.k AND s.session_data = v.x AND s.session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) RETURNING s.session_key"
        }
        Kind::Delete => {
            "DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR UPDATE SKIP LOCKED) RETURNING session_key"
        }
        Kind::DeleteIf => {
            "DELETE FROM django_session AS s USING unnest($1::text[], $2::text[]) AS v (k, x) \
             WHERE s.session_key = v.k AND s.session_data = v.x AND s.session_key IN (SELECT session_key FROM django_session \
             WHERE session_key = ANY($1) FOR UPDATE SKIP LOCKED) RETURNING s.session_key"
        }
    }
}
