//! The rows behind a session, as Django's model shows them.

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::db::timestamp::Timestamp;
use nuages::on_pool;
use nuages::prelude::*;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::{Dict, Value};

use crate::custom_db;
use crate::ops::{Raised, stamp};

/// The statements on one table.
struct Table {
    count: Sql,
    get: Sql,
    delete: Sql,
    insert: Sql,
}

static DJANGOS: Table = Table {
    count: Sql::new("SELECT COUNT(*) FROM django_session"),
    get: Sql::new("SELECT session_data, expire_date, NULL FROM django_session WHERE session_key = ?"),
    delete: Sql::new("DELETE FROM django_session WHERE session_key = ?"),
    insert: Sql::new("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)"),
};

static CUSTOM: Table = Table {
    count: Sql::new("SELECT COUNT(*) FROM exerciser_customsession"),
    get: Sql::new(
        // As text, which every kind of database gives alike.
        "SELECT session_data, expire_date, CAST(account_id AS CHAR(20)) FROM exerciser_customsession WHERE session_key = ?",
    ),
    delete: Sql::new("DELETE FROM exerciser_customsession WHERE session_key = ?"),
    insert: Sql::new(
        "INSERT INTO exerciser_customsession (session_key, session_data, expire_date) VALUES (?, ?, ?)",
    ),
};

fn is_custom(project: &Project) -> bool {
    project.sessions().name() == custom_db::ENGINE.name
}

fn table(project: &Project) -> &'static Table {
    if is_custom(project) { &CUSTOM } else { &DJANGOS }
}

fn failed<T>(_: T) -> Raised {
    Raised("Exception")
}

pub(crate) async fn count(project: &Project) -> Result<Value, Raised> {
    let (db, table) = (project.db().map_err(failed)?, table(project));
    let count: Result<i64, _> =
        on_pool!(db, pool => sqlx::query_scalar(table.count.on(db)).fetch_one(pool).await);
    count.map(Value::Int).map_err(failed)
}

pub(crate) async fn get(project: &Project, key: &str) -> Result<Value, Raised> {
    let (db, table) = (project.db().map_err(failed)?, table(project));
    let row: Result<Option<(String, Timestamp, Option<String>)>, _> =
        on_pool!(db, pool => sqlx::query_as(table.get.on(db)).bind(key).fetch_optional(pool).await);
    let (data, expires, account) = row.map_err(failed)?.ok_or(Raised("DoesNotExist"))?;
    let expires = match project.core().use_tz {
        true => DateTime::Aware(expires.utc()),
        // Where the column keeps instants, as in PostgreSQL, Django shows what the clocks of TIME_ZONE show.
        false if db.keeps_instants() => project.sessions().policy().at(expires.utc()),
        false => DateTime::Naive(expires.naive()),
    };
    let mut shown = Dict::from([
        ("session_key", Value::from(key)),
        ("str", Value::from(key)),
        ("data", Value::Dict(project.sessions().codec().decode(&data).data)),
        ("expire_date", Value::DateTime(expires)),
    ]);
    if is_custom(project) {
        let account = account.and_then(|account| account.trim().parse().ok());
        shown.insert("account_id", account.map_or(Value::None, Value::Int));
    }
    Ok(Value::Dict(shown))
}

/// `Session.objects.save()`: an empty dict deletes the row.
pub(crate) async fn save(
    project: &Project,
    key: &str,
    data: &Dict,
    expires: DateTime,
) -> Result<Value, Raised> {
    let (db, table) = (project.db().map_err(failed)?, table(project));
    let text = project.sessions().codec().encode(data)?;
    on_pool!(db, pool => sqlx::query(table.delete.on(db)).bind(key).execute(pool).await.map(|_| ()))
        .map_err(failed)?;
    if !data.is_empty() {
        let done = on_pool!(db, pool => {
            sqlx::query(table.insert.on(db)).bind(key).bind(text.as_str()).bind(stamp(expires)).execute(pool).await.map(|_| ())
        });
        done.map_err(failed)?;
    }
    Ok(Value::None)
}
