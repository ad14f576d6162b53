//! Session rows on a server in groups: one way there and back for all that wait, and one commit.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;

use std::collections::HashMap;
use std::sync::Arc;

use crate::db::database::Database;
use crate::db::error::DatabaseError;
#[cfg(feature = "sqlite")]
use crate::db::vendor::Vendor;
use crate::grouping::group::{Asked, Work};
use crate::session::backends::db::beside::Beside;
use crate::session::backends::db::read::{Found, Read, Row};
use crate::session::backends::db::steps::{Step, steps};
use crate::session::backends::db::write::{AskedWrite, Write, Written};

/// Reads rows.
#[derive(Debug)]
pub(super) struct GroupReader(Database);

impl GroupReader {
    pub(super) const fn new(database: Database) -> Self {
        Self(database)
    }
}

impl Work for GroupReader {
    type Owner = Database;
    type Job = Read;
    type Answer = Found;

    async fn run(&mut self, jobs: Vec<Asked<Read, Found>>) {
        match select(&self.0, &jobs).await {
            Ok(rows) => {
                for waiting in jobs {
                    let row = rows.get(waiting.job.key.as_str()).cloned();
                    waiting.answer(Ok(row));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for waiting in jobs {
                    waiting.answer(Err(Arc::clone(&error)));
                }
            }
        }
    }

    async fn end(self) {}
}

/// Writes rows.
#[derive(Debug)]
pub(super) struct GroupWriter {
    database: Database,
    beside: Beside,
    /// Until the server said that it knows no such statements: MariaDB before 10.6.
    together: bool,
}

impl GroupWriter {
    pub(super) fn new(database: Database) -> Self {
        Self { beside: Beside::new(database.clone()), database, together: true }
    }
}

impl Work for GroupWriter {
    type Owner = Database;
    type Job = Box<Write>;
    type Answer = Written;

    async fn run(&mut self, jobs: Vec<AskedWrite<Written>>) {
        for Step { kind, jobs } in steps(jobs) {
            let step = Step { kind, jobs: self.beside.behind(jobs).await };
            if step.jobs.is_empty() {
                continue;
            }
            let written = if self.together { write(&self.database, &step).await } else { Ok(Vec::new()) };
            if written.as_ref().is_err_and(DatabaseError::is_syntax) {
                let database = self.database.alias();
                tracing::warn!(target: "nuages.session", database, "the server is too old to write session rows together");
                self.together = false;
            }
            let done = match written {
                Ok(mut done) => {
                    done.sort_unstable();
                    done
                }
                // One of them is at fault, or another process came in between: nothing was changed, and each by itself will
                // tell.
                Err(DatabaseError::Query { .. } | DatabaseError::Locked { .. }) => Vec::new(),
                Err(error) => {
                    let error = Arc::new(error);
                    for waiting in step.jobs {
                        waiting.answer(Err(Arc::clone(&error)));
                    }
                    continue;
                }
            };
            for waiting in step.jobs {
                if done.binary_search_by(|key| key.as_str().cmp(waiting.job.key.as_str())).is_ok() {
                    waiting.answer(Ok(true));
                } else {
                    // Not there, changed, or locked by somebody else's transaction: that takes a closer look, for which
                    // nobody else is to wait.
                    self.beside.begin(waiting).await;
                }
            }
        }
    }

    async fn end(self) {
        self.beside.end().await;
    }
}

/// The rows that there are, by their keys.
async fn select(
    database: &Database,
    jobs: &[Asked<Read, Found>],
) -> Result<HashMap<String, Row>, DatabaseError> {
    match database {
        #[cfg(feature = "mysql")]
        Database::MySql(it) => mysql::select(database, &it.kept(), jobs).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(it) => postgres::select(database, it.kept(), jobs).await,
        #[cfg(feature = "sqlite")]
        Database::Sqlite(_) => Err(database.wrong_kind(Vendor::Postgres)),
    }
}

/// The keys of the writes that took place: all of them are tried, or none.
async fn write(database: &Database, step: &Step<Written>) -> Result<Vec<String>, DatabaseError> {
    match database {
        #[cfg(feature = "mysql")]
        Database::MySql(_) => mysql::write(database, step).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(it) => postgres::write(database, it.kept(), step).await,
        #[cfg(feature = "sqlite")]
        Database::Sqlite(_) => Err(database.wrong_kind(Vendor::Postgres)),
    }
}
