//! A connection to Redis: to one server, or to a cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryFutureExt as _;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, Cmd, ConnectionInfo, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult, Value,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::cache::error::CacheError;
use crate::cache::redis::call::Call;
use crate::cache::redis::certificates::Certificates;
use crate::cache::redis::once::once;
use crate::cache::redis::sending::Sending;
use crate::grouping::closing::Closing;
use crate::grouping::group::Owner;

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
}

/// A server, or a cluster of them, that is connected to when it is first asked.
pub(super) struct Server {
    alias: String,
    /// Its address, without a password.
    name: String,
    limits: Limits,
    target: Target,
    /// Many callers share one connection. The lock is held while a connection is made, and that has a limit.
    link: Mutex<Option<Link>>,
    /// The one to a cluster for what must not be sent again.
    once: Mutex<Option<ClusterConnection>>,
    closing: Closing,
}

enum Target {
    Server(Box<Client>),
    Cluster {
        client: Box<ClusterClient>,
        /// The same, but it sends nothing again.
        once: Box<ClusterClient>,
    },
}

#[derive(Clone)]
enum Link {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
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
    pub(super) fn single(
        alias: &str,
        name: String,
        info: ConnectionInfo,
        limits: Limits,
        certificates: &Certificates,
    ) -> RedisResult<Self> {
        let target = Target::Server(Box::new(certificates.client(info)?));
        Ok(Self::to(target, alias, name, limits))
    }

    pub(super) fn cluster(
        alias: &str,
        name: String,
        nodes: &[ConnectionInfo],
        limits: Limits,
        certificates: &Certificates,
    ) -> RedisResult<Self> {
        let builder = || {
            let nodes = ClusterClient::builder(nodes.iter().cloned());
            let limited = nodes.connection_timeout(limits.connect).response_timeout(limits.answer);
            certificates.of_cluster(limited)
        };
        let target = Target::Cluster {
            client: Box::new(builder().build()?),
            once: Box::new(builder().retries(0).build()?),
        };
        Ok(Self::to(target, alias, name, limits))
    }

    fn to(target: Target, alias: &str, name: String, limits: Limits) -> Self {
        Self {
            alias: alias.to_owned(),
            name,
            limits,
            target,
            link: Mutex::default(),
            once: Mutex::default(),
            closing: Closing::default(),
        }
    }

    /// Asks, within the limits. What may be asked `twice` without harm is asked again if the connection turns out to have
    /// ended: the server may have been started anew since it was last asked. Anything else is asked [once].
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        question: Question<'_>,
        twice: bool,
    ) -> Result<T, CacheError> {
        self.try_ask(question, twice).await.map_err(|failure| self.error(failure))
    }

    /// The same, with a failure that many can be told.
    pub(super) async fn try_ask<T: FromRedisValue>(
        &self,
        question: Question<'_>,
        twice: bool,
    ) -> Result<T, Failure> {
        let asked = async {
            if !twice && let Target::Cluster { once: client, .. } = &self.target {
                return once(question, &self.once(client).await?).await;
            }
            let mut link = self.link().await?;
            match question.put(&mut link).await {
                Err(error) if twice && error.is_connection_dropped() => {
                    question.put(&mut self.link().await?).await
                }
                answer => answer,
            }
        };
        match self.in_time(asked).await? {
            Ok(answer) => Ok(answer),
            Err(error) if error.is_timeout() => Err(Failure::Late(self.limits.answer)),
            Err(error) => Err(Failure::Failed(error)),
        }
    }

    /// Waits for what becomes of a question, within the limits: those of the answer alone where there is a connection.
    pub(super) fn in_time<T>(
        &self,
        asked: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Failure>> {
        let connected = self.link.try_lock().is_ok_and(|link| link.is_some());
        let connecting = if connected { Duration::ZERO } else { self.limits.connect };
        let limit = connecting.saturating_add(self.limits.answer);
        // Not `async`: its future would have room for what it is given twice.
        timeout(limit, asked).map_err(move |_| Failure::Late(limit))
    }

    /// A failure as whoever asked is told of it.
    pub(super) fn error(&self, failure: Failure) -> CacheError {
        let (alias, server) = (self.alias.clone(), self.name.clone());
        match failure {
            Failure::Late(after) => CacheError::Timeout { alias, server, after },
            Failure::Failed(source) => CacheError::Server { alias, server, source: source.into() },
        }
    }

    /// Whether it is one server, and not many.
    pub(super) const fn is_single(&self) -> bool {
        matches!(self.target, Target::Server(_))
    }

    pub(super) async fn close(&self) {
        self.closing.close().await;
        self.link.lock().await.take();
        self.once.lock().await.take();
    }

    async fn once(&self, client: &ClusterClient) -> RedisResult<ClusterConnection> {
        let mut link = self.once.lock().await;
        if let Some(link) = &*link {
            return Ok(link.clone());
        }
        Ok(link.insert(client.get_async_connection().await?).clone())
    }

    async fn link(&self) -> RedisResult<Link> {
        let mut link = self.link.lock().await;
        if let Some(link) = &*link {
            return Ok(link.clone());
        }
        let made = match &self.target {
            Target::Server(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(self.limits.connect))
                    // Whoever asks has a limit of their own: a second one is a timer more for each command.
                    .set_response_timeout(None);
                Link::Server(ConnectionManager::new_with_config(Client::clone(client), config).await?)
            }
            Target::Cluster { client, .. } => Link::Cluster(client.get_async_connection().await?),
        };
        *link = Some(made.clone());
        Ok(made)
    }
}

impl Owner for Arc<Server> {
    fn closing(&self) -> &Closing {
        &self.closing
    }
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// There was none for so long.
    Late(Duration),
    /// The connection broke, or the server complains.
    Failed(RedisError),
}

/// Something to ask a server.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a Call<'a>),
}

impl Question<'_> {
    pub(super) async fn put<T: FromRedisValue>(self, link: &mut impl Sending) -> RedisResult<T> {
        match self {
            Self::Command(command) => link.query(command).await,
            Self::Pipeline(pipeline) => pipeline.query_async(link).await,
            Self::Script(call) => call.put(link).await,
        }
    }
}

impl Sending for Link {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(link) => link.send_packed_command(command).await,
            Self::Cluster(link) => link.req_packed_command(command).await,
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(link) => link.req_packed_command(command),
            Self::Cluster(link) => link.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(link) => link.req_packed_commands(pipeline, offset, count),
            Self::Cluster(link) => link.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(link) => link.get_db(),
            Self::Cluster(link) => link.get_db(),
        }
    }
}
