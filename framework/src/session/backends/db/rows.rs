//! The way to a session's row: with others that are wanted at the same moment, where that costs less.

use std::error::Error;

use futures_util::FutureExt as _;

use crate::db::database::Database;
use crate::db::dispatch::on_kept;
use crate::db::error::DatabaseError;
use crate::db::sql::Sql;
#[cfg(feature = "sqlite")]
use crate::db::sqlite_failure::SqliteFailure;
#[cfg(feature = "sqlite")]
use crate::db::sqlite_thread::SqliteThread;
use crate::db::statement_log;
use crate::db::stored::{StoredText, StoredTime};
use crate::db::vendor::Vendor;
use crate::grouping::group::Closed;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::grouping::group::Group;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::grouping::lane::Lane;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::session::backends::db::groups::{GroupReader, GroupWriter};
use crate::session::backends::db::read::{Read, Row};
#[cfg(feature = "sqlite")]
use crate::session::backends::db::sqlite_reader::SqliteReader;
#[cfg(feature = "sqlite")]
use crate::session::backends::db::sqlite_sweeper::SqliteSweeper;
#[cfg(feature = "sqlite")]
use crate::session::backends::db::sqlite_writer::SqliteWriter;
use crate::session::backends::db::sweep::{ServerSweeper, Sweep};
use crate::session::backends::db::write::{Write, alone};
use crate::session::store::{Cleared, StoreError};

/// The rows of `django_session`, one by one.
#[derive(Debug)]
pub(super) struct Rows {
    database: Database,
    way: Way,
    sweeper: ServerSweeper,
}

#[derive(Debug)]
enum Way {
    /// SQLite has one writer at a time, and wants a thread that may block: whatever waits shares both.
    #[cfg(feature = "sqlite")]
    Threads {
        reads: SqliteThread<SqliteReader>,
        writes: SqliteThread<SqliteWriter>,
        sweeps: SqliteThread<SqliteSweeper>,
    },
    /// A statement for many rows is one way to the server and back, and one commit.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    Groups { reads: Group<GroupReader>, read_alone: Lane, writes: Group<GroupWriter>, write_alone: Lane },
    /// Each row by itself.
    Pool,
}

/// What the log tells of a row that is read with others.
const READ: &str = "SELECT a row of django_session";
const WRITE: &str = "write a row of django_session";
#[cfg(feature = "sqlite")]
const SWEEP: &str = "DELETE FROM django_session WHERE expire_date …";

static FIND: Sql =
    Sql::new("SELECT session_data, expire_date, expire_date > ? FROM django_session WHERE session_key = ?");

impl Rows {
    pub(super) fn new(database: Database) -> Self {
        let way = match database.vendor() {
            #[cfg(feature = "sqlite")]
            Vendor::Sqlite => Way::Threads {
                reads: SqliteThread::new(database.clone(), "session-reader", SqliteReader::default),
                writes: SqliteThread::new(database.clone(), "session-writer", SqliteWriter::default),
                sweeps: SqliteThread::new(database.clone(), "session-sweeper", SqliteSweeper::default),
            },
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Vendor::Postgres | Vendor::MySql => Way::Groups {
                reads: Group::new(database.clone(), GroupReader::new),
                read_alone: Lane::default(),
                writes: Group::new(database.clone(), GroupWriter::new),
                write_alone: Lane::default(),
            },
            #[allow(unreachable_patterns, reason = "which kinds there are is up to the features")]
            Vendor::Sqlite | Vendor::Postgres | Vendor::MySql => Way::Pool,
        };
        Self { database, way, sweeper: ServerSweeper::default() }
    }

