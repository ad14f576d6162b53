//! A call of a script, by its hash.

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind, ToRedisArgs};

/// A script with what it is given: the keys, then everything else.
///
/// The library's own invocation keeps each argument on the heap and copies all of them into the command.
#[derive(Debug)]
pub(super) struct Call<'a> {
    script: &'a Script,
    command: Cmd,
}

impl<'a> Call<'a> {
    /// A call with so many keys, which come first among the arguments.
    pub(super) fn new(script: &'a Script, keys: usize) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys);
        Self { script, command }
    }

    pub(super) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Calls it; a server that does not know the script is told.
    pub(super) async fn put<T: FromRedisValue>(&self, link: &mut impl ConnectionLike) -> RedisResult<T> {
        match self.command.query_async(link).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                Box::pin(self.script.load_async(link)).await?;
                self.command.query_async(link).await
            }
            answer => answer,
        }
    }
}
