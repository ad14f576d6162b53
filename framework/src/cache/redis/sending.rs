//! Commands on their way to a server.

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, RedisResult, Value, from_redis_value};

/// What a command is sent over.
///
/// The library's own trait waits for each answer in a future on the heap, of 1,300 bytes: more than the allocator has a short way for.
pub(super) trait Sending: ConnectionLike + Send {
    /// Sends a command, and gives the answer as it came.
    fn send(&mut self, command: &Cmd) -> impl Future<Output = RedisResult<Value>> + Send;

    /// Sends a command, and reads the answer.
    async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        Ok(from_redis_value(self.send(command).await?.extract_error()?)?)
    }
}
