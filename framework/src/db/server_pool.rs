//! The connections to a database server, each greeted before it is used.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Database, Executor, Pool};

use crate::db::kept::{Kept, KeptPool};
use crate::db::options::{PoolSize, TRUST_IDLE};

/// How one connects to a server of the kind `D`.
type Options<D> = <<D as Database>::Connection as Connection>::Options;

/// A pool that is made when it is first asked for, so that no server is asked before.
#[derive(Debug)]
pub(crate) struct ServerPool<D: Database> {
    connect: Options<D>,
    /// What each new connection is told first.
    pub(crate) greeting: String,
    size: PoolSize,
    pool: OnceLock<Pool<D>>,
    kept: Arc<Kept<D>>,
}

impl<D: Database> ServerPool<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    pub(crate) fn new(connect: Options<D>, greeting: String, size: PoolSize) -> Self {
        let kept = Kept::of(&size);
        Self { connect, greeting, size, pool: OnceLock::new(), kept }
    }

    pub(crate) fn pool(&self) -> &Pool<D> {
        self.pool.get_or_init(|| {
            let greeting = self.greeting.clone();
            self.size
                .options::<D>()
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        if meta.idle_for > TRUST_IDLE {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .after_connect(move |connection, _| {
                    let greeting = greeting.clone();
                    Box::pin(async move {
                        connection.execute(sqlx::raw_sql(AssertSqlSafe(greeting))).await?;
                        Ok(())
                    })
                })
                .connect_lazy_with(self.connect.clone())
        })
    }

    /// The pool, and the connections of it that are kept from one statement to the next.
    pub(crate) fn kept(&self) -> KeptPool<'_, D> {
        KeptPool { pool: self.pool(), kept: Some(&self.kept) }
    }

    /// A connection beside the pool.
    pub(crate) async fn connect(&self) -> Result<D::Connection, sqlx::Error> {
        let mut connection = self.connect.connect().await?;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(self.greeting.as_str()))).await?;
        Ok(connection)
    }

    pub(crate) const fn options(&self) -> &Options<D> {
        &self.connect
    }

    /// How many connections there are at most.
    pub(crate) const fn most(&self) -> u32 {
        self.size.most
    }

    /// How long a request waits for a connection.
    pub(crate) const fn wait(&self) -> Duration {
        self.size.wait
    }

    pub(crate) async fn close(&self) {
        self.kept.close();
        if let Some(pool) = self.pool.get() {
            pool.close().await;
        }
    }
}
