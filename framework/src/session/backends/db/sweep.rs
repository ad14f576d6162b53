//! Expired session rows deleted on a server, which locks rows, not tables: a step may take its time.

use std::num::NonZeroU32;

use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::sql::Sql;
use crate::db::timestamp::Timestamp;
use crate::db::vendor::Vendor;
use crate::on_writer;
use crate::session::backends::db::write::until_no_deadlock;
use crate::session::store::Cleared;

/// One step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep {
    pub(super) now: Timestamp,
    pub(super) at_most: NonZeroU32,
}

/// By the rows' places, in whatever order they are found soonest: PostgreSQL then neither sorts them nor looks up their keys.
/// The date is asked for twice because a place alone is no proof: when another transaction renews the row meanwhile,
/// PostgreSQL goes on with what that one wrote.
static CLEAR: Sql = Sql::new(
    "DELETE FROM django_session WHERE expire_date < ? AND ctid = ANY(ARRAY(\
     SELECT ctid FROM django_session WHERE expire_date < ? LIMIT ?))",
);
/// MySQL has no LIMIT in such a subquery, and one in DELETE itself.
static CLEAR_LIMIT: Sql =
    Sql::new("DELETE FROM django_session WHERE expire_date < ? ORDER BY expire_date LIMIT ?");

/// Does one.
pub(super) async fn sweep(db: &Database, sweep: Sweep) -> Result<Cleared, DatabaseError> {
    let Sweep { now, at_most } = sweep;
    let limit = i64::from(at_most.get());
    let mysql = db.vendor() == Vendor::MySql;
    let delete = || async {
        on_writer!(db, pool => {
            let query = if mysql {
                sqlx::query(CLEAR_LIMIT.on(db)).bind(now).bind(limit)
            } else {
                sqlx::query(CLEAR.on(db)).bind(now).bind(now).bind(limit)
            };
            db.run(query.execute(pool)).await.map(|done| done.rows_affected())
        })
    };
    let deleted = until_no_deadlock(delete).await?;
    Ok(Cleared { deleted, more: deleted >= u64::from(at_most.get()) })
}
