//! `django.contrib.sessions.backends.db`: rows of the table `django_session`.
//!
//! The rows are Django's, column by column and byte by byte (Django 5.2 `contrib/sessions/backends/db.py`): `session_key`,
//! `session_data` (the signed text of [`SessionCodec`]), `expire_date`. Loading costs one `SELECT` by primary key, saving
//! one `UPDATE` that compares the text with the one that was loaded, creating one `INSERT`.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::checks::CheckMessage;
use crate::conf::time_zone::TimeZone;
use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::sql::Sql;
use crate::db::timestamp::Timestamp;
use crate::db::vendor::Vendor;
use crate::serialize::datetime::DateTime;
use crate::serialize::value::Dict;
use crate::session::codec::SessionCodec;
use crate::session::engine::{EngineDef, EngineParts, SessionEngine};
use crate::session::expiry::{ExpiryError, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, Version};
use crate::{on_pool, on_writer};

/// The engine's row in the table.
pub const ENGINE: EngineDef = EngineDef { name: "django.contrib.sessions.backends.db", build };

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let store = DbStore::from_parts(&parts)?;
    Ok(SessionEngine::new(ENGINE.name, Arc::new(store), parts))
}

/// Sessions in a database.
#[derive(Debug)]
pub struct DbStore {
    database: Database,
    codec: SessionCodec,
    policy: Arc<ExpiryPolicy>,
    /// `TIME_ZONE`
    zone: TimeZone,
}

static FIND: Sql = Sql::new(
    "SELECT session_data, expire_date FROM django_session WHERE session_key = ? AND expire_date > ?",
);
static REREAD: Sql = Sql::new("SELECT session_data, expire_date FROM django_session WHERE session_key = ?");
static EXISTS: Sql = Sql::new("SELECT 1 FROM django_session WHERE session_key = ?");
static INSERT: Sql =
    Sql::new("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");
static UPDATE: Sql =
    Sql::new("UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ?");
static UPDATE_IF: Sql = Sql::new(
    "UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = ?",
);
/// MySQL's collations ignore case, a signed text does not.
static UPDATE_IF_BINARY: Sql = Sql::new(
    "UPDATE django_session SET session_data = ?, expire_date = ? WHERE session_key = ? AND session_data = BINARY ?",
);
static TOUCH: Sql = Sql::new("UPDATE django_session SET expire_date = ? WHERE session_key = ?");
static DELETE: Sql = Sql::new("DELETE FROM django_session WHERE session_key = ?");
static DELETE_IF: Sql = Sql::new("DELETE FROM django_session WHERE session_key = ? AND session_data = ?");
static DELETE_IF_BINARY: Sql =
    Sql::new("DELETE FROM django_session WHERE session_key = ? AND session_data = BINARY ?");
static CLEAR: Sql = Sql::new(
    "DELETE FROM django_session WHERE session_key IN \
     (SELECT session_key FROM django_session WHERE expire_date < ? ORDER BY expire_date LIMIT ?)",
);
/// MySQL has no LIMIT in such a subquery, and one in DELETE itself.
static CLEAR_LIMIT: Sql =
    Sql::new("DELETE FROM django_session WHERE expire_date < ? ORDER BY expire_date LIMIT ?");
static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session WHERE expire_date < ?");

impl DbStore {
    /// Sessions in the table `django_session` of that database.
    #[must_use]
    pub const fn new(
        database: Database,
        codec: SessionCodec,
        policy: Arc<ExpiryPolicy>,
        zone: TimeZone,
    ) -> Self {
        Self { database, codec, policy, zone }
    }

    /// Sessions in the default database.
    pub(super) fn from_parts(parts: &EngineParts<'_>) -> Result<Self, Vec<CheckMessage>> {
        let database = parts.databases.default_database().map_err(|error| {
            vec![
                CheckMessage::error("nuages.E020", format!("SESSION_ENGINE: {error}"))
                    .hint("This engine keeps sessions in the database \"default\" of DATABASES."),
            ]
        })?;
        let (codec, policy) = (parts.codec.clone(), Arc::clone(parts.policy));
        Ok(Self::new(database.clone(), codec, policy, parts.zone.clone()))
    }

    fn is_mysql(&self) -> bool {
        self.database.vendor() == Vendor::MySql
    }

    fn failed(&self, error: DatabaseError) -> StoreError {
        StoreError::Backend {
            store: format!("database {:?}", self.database.alias()),
            source: Box::new(error),
        }
    }

    /// A time as the column holds it: in UTC with `USE_TZ`, otherwise what the clocks of `TIME_ZONE` show, but for
    /// PostgreSQL, which always holds an instant.
    fn stamp(&self, at: DateTime) -> Result<Timestamp, ExpiryError> {
        let naive_column = self.policy.naive_zone.is_some() && !self.database.keeps_instants();
        match at {
            DateTime::Aware(at) if !naive_column => Ok(Timestamp::from(at)),
            // With USE_TZ Django takes a naive time for one of TIME_ZONE.
            DateTime::Naive(at) if !naive_column => Ok(Timestamp::from(self.zone.instant(at))),
            DateTime::Naive(at) => Ok(Timestamp::from(at)),
            DateTime::Aware(_) => Err(ExpiryError::Aware),
        }
    }

    fn now(&self) -> Result<Timestamp, ExpiryError> {
        self.stamp(self.policy.now())
    }

    fn expire_date(&self, data: &Dict) -> Result<Timestamp, ExpiryError> {
        self.stamp(self.policy.expires(data, self.policy.now())?)
    }

