//! One server: a bounded pool of connections, and limits on every wait.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::connection::{Address, Connection};
use crate::cache::error::CacheError;

/// How long to wait, and for how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    /// For an answer, and for a free connection.
    pub(super) answer: Duration,
    pub(super) connections: usize,
}

/// A server and its connections.
pub(super) struct Server {
    alias: String,
    address: Address,
    name: String,
    limits: Limits,
    permits: Semaphore,
    /// Connections that nobody uses; never held across an await.
    idle: Mutex<Vec<Connection>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn new(alias: &str, address: Address, limits: Limits) -> Self {
        Self {
            alias: alias.to_owned(),
            name: address.name(),
            address,
            limits,
            permits: Semaphore::new(limits.connections),
            idle: Mutex::default(),
        }
    }

    /// pymemcache's name for it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Talks to the server on a connection of its own. One on which the talk failed, or was dropped, is not used again: its
    /// next answer would be that of another question.
    pub(super) async fn talk<T>(
        &self,
        talk: impl AsyncFnOnce(&mut Connection) -> io::Result<T>,
    ) -> Result<T, CacheError> {
        let limit = self.limits.answer;
        let permit = timeout(limit, self.permits.acquire()).await.map_err(|_| self.late(limit))?;
        let _permit = permit.map_err(|closed| self.failed(io::Error::other(closed)))?;
        let mut connection = match self.idle() {
            Some(connection) => connection,
            None => {
                let limit = self.limits.connect;
                let opened = timeout(limit, Connection::open(&self.address)).await;
                opened.map_err(|_| self.late(limit))?.map_err(|error| self.failed(error))?
            }
        };
        let answer = timeout(limit, talk(&mut connection)).await;
        let answer = answer.map_err(|_| self.late(limit))?.map_err(|error| self.failed(error))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.is_open() {
                return Some(connection);
            }
        }
    }

    fn late(&self, after: Duration) -> CacheError {
        CacheError::Timeout { alias: self.alias.clone(), server: self.place(), after }
    }

    fn failed(&self, source: io::Error) -> CacheError {
        CacheError::Server { alias: self.alias.clone(), server: self.place(), source: source.into() }
    }

    fn place(&self) -> String {
        format!("memcached {}", self.name)
    }
}
