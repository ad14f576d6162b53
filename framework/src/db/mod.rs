//! Databases: the pools, Django's timestamps, migrations.
//!
//! A view asks for its database and writes SQL; there is no ORM. [`on_pool!`](crate::on_pool) runs one query on whichever
//! kind of database the settings chose, [`Database::run`](database::Database::run) limits its time and explains its errors:
//!
//! ```
//! use nuages::db::database::Database;
//! use nuages::db::error::DatabaseError;
//! use nuages::db::sql::Sql;
//! use nuages::db::sqlx;
//!
//! static NAMES: Sql = Sql::new("SELECT name FROM shop_product WHERE price < ? ORDER BY name");
//!
//! async fn cheap(db: &Database, limit: i64) -> Result<Vec<String>, DatabaseError> {
//!     nuages::on_pool!(db, pool => {
//!         db.run(sqlx::query_scalar::<_, String>(NAMES.on(db)).bind(limit).fetch_all(pool)).await
//!     })
//! }
//! ```
//!
//! # What a call costs
//!
//! Every SQLite connection has a thread of its own, and sqlx talks to it through channels. A query on a pool is: a permit of
//! the pool (no wait while a connection is free), one message to the thread and one back, and afterwards, in a task of its
//! own that the caller does not wait for, one ping with which sqlx returns the connection. The statement is prepared once
//! per connection and text, and found again by its text (100 texts a connection). Code that has many queries to run keeps
//! a connection (`pool.acquire()`) and saves the permit and the ping.
//!
//! Session rows go another way, since every request of a visitor reads one: a
//! [`SqliteThread`](sqlite_thread::SqliteThread) does in one go what waits at the same moment.
//!
//! On PostgreSQL and MySQL a query is one round trip once its statement is prepared; a connection that lay idle for more
//! than a second is pinged before it is used, so that a restarted server costs no failed request.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("nuages needs at least one of its cargo features `sqlite`, `postgres`, `mysql`");

#[cfg(feature = "sqlite")]
pub(crate) mod bell;
pub mod connection;
pub mod database;
pub mod dispatch;
pub mod error;
pub(crate) mod kept;
pub mod lexer;
pub mod migrations;
#[cfg(feature = "mysql")]
pub mod mysql;
pub mod options;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod server_pool;
pub mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_direct;
#[cfg(feature = "sqlite")]
pub mod sqlite_failure;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_log;
#[cfg(feature = "sqlite")]
pub mod sqlite_thread;
pub(crate) mod statement_log;
pub(crate) mod stored;
pub mod timestamp;
pub mod vendor;

/// The driver crate, so that an app needs no version of its own.
pub use sqlx;