    /// The reverse of [`DbStore::stamp`].
    fn time_of(&self, stamp: Timestamp) -> DateTime {
        if self.policy.naive_zone.is_some() && !self.database.keeps_instants() {
            DateTime::Naive(stamp.naive())
        } else {
            self.policy.at(stamp.utc())
        }
    }

    fn decode(&self, (text, expires): (String, Timestamp)) -> Loaded {
        let decoded = self.codec.decode(&text);
        Loaded {
            data: decoded.data,
            stale: decoded.stale,
            version: Version(Bytes::from(text)),
            expires: Some(self.time_of(expires)),
        }
    }

    async fn select(
        &self,
        key: &SessionKey,
        live_at: Option<Timestamp>,
    ) -> Result<Option<Loaded>, StoreError> {
        let db = &self.database;
        // PostgreSQL refuses NUL in text; no key has one, so nothing is stored under such a key.
        if key.as_str().contains('\0') {
            return Ok(None);
        }
        let row: Option<(String, Timestamp)> = match live_at {
            Some(now) => on_pool!(db, pool => {
                db.run(sqlx::query_as(FIND.on(db)).bind(key.as_str()).bind(now).fetch_optional(pool)).await
            }),
            None => on_pool!(db, pool => {
                db.run(sqlx::query_as(REREAD.on(db)).bind(key.as_str()).fetch_optional(pool)).await
            }),
        }
        .map_err(|error| self.failed(error))?;
        Ok(row.map(|row| self.decode(row)))
    }

    /// Nothing was changed: is the row gone, or another one than expected?
    async fn gone_or_changed(&self, key: &SessionKey) -> Result<StoreError, StoreError> {
        Ok(if self.exists(key).await? { StoreError::Changed } else { StoreError::Gone })
    }
}

fn text_of(version: &Version) -> &str {
    // A version is made of a text alone; were it not, it would equal no row.
    std::str::from_utf8(&version.0).unwrap_or_default()
}

#[async_trait]
impl SessionStore for DbStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        Ok(self.select(key, Some(self.now()?)).await?.map_or(Load::Missing, Load::Found))
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.select(key, None).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let db = &self.database;
        if key.as_str().contains('\0') {
            return Ok(false);
        }
        let found = on_pool!(db, pool => {
            db.run(sqlx::query(EXISTS.on(db)).bind(key.as_str()).fetch_optional(pool)).await.map(|row| row.is_some())
        });
        found.map_err(|error| self.failed(error))
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let db = &self.database;
        let (text, expires) = (self.codec.encode(data)?, self.expire_date(data)?);
        let done = on_writer!(db, pool => {
            let query = sqlx::query(INSERT.on(db)).bind(key.as_str()).bind(text.as_str()).bind(expires);
            db.run(query.execute(pool)).await.map(|_| ())
        });
        match done {
            Ok(()) => Ok(Saved { key: key.clone(), version: Version(Bytes::from(text)) }),
            Err(error) if error.is_unique_violation() => Err(StoreError::Exists),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let db = &self.database;
        let (text, expires) = (self.codec.encode(data)?, self.expire_date(data)?);
        let rows = on_writer!(db, pool => match expected {
            None => {
                let query = sqlx::query(UPDATE.on(db)).bind(text.as_str()).bind(expires).bind(key.as_str());
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
            Some(expected) => {
                let sql = if self.is_mysql() { &UPDATE_IF_BINARY } else { &UPDATE_IF };
                let query = sqlx::query(sql.on(db)).bind(text.as_str()).bind(expires).bind(key.as_str());
                let query = query.bind(text_of(expected));
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
        });
        match rows.map_err(|error| self.failed(error))? {
            0 if expected.is_none() => Err(StoreError::Gone),
            0 => Err(self.gone_or_changed(key).await?),
            _ => Ok(Saved { key: key.clone(), version: Version(Bytes::from(text)) }),
        }
    }

    async fn touch(&self, key: &SessionKey, data: &Dict) -> Result<(), StoreError> {
        let db = &self.database;
        let expires = self.expire_date(data)?;
        let rows = on_writer!(db, pool => {
            let query = sqlx::query(TOUCH.on(db)).bind(expires).bind(key.as_str());
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        if rows.map_err(|error| self.failed(error))? == 0 { Err(StoreError::Gone) } else { Ok(()) }
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        let db = &self.database;
        if key.as_str().contains('\0') {
            return Ok(false);
        }
        let rows = on_writer!(db, pool => match expected {
            None => {
                let query = sqlx::query(DELETE.on(db)).bind(key.as_str());
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
            Some(expected) => {
                let sql = if self.is_mysql() { &DELETE_IF_BINARY } else { &DELETE_IF };
                let query = sqlx::query(sql.on(db)).bind(key.as_str()).bind(text_of(expected));
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
        });
        match rows.map_err(|error| self.failed(error))? {
            0 if expected.is_some() && self.exists(key).await? => Err(StoreError::Changed),
            rows => Ok(rows > 0),
        }
    }

    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        let db = &self.database;
        let now = self.now()?;
        let sql = if self.is_mysql() { &CLEAR_LIMIT } else { &CLEAR };
        let deleted = on_writer!(db, pool => {
            let query = sqlx::query(sql.on(db)).bind(now).bind(i64::from(at_most.get()));
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        let deleted = deleted.map_err(|error| self.failed(error))?;
        Ok(Cleared { deleted, more: deleted >= u64::from(at_most.get()) })
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        let db = &self.database;
        let now = self.now()?;
        let count: Result<i64, DatabaseError> = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(COUNT.on(db)).bind(now).fetch_one(pool)).await
        });
        Ok(count.map_err(|error| self.failed(error))?.try_into().unwrap_or_default())
    }
}
