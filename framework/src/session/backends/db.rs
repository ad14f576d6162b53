//! `django.contrib.sessions.backends.db`: rows of the table `django_session`.
//!
//! The rows are Django's, column by column and byte by byte (Django 5.2 `contrib/sessions/backends/db.py`): `session_key`,
//! `session_data` (the signed text of [`SessionCodec`]), `expire_date`. Loading costs one `SELECT` by primary key, saving
//! one `UPDATE` that compares the text with the one that was loaded, creating one `INSERT`.

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod beside;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod groups;
mod read;
mod rows;
#[cfg(feature = "sqlite")]
mod sqlite_reader;
#[cfg(feature = "sqlite")]
mod sqlite_sweeper;
#[cfg(feature = "sqlite")]
mod sqlite_writer;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod steps;
mod sweep;
mod write;

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::checks::CheckMessage;
use crate::conf::time_zone::TimeZone;
use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::sql::Sql;
use crate::db::stored::{StoredText, StoredTime};
use crate::db::timestamp::Timestamp;
use crate::db::vendor::Vendor;
use crate::on_pool;
use crate::serialize::datetime::DateTime;
use crate::serialize::value::Dict;
use crate::session::backends::db::read::{Read, Row};
use crate::session::backends::db::rows::Rows;
use crate::session::backends::db::sweep::Sweep;
use crate::session::backends::db::write::{Change, NO_TEXT, Write, text_of};
use crate::session::codec::SessionCodec;
use crate::session::engine::{EngineDef, EngineParts, SessionEngine};
use crate::session::expiry::{ExpiryError, ExpiryPolicy};
use crate::session::key::SessionKey;
use crate::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};

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
    rows: Rows,
}

static PAGE: Sql = Sql::new(
    "SELECT session_key, session_data, expire_date FROM django_session \
     WHERE session_key > ? ORDER BY session_key LIMIT ?",
);
static OWN_KEY: Sql = Sql::new("SELECT session_key FROM django_session WHERE session_key = ?");
static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session WHERE expire_date < ?");

impl DbStore {
    /// Sessions in the table `django_session` of that database.
    #[must_use]
    pub fn new(database: Database, codec: SessionCodec, policy: Arc<ExpiryPolicy>, zone: TimeZone) -> Self {
        Self { rows: Rows::new(database.clone()), database, codec, policy, zone }
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

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// The key of the row that this one finds. On MySQL, whose collation takes `ABC` and `abc ` for `abc`, that may be another.
    pub(super) async fn own_key(&self, key: &SessionKey) -> Result<Option<SessionKey>, StoreError> {
        let db = &self.database;
        if db.vendor() != Vendor::MySql {
            return Ok(Some(key.clone()));
        }
        let own: Result<Option<String>, DatabaseError> = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(OWN_KEY.on(db)).bind(key.as_str()).fetch_optional(pool)).await
        });
        Ok(own.map_err(|error| self.failed(error))?.map(|own| SessionKey::verbatim(&own)))
    }

    fn failed(&self, error: impl Error + Send + Sync + 'static) -> StoreError {
        self.rows.failed(error)
    }

    /// Has a row written: whether it took place.
    fn write(&self, key: &SessionKey, mut change: Change) -> impl Future<Output = Result<bool, StoreError>> {
        if let Some(expected) = change.expected_mut()
            && expected.as_ref().is_some_and(|version| *version.0 == *NO_TEXT)
        {
            // No statement can name it: whatever is there goes.
            *expected = None;
        }
        self.rows.write(Box::new(Write { key: key.clone(), change }))
    }

    async fn read(&self, key: &SessionKey, now: Option<Timestamp>) -> Result<Option<Row>, StoreError> {
        // PostgreSQL refuses NUL in text; no key has one, so nothing is stored under such a key.
        if key.as_str().contains('\0') {
            return Ok(None);
        }
        self.rows.read(Read { key: key.clone(), now }).await
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

    fn encode(&self, data: &Dict) -> Result<Version, StoreError> {
        Ok(Version(Bytes::from(self.codec.encode(data)?)))
    }

    fn decode(&self, row: Row) -> Loaded {
        let Row { text: version, expires, .. } = row;
        let expires = expires.map(|expires| self.time_of(expires));
        if *version.0 == *NO_TEXT {
            tracing::warn!(target: "nuages.session", "a stored session is no text: it counts as empty");
            return Loaded { data: Dict::new(), stale: true, version, expires };
        }
        let decoded = self.codec.decode(text_of(&version));
        Loaded { data: decoded.data, stale: decoded.stale, version, expires }
    }
}

