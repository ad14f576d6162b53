//! `django.core.cache.backends.db.DatabaseCache`: rows of a table, which `manage createcachetable` makes (Django 5.2
//! `core/cache/backends/db.py`).
//!
//! A row is the key, the base64 of the pickled value, and when it expires, in whole seconds. The table is in the database
//! `default`, as it is in a Django site without database routers.

mod statements;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use time::OffsetDateTime;
use time::macros::datetime;

use self::statements::Statements;
use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::cache::options::{CullLimits, OptionReader};
use crate::cache::pickled;
use crate::conf::time_zone::TimeZone;
use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::stored::{StoredText, StoredTime};
use crate::db::timestamp::Timestamp;
use crate::serialize::value::Value;
use crate::{on_pool, on_writer};

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.db.DatabaseCache", build };

/// Why a row cannot be read before its value is looked at.
const NO_ROW_OF_OURS: &str = "the row holds what no cache writes";

/// So many keys are asked for in one statement.
const KEYS_AT_ONCE: usize = 200;

/// So often a number that others count up too is tried to be counted up.
const TRIES: usize = 200;

fn build(parts: &BackendParts<'_>) -> BuiltBackend {
    let mut options = OptionReader::new(parts);
    let limits = CullLimits::read(&mut options);
    let table = parts.settings.location.first();
    if table.is_empty() {
        options.fault("LOCATION", "A database cache needs a table.", "Write LOCATION = \"my_cache_table\".");
    }
    let database = parts.site.databases.default_database();
    if let Err(error) = &database {
        options.fault("BACKEND", error.to_string(), "The cache's table is in the database \"default\".");
    }
    options.finish()?;
    let database =
        database.map_err(|error| vec![parts.fault("nuages.E403", "BACKEND", error.to_string())])?;
    Ok(Arc::new(DatabaseCache {
        alias: parts.alias.to_owned(),
        table: table.to_owned(),
        statements: Statements::new(table, database.vendor()),
        database: database.clone(),
        limits,
        naive_zone: parts.site.naive_zone.cloned(),
    }))
}

/// A cache in a database's table.
#[derive(Debug)]
pub struct DatabaseCache {
    alias: String,
    table: String,
    database: Database,
    statements: Statements,
    limits: CullLimits,
    /// `TIME_ZONE`, without `USE_TZ`.
    naive_zone: Option<TimeZone>,
}

/// A row that has not expired.
struct Live {
    /// The value, as it is stored.
    text: String,
}

impl DatabaseCache {
    fn failed(&self, source: DatabaseError) -> CacheError {
        let (alias, table) = (self.alias.clone(), self.table.clone());
        match source {
            DatabaseError::MissingTable { .. } => {
                CacheError::MissingTable { alias, table, source: Box::new(source) }
            }
            source => CacheError::Database { alias, table, source: Box::new(source) },
        }
    }

    /// A time as the column holds it.
    fn stamp(&self, at: OffsetDateTime) -> Timestamp {
        match &self.naive_zone {
            Some(zone) if !self.database.keeps_instants() => Timestamp::from(zone.local(at)),
            _ => Timestamp::from(at),
        }
    }

    fn now(&self) -> Timestamp {
        self.stamp(OffsetDateTime::now_utc())
    }

    /// The end of that time, in whole seconds as Django writes it.
    fn expires(&self, ttl: Ttl) -> Timestamp {
        let never = datetime!(9999-12-31 23:59:59);
        let end = ttl
            .duration()
            .and_then(|time| OffsetDateTime::now_utc().checked_add(time.try_into().ok()?))
            .and_then(|end| end.replace_nanosecond(0).ok());
        end.map_or(Timestamp::from(never), |end| self.stamp(end).min(Timestamp::from(never)))
    }

    fn text(&self, key: &CacheKey, value: &Value) -> Result<String, CacheError> {
        Ok(BASE64.encode(pickled::dumps(&self.alias, key, value)?))
    }

    fn value(&self, key: &CacheKey, text: &str) -> Result<Value, CacheError> {
        let pickled = BASE64.decode(text).map_err(|source| pickled::unreadable(&self.alias, key, source))?;
        pickled::loads(&self.alias, key, &pickled)
    }

    /// What is live under the key; an expired row goes.
    async fn live(&self, key: &CacheKey) -> Result<Option<Live>, CacheError> {
        let db = &self.database;
        let row: Option<(StoredText, StoredText, StoredTime)> = on_pool!(db, pool => {
            db.run(sqlx::query_as(self.statements.find.sql()).bind(key.as_str()).fetch_optional(pool)).await
        })
        .map_err(|error| self.failed(error))?;
        // A database that does not tell cases apart finds other keys too.
        let Some((StoredText::Text(found), text, StoredTime(expires))) = row else { return Ok(None) };
        if found != key.as_str() {
            return Ok(None);
        }
        let (Some(text), Some(expires)) = (text.text(), expires) else {
            return Err(pickled::unreadable(&self.alias, key, NO_ROW_OF_OURS));
        };
        if expires < self.now() {
            self.delete_expired(key).await?;
            return Ok(None);
        }
        Ok(Some(Live { text }))
    }

