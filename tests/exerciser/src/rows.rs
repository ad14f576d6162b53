//! The rows behind a db session, as Django's model shows them.

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::db::timestamp::Timestamp;
use nuages::on_pool;
use nuages::prelude::*;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::{Dict, Value};

use crate::ops::{Raised, stamp};

static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session");
static GET: Sql = Sql::new("SELECT session_data, expire_date FROM django_session WHERE session_key = ?");
static DELETE: Sql = Sql::new("DELETE FROM django_session WHERE session_key = ?");
static INSERT: Sql =
    Sql::new("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)");

fn failed<T>(_: T) -> Raised {
    Raised("Exception")
}

pub(crate) async fn count(project: &Project) -> Result<Value, Raised> {
    let db = project.db().map_err(failed)?;
    let count: Result<i64, _> = on_pool!(db, pool => sqlx::query_scalar(COUNT.on(db)).fetch_one(pool).await);
    count.map(Value::Int).map_err(failed)
}

pub(crate) async fn get(project: &Project, key: &str) -> Result<Value, Raised> {
    let db = project.db().map_err(failed)?;
    let row: Result<Option<(String, Timestamp)>, _> =
        on_pool!(db, pool => sqlx::query_as(GET.on(db)).bind(key).fetch_optional(pool).await);
    let (data, expires) = row.map_err(failed)?.ok_or(Raised("DoesNotExist"))?;
    let aware = project.core().use_tz;
    let expires = if aware { DateTime::Aware(expires.utc()) } else { DateTime::Naive(expires.naive()) };
    Ok(Value::Dict(Dict::from([
        ("session_key", Value::from(key)),
        ("str", Value::from(key)),
        ("data", Value::Dict(project.sessions().codec().decode(&data).data)),
        ("expire_date", Value::DateTime(expires)),
    ])))
}

/// `Session.objects.save()`: an empty dict deletes the row.
pub(crate) async fn save(
    project: &Project,
    key: &str,
    data: &Dict,
    expires: DateTime,
) -> Result<Value, Raised> {
    let db = project.db().map_err(failed)?;
    let text = project.sessions().codec().encode(data)?;
    on_pool!(db, pool => sqlx::query(DELETE.on(db)).bind(key).execute(pool).await.map(|_| ()))
        .map_err(failed)?;
    if !data.is_empty() {
        let done = on_pool!(db, pool => {
            sqlx::query(INSERT.on(db)).bind(key).bind(text.as_str()).bind(stamp(expires)).execute(pool).await.map(|_| ())
        });
        done.map_err(failed)?;
    }
    Ok(Value::None)
}
