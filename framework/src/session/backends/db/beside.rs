//! Writes on a server that are not done together with others, because they may take their time.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::db::database::Database;
use crate::grouping::group::QUEUE;
use crate::session::backends::db::write::{AskedWrite, Written, alone};
use crate::session::key::SessionKey;

/// So many wait at most, for a lock or for their turn: whoever comes then waits for a place, and so does who comes behind.
const MOST: usize = QUEUE;

/// Writes that are under way by themselves, each on a connection of the pool, one after the other for each key.
#[derive(Debug)]
pub(super) struct Beside {
    database: Database,
    under_way: HashMap<SessionKey, JoinHandle<()>>,
    places: Arc<Semaphore>,
    /// Half of the pool's: rows that somebody else has locked leave the others to everybody else.
    connections: Arc<Semaphore>,
}

impl Beside {
    pub(super) fn new(database: Database) -> Self {
        let half = usize::try_from(database.most_connections() / 2).unwrap_or(usize::MAX);
        Self {
            database,
            under_way: HashMap::new(),
            places: Arc::new(Semaphore::new(MOST)),
            connections: Arc::new(Semaphore::new(half.clamp(1, MOST))),
        }
    }

    /// Begins those whose row has a write under way; gives back the others.
    pub(super) async fn behind(&mut self, jobs: Vec<AskedWrite<Written>>) -> Vec<AskedWrite<Written>> {
        self.under_way.retain(|_, task| !task.is_finished());
        if self.under_way.is_empty() {
            return jobs;
        }
        let mut others = Vec::with_capacity(jobs.len());
        for waiting in jobs {
            if self.under_way.contains_key(&waiting.job.key) {
                self.begin(waiting).await;
            } else {
                others.push(waiting);
            }
        }
        others
    }

    /// Begins a write, or has it wait for the one of the same key.
    pub(super) async fn begin(&mut self, waiting: AskedWrite<Written>) {
        // Neither is ever closed, so neither is refused.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (before, key) = (self.under_way.remove(&waiting.job.key), waiting.job.key.clone());
        let (database, connections) = (self.database.clone(), Arc::clone(&self.connections));
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // What became of it, it has told whoever asked.
                let _ = before.await;
            }
            let connection = connections.acquire().await.ok();
            // It may have waited for longer than whoever asked.
            if waiting.is_awaited() {
                let written = alone(&database, &waiting.job).await.map_err(Arc::new);
                waiting.answer(written);
            }
            drop((connection, place));
        });
        self.under_way.insert(key, task);
    }

    /// Waits for all of them.
    pub(super) async fn end(self) {
        for task in self.under_way.into_values() {
            let _ = task.await;
        }
    }
}
