//! `exerciser.custom_db`: a site's own engine, in a table of its own with one column more than Django's.
//!
//! As Django's documentation does in "Extending database-backed session engines": the table `exerciser_customsession` has
//! the visitor's user number in `account_id`, taken from the session at every save, and sessions live for a day.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use nuages::checks::CheckMessage;
use nuages::conf::time_zone::TimeZone;
use nuages::db::database::Database;
use nuages::db::error::DatabaseError;
use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::db::timestamp::Timestamp;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::{Dict, Value};
use nuages::session::codec::SessionCodec;
use nuages::session::engine::{EngineDef, EngineParts, SessionEngine};
use nuages::session::expiry::{ExpiryError, ExpiryPolicy};
use nuages::session::key::SessionKey;
use nuages::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};
use nuages::{on_pool, on_writer};
use num_bigint::BigInt;

/// The engine's row in the table.
pub(crate) const ENGINE: EngineDef = EngineDef { name: "exerciser.custom_db", build };

/// How long a session lives, seconds.
const COOKIE_AGE: i64 = 24 * 60 * 60;

static FIND: Sql =
    Sql::new("SELECT session_data, expire_date FROM exerciser_customsession WHERE session_key = ?");
static EXISTS: Sql = Sql::new("SELECT 1 FROM exerciser_customsession WHERE session_key = ?");
static INSERT: Sql = Sql::new(
    "INSERT INTO exerciser_customsession (session_data, expire_date, account_id, session_key) VALUES (?, ?, ?, ?)",
);
static UPDATE: Sql = Sql::new(
    "UPDATE exerciser_customsession SET session_data = ?, expire_date = ?, account_id = ? WHERE session_key = ?",
);
static UPDATE_IF: Sql = Sql::new(
    "UPDATE exerciser_customsession SET session_data = ?, expire_date = ?, account_id = ? WHERE session_key = ? AND session_data = ?",
);
static TOUCH: Sql = Sql::new("UPDATE exerciser_customsession SET expire_date = ? WHERE session_key = ?");
static TOUCH_IF: Sql =
    Sql::new("UPDATE exerciser_customsession SET expire_date = ? WHERE session_key = ? AND session_data = ?");
static DELETE: Sql = Sql::new("DELETE FROM exerciser_customsession WHERE session_key = ?");
static DELETE_IF: Sql =
    Sql::new("DELETE FROM exerciser_customsession WHERE session_key = ? AND session_data = ?");
static CLEAR: Sql = Sql::new("DELETE FROM exerciser_customsession WHERE expire_date < ?");
static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM exerciser_customsession WHERE expire_date < ?");
static PAGE: Sql = Sql::new(
    "SELECT session_key, session_data, expire_date FROM exerciser_customsession \
     WHERE session_key > ? ORDER BY session_key LIMIT ?",
);

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let database = parts.databases.default_database();
    let database = database
        .map_err(|error| vec![CheckMessage::error("exerciser.E001", format!("SESSION_ENGINE: {error}"))])?;
    let policy = Arc::new(ExpiryPolicy { cookie_age: COOKIE_AGE, ..ExpiryPolicy::clone(parts.policy) });
    let store = CustomStore {
        database: database.clone(),
        codec: parts.codec.clone(),
        policy: Arc::clone(&policy),
        zone: parts.zone.clone(),
    };
    Ok(SessionEngine::new(ENGINE.name, Arc::new(store), EngineParts { policy: &policy, ..parts }))
}

#[derive(Debug)]
struct CustomStore {
    database: Database,
    codec: SessionCodec,
    policy: Arc<ExpiryPolicy>,
    zone: TimeZone,
}

/// What a save writes.
struct Row {
    text: Version,
    expires: Timestamp,
    account: Option<i64>,
}

/// `int(data.get("_auth_user_id"))`, or nothing where Python raises `TypeError` or `ValueError`.
fn account_of(data: &Dict) -> Result<Option<i64>, StoreError> {
    let number = match data.get("_auth_user_id") {
        Some(Value::Int(number)) => return Ok(Some(*number)),
        Some(Value::Bool(one)) => return Ok(Some(i64::from(*one))),
        Some(Value::BigInt(number)) => number.clone(),
        Some(Value::Float(number)) if number.is_nan() => return Ok(None),
        Some(Value::Float(number)) => match format!("{:.0}", number.trunc()).parse() {
            Ok(number) => number,
            Err(infinite) => return Err(out_of_range(infinite)),
        },
        Some(Value::Str(text)) => match python_int(text) {
            Some(number) => number,
            None => return Ok(None),
        },
        Some(Value::Bytes(text) | Value::ByteArray(text)) => {
            match std::str::from_utf8(text).ok().and_then(python_int) {
                Some(number) => number,
                None => return Ok(None),
            }
        }
        Some(Value::Decimal(text)) => match text.parse::<f64>() {
            Ok(number) => return account_of(&Dict::from([("_auth_user_id", Value::Float(number))])),
            Err(_) => return Ok(None),
        },
        Some(Value::Uuid(uuid)) => BigInt::from(uuid.as_u128()),
        _ => return Ok(None),
    };
    i64::try_from(number).map(Some).map_err(out_of_range)
}

