//! Writes on a server that are not done together with others, because they may take their time.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::db::database::Database;
use crate::db::group::Asked;
use crate::session::backends::db::write::{Write, Written, alone};
use crate::session::key::SessionKey;

/// So many at a time at most.
const MOST: usize = 64;

/// Writes that are under way by themselves, each on a connection of the pool, one after the other for each key.
#[derive(Debug)]
pub(super) struct Beside {
    database: Database,
    under_way: HashMap<SessionKey, JoinHandle<()>>,
}

impl Beside {
    pub(super) fn new(database: Database) -> Self {
        Self { database, under_way: HashMap::new() }
    }

    /// Begins those whose row has a write under way; gives back the others.
    pub(super) async fn behind(&mut self, jobs: Vec<Asked<Write, Written>>) -> Vec<Asked<Write, Written>> {
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
    pub(super) async fn begin(&mut self, waiting: Asked<Write, Written>) {
        if self.under_way.len() >= MOST {
            self.under_way.retain(|_, task| !task.is_finished());
        }
        if self.under_way.len() >= MOST
            && let Some(key) = self.under_way.keys().next().cloned()
            && let Some(task) = self.under_way.remove(&key)
        {
            // What became of it, it has told whoever asked.
            let _ = task.await;
        }
        let (before, key) = (self.under_way.remove(&waiting.job.key), waiting.job.key.clone());
        let database = self.database.clone();
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let written = alone(&database, &waiting.job).await.map_err(Arc::new);
            waiting.answer(written);
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
