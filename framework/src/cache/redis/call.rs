//! A call of a script, by its hash.

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind, ToRedisArgs};

use crate::cache::redis::sending::Sending;

const EVALSHA: &str = "EVALSHA";

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
        Self::with_room(script, keys, 0, 0)
    }

    /// The same, with room for so many arguments of so many bytes in all.
    pub(super) fn with_room(script: &'a Script, keys: usize, args: usize, bytes: usize) -> Self {
        let hash = script.get_hash();
        let mut command = Cmd::with_capacity(args + 3, bytes + EVALSHA.len() + hash.len() + 8);
        command.arg(EVALSHA).arg(hash).arg(keys);
        Self { script, command }
    }

    pub(super) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Calls it; a server that does not know the script is told.
    pub(super) async fn put<T: FromRedisValue>(&self, link: &mut impl Sending) -> RedisResult<T> {
        match link.query(&self.command).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                Box::pin(self.script.load_async(link)).await?;
                link.query(&self.command).await
            }
            answer => answer,
        }
    }
}