    async fn delete_expired(&self, key: &CacheKey) -> Result<(), CacheError> {
        let (db, sql, now) = (&self.database, self.statements.delete_expired_one.sql(), self.now());
        on_writer!(db, pool => {
            db.run(sqlx::query(sql).bind(key.as_str()).bind(now).execute(pool)).await.map(|_| ())
        })
        .map_err(|error| self.failed(error))
    }

    /// Makes room when there are too many rows: first the expired ones go, then those whose keys come first.
    async fn cull(&self) -> Result<(), CacheError> {
        let (db, statements) = (&self.database, &self.statements);
        let count: i64 = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(statements.count.sql()).fetch_one(pool)).await
        })
        .map_err(|error| self.failed(error))?;
        let most = i64::try_from(self.limits.max_entries).unwrap_or(i64::MAX);
        if count <= most {
            return Ok(());
        }
        let frequency = i64::try_from(self.limits.cull_frequency).unwrap_or(i64::MAX);
        if frequency == 0 {
            return self.clear().await;
        }
        let now = self.now();
        let deleted = on_writer!(db, pool => {
            db.run(sqlx::query(statements.delete_expired.sql()).bind(now).execute(pool)).await.map(|done| done.rows_affected())
        })
        .map_err(|error| self.failed(error))?;
        let left = count.saturating_sub(i64::try_from(deleted).unwrap_or(i64::MAX));
        if left <= most {
            return Ok(());
        }
        let last: Option<String> = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(statements.cull_from.sql()).bind(left / frequency).fetch_optional(pool)).await
        })
        .map_err(|error| self.failed(error))?;
        let Some(last) = last else { return Ok(()) };
        on_writer!(db, pool => {
            db.run(sqlx::query(statements.cull.sql()).bind(last).execute(pool)).await.map(|_| ())
        })
        .map_err(|error| self.failed(error))
    }
}

fn text_of(version: &Version) -> &str {
    // A version is made of a text alone; were it not, it would equal no row.
    std::str::from_utf8(&version.0).unwrap_or_default()
}