/// Python's `int(text)` of digits that are ASCII.
fn python_int(text: &str) -> Option<BigInt> {
    let text = text.trim_matches(|character: char| character.is_whitespace());
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lonely = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if lonely || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// The column holds 64 bits (Python's `OverflowError`).
fn out_of_range(_: impl std::error::Error) -> StoreError {
    ExpiryError::Overflow("account_id".to_owned()).into()
}

impl CustomStore {
    fn failed(&self, error: DatabaseError) -> StoreError {
        let store = format!("database {:?}", self.database.alias());
        StoreError::Backend { store, source: Box::new(error) }
    }

    /// A time as the column holds it: what the clocks of `TIME_ZONE` show where `USE_TZ` is off and the column has no zone.
    fn stamp(&self, at: DateTime) -> Result<Timestamp, StoreError> {
        let naive_column = self.policy.naive_zone.is_some() && !self.database.keeps_instants();
        match at {
            DateTime::Aware(at) if !naive_column => Ok(Timestamp::from(at)),
            DateTime::Naive(at) if !naive_column => Ok(Timestamp::from(self.zone.instant(at))),
            DateTime::Naive(at) => Ok(Timestamp::from(at)),
            DateTime::Aware(_) => Err(ExpiryError::Aware.into()),
        }
    }

    fn now(&self) -> Result<Timestamp, StoreError> {
        self.stamp(self.policy.now())
    }

    fn row(&self, data: &Dict) -> Result<Row, StoreError> {
        let text = self.codec.encode(data)?;
        let expires = self.policy.expires(data, self.policy.now())?;
        let account = account_of(data)?;
        Ok(Row { text: Version(Bytes::from(text)), expires: self.stamp(expires)?, account })
    }

    fn loaded(&self, text: String, expires: Timestamp) -> Loaded {
        let decoded = self.codec.decode(&text);
        let naive_column = self.policy.naive_zone.is_some() && !self.database.keeps_instants();
        let expires = match naive_column {
            true => DateTime::Naive(expires.naive()),
            false => self.policy.at(expires.utc()),
        };
        Loaded {
            data: decoded.data,
            stale: decoded.stale,
            version: Version(Bytes::from(text)),
            expires: Some(expires),
        }
    }

    async fn find(&self, key: &SessionKey) -> Result<Option<(String, Timestamp)>, StoreError> {
        let db = &self.database;
        let row = on_pool!(db, pool => {
            db.run(sqlx::query_as(FIND.on(db)).bind(key.as_str()).fetch_optional(pool)).await
        });
        row.map_err(|error| self.failed(error))
    }

    /// Whether a statement that took no row met another one than expected, or none.
    async fn missed(&self, key: &SessionKey, expected: Option<&Version>) -> Result<StoreError, StoreError> {
        let other = expected.is_some() && self.exists(key).await?;
        Ok(if other { StoreError::Changed } else { StoreError::Gone })
    }
}

fn text_of(version: &Version) -> &str {
    std::str::from_utf8(&version.0).unwrap_or_default()
}

#[async_trait]
impl SessionStore for CustomStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        let now = self.now()?;
        let row = self.find(key).await?.filter(|(_, expires)| *expires > now);
        Ok(row.map_or(Load::Missing, |(text, expires)| Load::Found(self.loaded(text, expires))))
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(self.find(key).await?.map(|(text, expires)| self.loaded(text, expires)))
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let db = &self.database;
        let row = on_pool!(db, pool => {
            db.run(sqlx::query(EXISTS.on(db)).bind(key.as_str()).fetch_optional(pool)).await.map(|row| row.is_some())
        });
        row.map_err(|error| self.failed(error))
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let (db, row) = (&self.database, self.row(data)?);
        let inserted = on_writer!(db, pool => {
            let query = sqlx::query(INSERT.on(db)).bind(text_of(&row.text)).bind(row.expires).bind(row.account);
            db.run(async {
                match query.bind(key.as_str()).execute(pool).await {
                    Ok(_) => Ok(true),
                    Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
                    Err(error) => Err(error),
                }
            })
            .await
        });
        match inserted.map_err(|error| self.failed(error))? {
            true => Ok(Saved { key: key.clone(), version: row.text }),
            false => Err(StoreError::Exists),
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let (db, row) = (&self.database, self.row(data)?);
        let sql = if expected.is_some() { &UPDATE_IF } else { &UPDATE };
        let updated = on_writer!(db, pool => {
            let query = sqlx::query(sql.on(db)).bind(text_of(&row.text)).bind(row.expires).bind(row.account);
            let query = query.bind(key.as_str());
            let query = match expected {
                Some(expected) => query.bind(text_of(expected)),
                None => query,
            };
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        match updated.map_err(|error| self.failed(error))? {
            0 => Err(self.missed(key, expected).await?),
            _ => Ok(Saved { key: key.clone(), version: row.text }),
        }
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        let db = &self.database;
        let sql = if expected.is_some() { &TOUCH_IF } else { &TOUCH };
        let expires = self.stamp(self.policy.expires(data, self.policy.now())?)?;
        let touched = on_writer!(db, pool => {
            let query = sqlx::query(sql.on(db)).bind(expires).bind(key.as_str());
            let query = match expected {
                Some(expected) => query.bind(text_of(expected)),
                None => query,
            };
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        match touched.map_err(|error| self.failed(error))? {
            0 => Err(self.missed(key, expected).await?),
            _ => Ok(()),
        }
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        let db = &self.database;
        let sql = if expected.is_some() { &DELETE_IF } else { &DELETE };
        let deleted = on_writer!(db, pool => {
            let query = sqlx::query(sql.on(db)).bind(key.as_str());
            let query = match expected {
                Some(expected) => query.bind(text_of(expected)),
                None => query,
            };
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        if deleted.map_err(|error| self.failed(error))? > 0 {
            return Ok(true);
        }
        match self.missed(key, expected).await? {
            StoreError::Changed => Err(StoreError::Changed),
            _ => Ok(false),
        }
    }

    /// All of them at once: the table of a test is small.
    async fn clear_expired(&self, _: NonZeroU32) -> Result<Cleared, StoreError> {
        let (db, now) = (&self.database, self.now()?);
        let deleted = on_writer!(db, pool => {
            db.run(sqlx::query(CLEAR.on(db)).bind(now).execute(pool)).await.map(|done| done.rows_affected())
        });
        Ok(Cleared { deleted: deleted.map_err(|error| self.failed(error))?, more: false })
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        let (db, now) = (&self.database, self.now()?);
        let count: Result<i64, DatabaseError> = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(COUNT.on(db)).bind(now).fetch_one(pool)).await
        });
        Ok(count.map_err(|error| self.failed(error))?.try_into().unwrap_or_default())
    }

    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let (db, now) = (&self.database, self.now()?);
        let after = after.map_or("", SessionKey::as_str);
        let rows: Result<Vec<(String, String, Timestamp)>, DatabaseError> = on_pool!(db, pool => {
            let query = sqlx::query_as(PAGE.on(db)).bind(after).bind(i64::from(at_most.get()));
            db.run(query.fetch_all(pool)).await
        });
        let row = |(key, text, expires): (String, String, Timestamp)| StoredRow {
            key: SessionKey::verbatim(&key),
            expired: expires <= now,
            loaded: self.loaded(text, expires),
        };
        Ok(rows.map_err(|error| self.failed(error))?.into_iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_numbers() {
        let account = |value: Value| account_of(&Dict::from([("_auth_user_id", value)])).ok();
        let text = |text: &str| account(Value::Str(text.to_owned()));
        assert_eq!(text("17"), Some(Some(17)));
        assert_eq!(text(" -1_000\n"), Some(Some(-1_000)));
        assert_eq!(text("x"), Some(None));
        assert_eq!(text(""), Some(None));
        assert_eq!(text("1__0"), Some(None));
        assert_eq!(text("99999999999999999999"), None);
        assert_eq!(account(Value::Bool(true)), Some(Some(1)));
        assert_eq!(account(Value::Float(-2.5)), Some(Some(-2)));
        assert_eq!(account(Value::Float(f64::NAN)), Some(None));
        assert_eq!(account(Value::Float(f64::INFINITY)), None);
        assert_eq!(account(Value::Bytes(b"5".to_vec())), Some(Some(5)));
        assert_eq!(account(Value::Decimal("1E+5".to_owned())), Some(Some(100_000)));
        assert_eq!(account(Value::Uuid(uuid::Uuid::max())), None);
        assert_eq!(account(Value::List(Vec::new())), Some(None));
        assert_eq!(account_of(&Dict::new()).ok(), Some(None));
    }
}
