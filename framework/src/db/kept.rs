//! Connections of a pool that stay out of it for a moment, for whoever needs one again and again.
//!
//! A connection that goes back to sqlx's pool is asked in a task of its own whether it is well: a way to the server and back which
//! costs about as much as the statement before it. One that a statement has just come back over is well. So the connections of session rows
//! wait here for the next row, and go back when there was none for a second.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::runtime::Handle;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::db::options::PoolSize;
use crate::db::options::TRUST_IDLE;

/// So many are kept at most, and none of a pool that has not at least twice as many for everybody else.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const MOST: usize = 2;

/// How long one stays out at most, and no longer than a connection may live: the pool sees to it that none becomes too old.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const LONGEST: Duration = Duration::from_secs(60);

/// The connections that are kept.
pub(crate) struct Kept<D: Database>(Mutex<State<D>>);

struct State<D: Database> {
    /// The one that was used last is at the end.
    idle: Vec<Idle<D>>,
    most: usize,
    longest: Duration,
    /// A task gives back those that nobody uses.
    watched: bool,
}

struct Idle<D: Database> {
    connection: PoolConnection<D>,
    /// Since when it is out.
    since: Instant,
    /// When it was used last.
    used: Instant,
}

impl<D: Database> fmt::Debug for Kept<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("idle", &self.state().idle.len()).finish_non_exhaustive()
    }
}

impl<D: Database> Kept<D> {
    /// None yet, of a pool of that size.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn of(pool: &PoolSize) -> Arc<Self> {
        let most = if usize::try_from(pool.most).unwrap_or(usize::MAX) >= 3 * MOST { MOST } else { 0 };
        let longest = pool.max_lifetime.map_or(LONGEST, |longest| longest.min(LONGEST));
        Arc::new(Self(Mutex::new(State { idle: Vec::new(), most, longest, watched: false })))
    }

    /// Gives back all of them, and keeps none from now on.
    pub(crate) fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.most = 0;
            std::mem::take(&mut state.idle)
        };
        give_back(idle);
    }

    fn pop(&self) -> Option<Idle<D>> {
        self.state().idle.pop()
    }

    fn push(self: &Arc<Self>, idle: Idle<D>) {
        let watch = {
            let mut state = self.state();
            if state.idle.len() >= state.most || idle.used.duration_since(idle.since) >= state.longest {
                drop(state);
                return give_back(vec![idle]);
            }
            state.idle.push(idle);
            !std::mem::replace(&mut state.watched, true)
        };
        if watch {
            tokio::spawn(watch_over(Watch(Arc::downgrade(self))));
        }
    }

    /// Nothing panics while it is held, and what is behind it is whole at any time.
    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Database> Drop for Kept<D> {
    fn drop(&mut self) {
        self.close();
    }
}

fn give_back<D: Database>(idle: Vec<Idle<D>>) {
    for Idle { connection, .. } in idle {
        match Handle::try_current() {
            Ok(_) => drop(connection),
            // The pool wants a runtime to take it back. Without one the program ends, or the database is forgotten.
            Err(_) => std::mem::forget(connection),
        }
    }
}

/// Gives back what nobody has used for a while.
async fn watch_over<D: Database>(watch: Watch<D>) {
    loop {
        tokio::time::sleep(TRUST_IDLE).await;
        let Some(kept) = watch.0.upgrade() else { return };
        let (unused, done) = {
            let mut state = kept.state();
            let unused: Vec<_> =
                state.idle.extract_if(.., |idle| idle.used.elapsed() >= TRUST_IDLE).collect();
            (unused, state.idle.is_empty())
        };
        give_back(unused);
        if done {
            return;
        }
    }
}

/// Says that nobody watches any more, also when the runtime ends; what is kept then is of that runtime.
struct Watch<D: Database>(Weak<Kept<D>>);

impl<D: Database> Drop for Watch<D> {
    fn drop(&mut self) {
        let Some(kept) = self.0.upgrade() else { return };
        let idle = {
            let mut state = kept.state();
            state.watched = false;
            std::mem::take(&mut state.idle)
        };
        give_back(idle);
    }
}

/// A pool, and the connections of it that are kept.
#[derive(Debug)]
pub(crate) struct KeptPool<'a, D: Database> {
    pub(crate) pool: &'a Pool<D>,
    /// `None`: every connection goes back at once.
    pub(crate) kept: Option<&'a Arc<Kept<D>>>,
}

impl<'a, D: Database> KeptPool<'a, D> {
    /// A connection: one that is kept, or else one of the pool.
    ///
    /// # Errors
    /// The pool's.
    pub(crate) async fn get(&self) -> Result<KeptConnection<'a, D>, sqlx::Error> {
        while let Some(Idle { connection, since, used }) = self.kept.and_then(|kept| kept.pop()) {
            if used.elapsed() < TRUST_IDLE {
                return Ok(KeptConnection { connection, since, kept: self.kept });
            }
            // The pool looks whether it is well.
            drop(connection);
        }
        let connection = self.pool.acquire().await?;
        Ok(KeptConnection { connection, since: Instant::now(), kept: self.kept })
    }
}

/// A connection, which goes back to the pool if it is dropped: in the middle of a statement, or after a fault.
pub(crate) struct KeptConnection<'a, D: Database> {
    connection: PoolConnection<D>,
    since: Instant,
    kept: Option<&'a Arc<Kept<D>>>,
}

impl<D: Database> KeptConnection<'_, D> {
    /// Keeps it for the next one: the statement is over, and all is well.
    pub(crate) fn keep(self) {
        let Self { connection, since, kept } = self;
        let used = Instant::now();
        if let Some(kept) = kept {
            kept.push(Idle { connection, since, used });
        }
    }
}

impl<D: Database> Deref for KeptConnection<'_, D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.connection
    }
}

impl<D: Database> DerefMut for KeptConnection<'_, D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        &mut self.connection
    }
}
