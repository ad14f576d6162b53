//! Asking a cluster once.
//!
//! A cluster's connection sends again by itself whatever it had no answer to, when the node's connection ended: what the server
//! did without having said so, it would do twice. So what must not happen twice goes over a connection that sends nothing
//! again, and is asked again here, if a server has said that it did nothing.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::SingleNodeRoutingInfo;
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
};

use crate::cache::redis::sending::Sending;
use crate::cache::redis::server::Question;

/// So often at most: as often as the driver would.
const TRIES: u32 = 16;

/// Before the second time; then twice as long each time, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(500);

/// Asks over a connection that sends nothing again.
pub(super) async fn once<T: FromRedisValue>(
    question: Question<'_>,
    cluster: &ClusterConnection,
) -> RedisResult<T> {
    let mut pause = SHORTEST;
    let mut to = Asking { cluster: cluster.clone(), node: None };
    for _ in 1..TRIES {
        match question.put(&mut to).await {
            Err(error) if was_not_done(&error) => to.node = importing(&error),
            answer => return answer,
        }
        if to.node.is_none() {
            // Meanwhile the driver looks where the slots are now.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }
    question.put(&mut to).await
}

/// Whether the question has changed nothing for certain: a server refused to look at it, or it was sent to none.
fn was_not_done(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    matches!(
        error.kind(),
        ErrorKind::Server(Ask | BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain)
            | ErrorKind::ClusterConnectionNotFound
    )
}

/// The node that a slot is on its way to, which has this key already.
fn importing(error: &RedisError) -> Option<(String, u16)> {
    if error.kind() != ErrorKind::Server(ServerErrorKind::Ask) {
        return None;
    }
    let (node, _) = error.redirect_node()?;
    let (host, port) = node.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

/// A cluster, or that one of its nodes, which is told that it was named (`ASKING`).
struct Asking {
    cluster: ClusterConnection,
    node: Option<(String, u16)>,
}

impl ConnectionLike for Asking {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let Some((host, port)) = self.node.clone() else { return self.cluster.req_packed_command(command) };
        let mut both = Pipeline::new();
        both.add_command(redis::cmd("ASKING")).add_command(command.clone());
        let route = SingleNodeRoutingInfo::ByAddress { host, port };
        Box::pin(async move {
            let answers = self.cluster.route_pipeline(both, 0, 2, route).await?;
            Ok(answers.into_iter().next_back().unwrap_or(Value::Nil))
        })
    }

    /// Those go to the cluster alone: whatever is asked once is a single command.
    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.cluster.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.cluster.get_db()
    }
}

impl Sending for Asking {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        self.req_packed_command(command).await
    }
}

#[cfg(test)]
mod tests;