    /// The row, and whether it lives at that time.
    ///
    /// What sqlx does has futures of many kilobytes: they are put on the heap where they are wanted, so that no other way has room for
    /// them.
    pub(super) async fn read(&self, read: Read) -> Result<Option<Row>, StoreError> {
        match &self.way {
            #[cfg(feature = "sqlite")]
            Way::Threads { reads, .. } => {
                statement_log::tell(READ);
                self.told(self.in_time(reads.ask(read)).await?).await
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Way::Groups { reads, read_alone, .. } if read.key.is_plain() => match read_alone.take() {
                Some(_taken) => Box::pin(self.read_alone(&read)).await,
                None => {
                    let _grouped = read_alone.join();
                    statement_log::tell(READ);
                    self.in_time(reads.ask(read)).await?.map_err(|error| self.failed(error))
                }
            },
            // MySQL's collation may find a key that nobody drew under another name than it was asked for.
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Way::Groups { .. } => Box::pin(self.read_alone(&read)).await,
            Way::Pool => Box::pin(self.read_alone(&read)).await,
        }
    }

    /// Has a row written: whether it took place.
    pub(super) async fn write(&self, write: Box<Write>) -> Result<bool, StoreError> {
        match &self.way {
            #[cfg(feature = "sqlite")]
            Way::Threads { writes, .. } => {
                statement_log::tell(WRITE);
                self.told(self.in_time(writes.ask(write)).await?).await
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Way::Groups { writes, write_alone, .. } => match write_alone.take() {
                Some(_taken) => Box::pin(self.write_alone(&write)).await,
                None => {
                    let _grouped = write_alone.join();
                    statement_log::tell(WRITE);
                    self.in_time(writes.ask(write)).await?.map_err(|error| self.failed(error))
                }
            },
            Way::Pool => Box::pin(self.write_alone(&write)).await,
        }
    }

    /// Deletes expired rows, in one step.
    pub(super) async fn sweep(&self, step: Sweep) -> Result<Cleared, StoreError> {
        match &self.way {
            #[cfg(feature = "sqlite")]
            Way::Threads { sweeps, .. } => {
                statement_log::tell(SWEEP);
                self.told(self.in_time(sweeps.ask(step)).await?).await
            }
            _ => {
                let swept = Box::pin(self.sweeper.sweep(&self.database, step)).await;
                swept.map_err(|error| self.failed(error))
            }
        }
    }

    async fn read_alone(&self, read: &Read) -> Result<Option<Row>, StoreError> {
        let db = &self.database;
        let row: Result<Option<(StoredText, StoredTime, Option<bool>)>, DatabaseError> = on_kept!(db, pool => {
            let query = sqlx::query_as(FIND.on(db)).bind(read.now).bind(read.key.as_str());
            let found = async {
                let mut connection = pool.get().await?;
                let found = query.fetch_optional(&mut *connection).await?;
                connection.keep();
                Ok(found)
            };
            db.run(found).await
        });
        let row = row.map_err(|error| self.failed(error))?;
        Ok(row.map(|(text, expires, live)| Row::new(text, expires, live == Some(true))))
    }

    async fn write_alone(&self, write: &Write) -> Result<bool, StoreError> {
        alone(&self.database, write).await.map_err(|error| self.failed(error))
    }

    #[cfg(feature = "sqlite")]
    async fn told<T>(&self, answer: Result<T, SqliteFailure>) -> Result<T, StoreError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let explained = Box::pin(self.database.explain(failure.into_driver_error()));
                Err(self.failed(explained.await))
            }
        }
    }

    /// It is no `async fn`, which would have room for the question twice.
    fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, Closed>>,
    ) -> impl Future<Output = Result<T, StoreError>> {
        let after = self.database.statement_timeout();
        tokio::time::timeout(after, asked).map(move |answer| match answer {
            Ok(answer) => answer.map_err(|closed| self.failed(closed)),
            Err(_) => {
                Err(self.failed(DatabaseError::Timeout { alias: self.database.alias().to_owned(), after }))
            }
        })
    }

    pub(super) fn failed(&self, error: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Backend {
            store: format!("database {:?}", self.database.alias()),
            source: Box::new(error),
        }
    }
}
