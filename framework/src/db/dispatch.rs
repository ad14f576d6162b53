//! One body for every kind of database.

/// Runs the same body on the pool of whichever kind of database this is.
///
/// The body is compiled once for each kind that is built in, with `pool` a `&SqlitePool`, a `&PgPool` or a `&MySqlPool`; so
/// it may use whatever sqlx offers for all of them. Write placeholders as `?` in a [`Sql`](crate::db::sql::Sql).
///
/// ```
/// use nuages::db::database::Database;
/// use nuages::db::sql::Sql;
/// use nuages::db::sqlx;
///
/// static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session");
///
/// async fn sessions(db: &Database) -> Result<i64, sqlx::Error> {
///     nuages::on_pool!(db, pool => sqlx::query_scalar(COUNT.on(db)).fetch_one(pool).await)
/// }
/// ```
#[macro_export]
macro_rules! on_pool {
    ($db:expr, $pool:ident => $body:expr) => {
        $crate::__on_sqlite!(pool, [], $db, $pool, $body)
    };
}

/// The same with the pool for writing.
///
/// On SQLite, where one transaction writes at a time, that is a pool of one connection: writers of this process queue in
/// order instead of polling SQLite's lock. On the others it is the same pool.
#[macro_export]
macro_rules! on_writer {
    ($db:expr, $pool:ident => $body:expr) => {
        $crate::__on_sqlite!(writer, [], $db, $pool, $body)
    };
}

/// The same with a [`KeptPool`](crate::db::kept::KeptPool).
macro_rules! on_kept {
    ($db:expr, $pool:ident => $body:expr) => {
        $crate::__on_sqlite!(kept, [], $db, $pool, $body)
    };
}
pub(crate) use on_kept;

// A `#[cfg]` inside a macro's expansion asks for the features of the crate that uses it. So each kind has a link of the chain
// in two versions, chosen here, that adds its arm or does not.

#[doc(hidden)]
#[macro_export]
#[cfg(feature = "sqlite")]
macro_rules! __on_sqlite {
    ($which:ident, [$($arms:tt)*], $db:expr, $pool:ident, $body:expr) => {
        $crate::__on_postgres!($which, [$($arms)* $crate::db::database::Database::Sqlite(it) => { let $pool = it.$which(); $body }], $db, $pool, $body)
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "sqlite"))]
macro_rules! __on_sqlite {
    ($($all:tt)*) => { $crate::__on_postgres!($($all)*) };
}

#[doc(hidden)]
#[macro_export]
#[cfg(feature = "postgres")]
macro_rules! __on_postgres {
    ($which:ident, [$($arms:tt)*], $db:expr, $pool:ident, $body:expr) => {
        $crate::__on_mysql!($which, [$($arms)* $crate::db::database::Database::Postgres(it) => { let $pool = it.$which(); $body }], $db, $pool, $body)
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "postgres"))]
macro_rules! __on_postgres {
    ($($all:tt)*) => { $crate::__on_mysql!($($all)*) };
}

#[doc(hidden)]
#[macro_export]
#[cfg(feature = "mysql")]
macro_rules! __on_mysql {
    ($which:ident, [$($arms:tt)*], $db:expr, $pool:ident, $body:expr) => {
        match $db { $($arms)* $crate::db::database::Database::MySql(it) => { let $pool = it.$which(); $body } }
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "mysql"))]
macro_rules! __on_mysql {
    ($which:ident, [$($arms:tt)*], $db:expr, $pool:ident, $body:expr) => {
        match $db { $($arms)* }
    };
}