#[async_trait]
impl SessionStore for DbStore {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        let row = self.read(key, Some(self.now()?)).await?.filter(|row| row.live);
        Ok(row.map_or(Load::Missing, |row| Load::Found(self.decode(row))))
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(self.read(key, None).await?.map(|row| self.decode(row)))
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        Ok(self.read(key, None).await?.is_some())
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        let (text, expires) = (self.encode(data)?, self.expire_date(data)?);
        if self.write(key, Change::Insert { text: text.clone(), expires }).await? {
            Ok(Saved { key: key.clone(), version: text })
        } else {
            Err(StoreError::Exists)
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        let (text, expires) = (self.encode(data)?, self.expire_date(data)?);
        let change = Change::Update { text: text.clone(), expires, expected: expected.cloned() };
        match self.write(key, change).await? {
            true => Ok(Saved { key: key.clone(), version: text }),
            false if expected.is_some() && self.exists(key).await? => Err(StoreError::Changed),
            false => Err(StoreError::Gone),
        }
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        let change = Change::Touch { expires: self.expire_date(data)?, expected: expected.cloned() };
        match self.write(key, change).await? {
            true => Ok(()),
            false if expected.is_some() && self.exists(key).await? => Err(StoreError::Changed),
            false => Err(StoreError::Gone),
        }
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        if key.as_str().contains('\0') {
            return Ok(false);
        }
        match self.write(key, Change::Delete { expected: expected.cloned() }).await? {
            false if expected.is_some() && self.exists(key).await? => Err(StoreError::Changed),
            deleted => Ok(deleted),
        }
    }

    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        self.rows.sweep(Sweep { now: self.now()?, at_most }).await
    }

    /// SQLite's log is emptied after each step: a page that many rows have changed is then copied once. On a server a step is one
    /// statement, and the log complains of slow ones.
    fn step_time(&self) -> Duration {
        Duration::from_millis(if self.database.vendor() == Vendor::Sqlite { 4_000 } else { 500 })
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        let db = &self.database;
        let now = self.now()?;
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
        let mut after = after.map_or_else(String::new, |key| key.as_str().to_owned());
        loop {
            let rows: Result<Vec<(StoredText, StoredText, StoredTime)>, DatabaseError> = on_pool!(db, pool => {
                let query = sqlx::query_as(PAGE.on(db)).bind(after.as_str()).bind(i64::from(at_most.get()));
                db.run(query.fetch_all(pool)).await
            });
            let rows = rows.map_err(|error| self.failed(error))?;
            // Keys that are no text come after all that are one (SQLite's order of storage classes).
            let Some((StoredText::Text(last), ..)) =
                rows.iter().rfind(|(key, ..)| *key != StoredText::Unreadable)
            else {
                return Ok(Vec::new());
            };
            after.clone_from(last);
            let row = |(key, text, expires): (StoredText, StoredText, StoredTime)| {
                let key = SessionKey::parse(&key.text()?)?;
                let expired = expires.0.is_none_or(|expires| expires <= now);
                Some(StoredRow { key, expired, loaded: self.decode(Row::new(text, expires, !expired)) })
            };
            let page: Vec<StoredRow> = rows.into_iter().filter_map(row).collect();
            // Somebody's rows may have keys that no cookie can name: a page of these alone is not the end.
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }
}
