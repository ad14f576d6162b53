//! The SQL of a cache's table. Its name comes from the settings, so the texts are made once, when the site starts.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::db::sql::placeholders;
use crate::db::vendor::Vendor;

/// A statement that was put together of constant pieces and quoted names.
#[derive(Debug, Clone)]
pub(super) struct Statement(Arc<str>);

impl Statement {
    fn new(text: String, vendor: Vendor) -> Self {
        Self(placeholders(text, vendor).into())
    }

    /// The text for sqlx; it copies nothing.
    pub(super) fn sql(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// The statements over one table; parameters in the order of the words.
#[derive(Debug)]
pub(super) struct Statements {
    /// key
    pub(super) find: Statement,
    /// key, now
    pub(super) exists: Statement,
    /// key, value, expires
    pub(super) upsert: Statement,
    /// value, expires, key, now: takes the place of an expired row
    pub(super) revive: Statement,
    /// key, value, expires: does nothing where there is a row
    pub(super) insert: Statement,
    /// value, expires, key, now
    pub(super) replace: Statement,
    /// value, expires, key, now, value that is expected
    pub(super) replace_if: Statement,
    /// value, key, value that is expected
    pub(super) count_up: Statement,
    /// expires, key, now
    pub(super) touch: Statement,
    /// expires, key, now, value that is expected
    pub(super) touch_if: Statement,
    /// key
    pub(super) delete: Statement,
    /// key, now
    pub(super) delete_expired_one: Statement,
    /// key, now, value that is expected
    pub(super) delete_if: Statement,
    pub(super) clear: Statement,
    pub(super) count: Statement,
    /// now
    pub(super) delete_expired: Statement,
    /// how many to go over
    pub(super) cull_from: Statement,
    /// key
    pub(super) cull: Statement,
}

impl Statements {
    pub(super) fn new(table: &str, vendor: Vendor) -> Self {
        let quoted = |name: &str| vendor.quote_name(name);
        let (table, key, value, expires) =
            (quoted(table), quoted("cache_key"), quoted("value"), quoted("expires"));
        let make = |text: String| Statement::new(text, vendor);
        // MySQL compares text without regard to case; the base64 of two values may differ in that alone.
        let same = match vendor {
            Vendor::MySql => format!("BINARY {value} = ?"),
            Vendor::Sqlite | Vendor::Postgres => format!("{value} = ?"),
        };
        let row = format!("INTO {table} ({key}, {value}, {expires}) VALUES (?, ?, ?)");
        let (upsert, insert) = match vendor {
            Vendor::MySql => (
                format!(
                    "INSERT {row} ON DUPLICATE KEY UPDATE {value} = VALUES({value}), {expires} = VALUES({expires})"
                ),
                format!("INSERT IGNORE {row}"),
            ),
            Vendor::Sqlite | Vendor::Postgres => (
                format!(
                    "INSERT {row} ON CONFLICT ({key}) DO UPDATE SET {value} = excluded.{value}, {expires} = excluded.{expires}"
                ),
                format!("INSERT {row} ON CONFLICT ({key}) DO NOTHING"),
            ),
        };
        let update = format!("UPDATE {table} SET {value} = ?, {expires} = ? WHERE {key} = ?");
        let live = format!("{key} = ? AND {expires} >= ?");
        Self {
            find: make(format!("SELECT {key}, {value}, {expires} FROM {table} WHERE {key} = ?")),
            exists: make(format!("SELECT COUNT(*) FROM {table} WHERE {live}")),
            upsert: make(upsert),
            revive: make(format!("{update} AND {expires} < ?")),
            insert: make(insert),
            replace: make(format!("{update} AND {expires} >= ?")),
            replace_if: make(format!("{update} AND {expires} >= ? AND {same}")),
            count_up: make(format!("UPDATE {table} SET {value} = ? WHERE {key} = ? AND {same}")),
            touch: make(format!("UPDATE {table} SET {expires} = ? WHERE {live}")),
            touch_if: make(format!("UPDATE {table} SET {expires} = ? WHERE {live} AND {same}")),
            delete: make(format!("DELETE FROM {table} WHERE {key} = ?")),
            delete_expired_one: make(format!("DELETE FROM {table} WHERE {key} = ? AND {expires} < ?")),
            delete_if: make(format!("DELETE FROM {table} WHERE {live} AND {same}")),
            clear: make(format!("DELETE FROM {table}")),
            count: make(format!("SELECT COUNT(*) FROM {table}")),
            delete_expired: make(format!("DELETE FROM {table} WHERE {expires} < ?")),
            cull_from: make(format!("SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?")),
            cull: make(format!("DELETE FROM {table} WHERE {key} < ?")),
        }
    }

    /// The rows of so many keys.
    pub(super) fn find_many(table: &str, vendor: Vendor, keys: usize) -> Statement {
        let [table, key, value, expires] =
            [table, "cache_key", "value", "expires"].map(|name| vendor.quote_name(name));
        let marks = vec!["?"; keys].join(", ");
        Statement::new(
            format!("SELECT {key}, {value}, {expires} FROM {table} WHERE {key} IN ({marks})"),
            vendor,
        )
    }
}