#[async_trait]
impl CacheBackend for DatabaseCache {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        let live = self.live(key).await?;
        live.map(|live| self.value(key, &live.text)).transpose()
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        let Some(live) = self.live(key).await? else { return Ok(None) };
        Ok(Some((self.value(key, &live.text)?, Version(Bytes::from(live.text)))))
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        let db = &self.database;
        let mut found: Vec<(String, Option<String>)> = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_AT_ONCE) {
            let statement = Statements::find_many(&self.table, db.vendor(), some.len());
            let rows: Vec<(StoredText, StoredText, StoredTime)> = on_pool!(db, pool => {
                let mut query = sqlx::query_as(statement.sql()).persistent(false);
                for key in some {
                    query = query.bind(key.as_str());
                }
                db.run(query.fetch_all(pool)).await
            })
            .map_err(|error| self.failed(error))?;
            let now = self.now();
            for (name, text, StoredTime(expires)) in rows {
                let Some(name) = name.text() else { continue };
                if expires.is_none_or(|expires| expires >= now) {
                    found.push((name, text.text().filter(|_| expires.is_some())));
                }
            }
        }
        let texts: std::collections::HashMap<&str, Option<&str>> =
            found.iter().map(|(name, text)| (name.as_str(), text.as_deref())).collect();
        let value = |key: &CacheKey| match texts.get(key.as_str())? {
            Some(text) => Some(self.value(key, text)),
            None => Some(Err(pickled::unreadable(&self.alias, key, NO_ROW_OF_OURS))),
        };
        keys.iter().map(|key| value(key).transpose()).collect()
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let (db, now) = (&self.database, self.now());
        let count: i64 = on_pool!(db, pool => {
            db.run(sqlx::query_scalar(self.statements.exists.sql()).bind(key.as_str()).bind(now).fetch_one(pool)).await
        })
        .map_err(|error| self.failed(error))?;
        Ok(count > 0)
    }

    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        if ttl == Ttl::Now {
            return self.delete(key).await.map(|_| ());
        }
        let text = self.text(key, value)?;
        self.cull().await?;
        let (db, expires) = (&self.database, self.expires(ttl));
        on_writer!(db, pool => {
            let query = sqlx::query(self.statements.upsert.sql()).bind(key.as_str()).bind(text).bind(expires);
            db.run(query.execute(pool)).await.map(|_| ())
        })
        .map_err(|error| self.failed(error))
    }

    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        for (key, value) in entries {
            self.set(key, value, ttl).await?;
        }
        Ok(Vec::new())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let text = self.text(key, value)?;
        if ttl == Ttl::Now {
            return Ok(!self.has_key(key).await?);
        }
        self.cull().await?;
        let (db, expires, now) = (&self.database, self.expires(ttl), self.now());
        let rows = on_writer!(db, pool => {
            let insert = sqlx::query(self.statements.insert.sql()).bind(key.as_str()).bind(&text).bind(expires);
            match db.run(insert.execute(pool)).await.map(|done| done.rows_affected()) {
                Ok(0) => {
                    let revive = sqlx::query(self.statements.revive.sql()).bind(&text).bind(expires);
                    let revive = revive.bind(key.as_str()).bind(now);
                    db.run(revive.execute(pool)).await.map(|done| done.rows_affected())
                }
                done => done,
            }
        });
        Ok(rows.map_err(|error| self.failed(error))? > 0)
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let text = self.text(key, value)?;
        let (db, expires, now) = (&self.database, self.expires(ttl), self.now());
        let rows = on_writer!(db, pool => match expected {
            None => {
                let query = sqlx::query(self.statements.replace.sql()).bind(&text).bind(expires);
                let query = query.bind(key.as_str()).bind(now);
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
            Some(expected) => {
                let query = sqlx::query(self.statements.replace_if.sql()).bind(&text).bind(expires);
                let query = query.bind(key.as_str()).bind(now).bind(text_of(expected));
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            }
        });
        match rows.map_err(|error| self.failed(error))? {
            0 if expected.is_some() && self.has_key(key).await? => Ok(Replaced::Changed),
            0 => Ok(Replaced::Missing),
            _ => Ok(Replaced::Stored(Version(Bytes::from(text)))),
        }
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        if ttl == Ttl::Now {
            return self.delete(key).await;
        }
        let (db, expires, now) = (&self.database, self.expires(ttl), self.now());
        let rows = on_writer!(db, pool => {
            let query = sqlx::query(self.statements.touch.sql()).bind(expires).bind(key.as_str()).bind(now);
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        Ok(rows.map_err(|error| self.failed(error))? > 0)
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        if ttl == Ttl::Now {
            return Ok(match self.delete_if(key, expected).await? {
                Deleted::Deleted => Touched::Touched,
                Deleted::Missing => Touched::Missing,
                Deleted::Changed => Touched::Changed,
            });
        }
        let (db, expires, now) = (&self.database, self.expires(ttl), self.now());
        let rows = on_writer!(db, pool => {
            let query = sqlx::query(self.statements.touch_if.sql()).bind(expires);
            let query = query.bind(key.as_str()).bind(now).bind(text_of(expected));
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        match rows.map_err(|error| self.failed(error))? {
            0 if self.has_key(key).await? => Ok(Touched::Changed),
            0 => Ok(Touched::Missing),
            _ => Ok(Touched::Touched),
        }
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let db = &self.database;
        for _ in 0..TRIES {
            let Some(live) = self.live(key).await? else { return Ok(None) };
            let sum = pickled::sum(&self.value(key, &live.text)?, delta)
                .ok_or_else(|| pickled::not_a_number(&self.alias, key, delta))?;
            let text = self.text(key, &Value::Int(sum))?;
            let rows = on_writer!(db, pool => {
                let query = sqlx::query(self.statements.count_up.sql()).bind(text).bind(key.as_str()).bind(live.text);
                db.run(query.execute(pool)).await.map(|done| done.rows_affected())
            });
            if rows.map_err(|error| self.failed(error))? > 0 {
                return Ok(Some(sum));
            }
        }
        Err(CacheError::Busy { alias: self.alias.clone(), key: key.as_str().to_owned(), tries: TRIES })
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let (db, there) = (&self.database, self.has_key(key).await?);
        let rows = on_writer!(db, pool => {
            let query = sqlx::query(self.statements.delete.sql()).bind(key.as_str());
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        Ok(rows.map_err(|error| self.failed(error))? > 0 && there)
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let (db, now) = (&self.database, self.now());
        let rows = on_writer!(db, pool => {
            let query = sqlx::query(self.statements.delete_if.sql()).bind(key.as_str()).bind(now).bind(text_of(expected));
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        });
        match rows.map_err(|error| self.failed(error))? {
            0 if self.has_key(key).await? => Ok(Deleted::Changed),
            0 => Ok(Deleted::Missing),
            _ => Ok(Deleted::Deleted),
        }
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        let db = &self.database;
        for key in keys {
            on_writer!(db, pool => {
                db.run(sqlx::query(self.statements.delete.sql()).bind(key.as_str()).execute(pool)).await.map(|_| ())
            })
            .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), CacheError> {
        let db = &self.database;
        on_writer!(db, pool => {
            db.run(sqlx::query(self.statements.clear.sql()).execute(pool)).await.map(|_| ())
        })
        .map_err(|error| self.failed(error))
    }

    /// The connections are the database's.
    async fn close(&self) {}
}
