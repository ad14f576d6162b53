//! Expired session rows deleted on a server, which locks rows, not tables: a step may take its time.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// PostgreSQL goes through a part of the table as it lies there: each block once, and neither are places put into order nor are rows
/// that an earlier step has deleted looked at again.
static CLEAR_BLOCKS: Sql = Sql::new(
    "DELETE FROM django_session WHERE expire_date < ? AND ctid >= CAST(CAST(? AS text) AS tid) \
     AND ctid < CAST(CAST(? AS text) AS tid)",
);
/// How many blocks there are and how many rows one has at most: 24 bytes are its own, and no row takes less than 28. From
/// version 14 on: before it, every part would be looked for in the whole table.
static BLOCKS: Sql = Sql::new(
    "SELECT pg_relation_size('django_session') / CAST(current_setting('block_size') AS bigint), \
     (CAST(current_setting('block_size') AS bigint) - 24) / 28 \
     WHERE CAST(current_setting('server_version_num') AS integer) >= 140000",
);

/// Deletes expired rows.
///
/// The first step deletes some, wherever they are. If there may be more of them, PostgreSQL's table is gone through from its beginning
/// to its end.
#[derive(Debug, Default)]
pub(super) struct ServerSweeper {
    /// What is still to be gone through.
    left: Mutex<Option<Blocks>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Blocks {
    numbers: Range<i64>,
    /// How many rows one has at most.
    rows: i64,
    /// When the last step ended.
    since: Instant,
}

/// Whoever sweeps goes on at once. What somebody gave up so long ago is begun anew: rows have expired since where that one has been.
const GIVEN_UP: Duration = Duration::from_secs(5);

impl Blocks {
    /// Those that have no more than so many rows, and what is then left; `None` if a single one may have more.
    fn split(self, at_most: NonZeroU32) -> Option<(Range<i64>, Option<Self>)> {
        let Range { start, end } = self.numbers;
        let count = Some(i64::from(at_most.get()) / self.rows.max(1)).filter(|count| *count > 0)?;
        let until = start.saturating_add(count).min(end);
        Some((start..until, (until < end).then_some(Self { numbers: until..end, ..self })))
    }
}

/// Forgets what is left, unless the step came to its end: the next one then begins anew.
struct Unfinished<'a>(Option<&'a ServerSweeper>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(sweeper) = self.0 {
            *sweeper.left() = None;
        }
    }
}

impl ServerSweeper {
    fn left(&self) -> MutexGuard<'_, Option<Blocks>> {
        // Nothing panics while it is held.
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The blocks of the next step, and whether it is not the last.
    fn next(&self, at_most: NonZeroU32) -> Option<(Range<i64>, bool)> {
        let mut left = self.left();
        let (part, rest) = left.take().filter(|left| left.since.elapsed() < GIVEN_UP)?.split(at_most)?;
        *left = rest;
        Some((part, left.is_some()))
    }

    /// Does one step.
    pub(super) async fn sweep(&self, db: &Database, sweep: Sweep) -> Result<Cleared, DatabaseError> {
        let mut unfinished = Unfinished(Some(self));
        let cleared = match self.next(sweep.at_most) {
            Some((blocks, more)) => {
                let deleted = until_no_deadlock(|| delete_from(db, sweep.now, &blocks)).await?;
                Cleared { deleted, more }
            }
            None => {
                let deleted = until_no_deadlock(|| delete(db, sweep)).await?;
                let more = deleted >= u64::from(sweep.at_most.get());
                if more && db.vendor() == Vendor::Postgres {
                    *self.left() = blocks(db).await?;
                }
                Cleared { deleted, more }
            }
        };
        unfinished.0 = None;
        if let Some(left) = &mut *self.left() {
            left.since = Instant::now();
        }
        Ok(cleared)
    }
}

async fn delete(db: &Database, sweep: Sweep) -> Result<u64, DatabaseError> {
    let Sweep { now, at_most } = sweep;
    let limit = i64::from(at_most.get());
    let mysql = db.vendor() == Vendor::MySql;
    on_writer!(db, pool => {
        let query = if mysql {
            sqlx::query(CLEAR_LIMIT.on(db)).bind(now).bind(limit)
        } else {
            sqlx::query(CLEAR.on(db)).bind(now).bind(now).bind(limit)
        };
        db.run(query.execute(pool)).await.map(|done| done.rows_affected())
    })
}

async fn delete_from(db: &Database, now: Timestamp, blocks: &Range<i64>) -> Result<u64, DatabaseError> {
    let place = |block: i64| format!("({block},0)");
    let (from, to) = (place(blocks.start), place(blocks.end));
    on_writer!(db, pool => {
        let query = sqlx::query(CLEAR_BLOCKS.on(db)).bind(now).bind(from).bind(to);
        db.run(query.execute(pool)).await.map(|done| done.rows_affected())
    })
}

/// The table's, if it can be gone through in parts.
async fn blocks(db: &Database) -> Result<Option<Blocks>, DatabaseError> {
    let found: Option<(i64, i64)> = on_writer!(db, pool => {
        db.run(sqlx::query_as(BLOCKS.on(db)).fetch_optional(pool)).await
    })?;
    // A table that is made of others has none of its own.
    let found = found.filter(|(count, _)| *count > 0);
    Ok(found.map(|(count, rows)| Blocks { numbers: 0..count, rows, since: Instant::now() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(numbers: Range<i64>, at_most: u32) -> Option<(Range<i64>, Option<Range<i64>>)> {
        let (part, rest) =
            Blocks { numbers, rows: 291, since: Instant::now() }.split(NonZeroU32::new(at_most).unwrap())?;
        Some((part, rest.map(|rest| rest.numbers)))
    }

    #[test]
    fn a_part_has_no_more_rows_than_are_wanted() {
        assert_eq!(split(0..9, 290), None);
        assert_eq!(split(0..9, 291), Some((0..1, Some(1..9))));
        assert_eq!(split(3..9, 1_000), Some((3..6, Some(6..9))));
        assert_eq!(split(6..9, 1_000), Some((6..9, None)));
        assert_eq!(split(8..9, u32::MAX), Some((8..9, None)));
    }

    #[test]
    fn a_step_that_was_cut_off_has_the_next_one_begin_anew() {
        let sweeper = ServerSweeper::default();
        let whole = Blocks { numbers: 0..9, rows: 1, since: Instant::now() };
        *sweeper.left() = Some(whole.clone());
        let (five, all) = (NonZeroU32::new(5).unwrap(), NonZeroU32::MAX);
        assert_eq!(sweeper.next(five), Some((0..5, true)));
        drop(Unfinished(None));
        assert_eq!(sweeper.next(all), Some((5..9, false)));
        assert_eq!(sweeper.next(all), None);
        *sweeper.left() = Some(whole);
        sweeper.next(five);
        drop(Unfinished(Some(&sweeper)));
        assert_eq!(sweeper.next(five), None);
    }

    #[test]
    fn what_was_given_up_long_ago_is_begun_anew() {
        let sweeper = ServerSweeper::default();
        let Some(since) = Instant::now().checked_sub(GIVEN_UP) else { panic!("a clock that has just begun") };
        *sweeper.left() = Some(Blocks { numbers: 4..9, rows: 1, since });
        assert_eq!(sweeper.next(NonZeroU32::MAX), None);
        assert_eq!(*sweeper.left(), None);
    }
}
