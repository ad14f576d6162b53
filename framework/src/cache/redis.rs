//! `django.core.cache.backends.redis.RedisCache`: Redis, one server, a writer with replicas, or a cluster (Django 5.2
//! `core/cache/backends/redis.py`).
//!
//! With several servers in LOCATION the first is written to and the others are read from, as in Django; what is read in
//! order to be compared, [`CacheBackend::get_versioned`], comes from the first.
//!
//! `OPTIONS`, by redis-py's names: `db`, `username`, `password`, `socket_connect_timeout` and `socket_timeout` in seconds
//! (5); for `rediss://`, TLS, in a build with the cargo feature `tls`: `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile`, files
//! in PEM form, instead of the certificates that the system trusts. And ours: with `cluster = true` the servers are nodes of one cluster,
//! to each of which a process then holds two connections: see `once`.

mod call;
mod certificates;
mod grouped;
mod once;
mod packed;
mod sending;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::try_join_all;
use redis::{Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisWrite, Script, ToRedisArgs};

use self::call::Call;
use self::certificates::Certificates;
use self::grouped::{CHANGED, Grouped, MISSING, Replace};
use self::packed::{pack, unpack};
use self::server::{Limits, Question, Server};
use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyRule};
use crate::cache::options::OptionReader;
use crate::cache::pickled;
use crate::conf::secret::Location;
use crate::error::BoxError;
use crate::serialize::value::Value;

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.redis.RedisCache", build };

/// KEYS: the key. ARGV: how long ("never", "now", seconds), what is expected.
const TOUCH_IF: &str = "
local found = redis.call('GET', KEYS[1])
if not found then return 0 end
if found ~= ARGV[2] then return 1 end
if ARGV[1] == 'now' then redis.call('DEL', KEYS[1])
elseif ARGV[1] == 'never' then redis.call('PERSIST', KEYS[1])
else redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 2";

/// KEYS: the key. ARGV: what is expected.
const DELETE_IF: &str = "
local found = redis.call('GET', KEYS[1])
if not found then return 0 end
if found ~= ARGV[1] then return 1 end
redis.call('DEL', KEYS[1])
return 2";

/// KEYS: the key. ARGV: the number to be added. The sum is read as text: Lua's numbers have but 53 bits.
const INCR: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])";

fn build(parts: &BackendParts<'_>) -> BuiltBackend {
    let mut options = OptionReader::new(parts);
    let limits = Limits {
        connect: options.seconds("socket_connect_timeout").unwrap_or(Duration::from_secs(5)),
        answer: options.seconds("socket_timeout").unwrap_or(Duration::from_secs(5)),
    };
    let (db, username, password) = (options.count("db"), options.text("username"), options.text("password"));
    let cluster = options.flag("cluster").unwrap_or_default();
    let certificates = Certificates::read(&mut options, parts.site.base_dir);
    let mut nodes: Vec<(String, ConnectionInfo)> = Vec::new();
    for text in parts.servers() {
        let shown = Location::new(text).to_string();
        if text.starts_with("rediss://") && !cfg!(feature = "tls") {
            let message = format!("{shown:?} wants TLS, which this build does not have.");
            options.fault("LOCATION", message, "Build nuages with its cargo feature `tls`.");
            continue;
        }
        match text.into_connection_info() {
            Ok(info) => {
                let mut settings = info.redis_settings().clone();
                if let Some(db) = db {
                    settings = settings.set_db(i64::try_from(db).unwrap_or(i64::MAX));
                }
                if let Some(username) = username {
                    settings = settings.set_username(username);
                }
                if let Some(password) = password {
                    settings = settings.set_password(password);
                }
                nodes.push((shown, info.set_redis_settings(settings)));
            }
            Err(error) => {
                let message = format!("{shown:?} is not the address of a Redis server: {error}.");
                options.fault("LOCATION", message, "Write \"redis://host:6379/0\" or \"unix:///path?db=0\".");
            }
        }
    }
    if parts.servers().next().is_none() {
        options.fault(
            "LOCATION",
            "There is no Redis server.",
            "Write LOCATION = \"redis://127.0.0.1:6379\".",
        );
    }
    options.finish()?;
    let servers = match cluster {
        true => {
            let names: Vec<String> = nodes.iter().map(|(name, _)| name.clone()).collect();
            let name = format!("the cluster of {}", names.join(", "));
            let nodes: Vec<_> = nodes.into_iter().map(|(_, info)| info).collect();
            Server::cluster(parts.alias, name, &nodes, limits, &certificates).map(|server| vec![server])
        }
        false => {
            let single = |(name, info)| Server::single(parts.alias, name, info, limits, &certificates);
            nodes.into_iter().map(single).collect()
        }
    };
    let servers =
        servers.map_err(|error| vec![parts.fault("nuages.E403", "LOCATION", format!("{error}."))])?;
    let mut servers = servers.into_iter();
    let Some(writer) = servers.next() else {
        return Err(vec![parts.fault("nuages.E403", "LOCATION", "There is no Redis server.")]);
    };
    Ok(Arc::new(RedisCache {
        alias: parts.alias.to_owned(),
        writer: Grouped::new(writer),
        readers: servers.map(Grouped::new).collect(),
        turn: AtomicUsize::new(0),
        touch_if: Script::new(TOUCH_IF),
        delete_if: Script::new(DELETE_IF),
        incr: Script::new(INCR),
    }))
}

/// A cache in Redis.
#[derive(Debug)]
pub struct RedisCache {
    alias: String,
    writer: Grouped,
    readers: Vec<Grouped>,
    /// Whose turn it is to be read from.
    turn: AtomicUsize,
    touch_if: Script,
    delete_if: Script,
    incr: Script,
}

fn command(name: &str, key: &CacheKey) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key.as_str());
    command
}

/// Redis counts milliseconds since 1970 in 64 bits, and refuses what ends later.
fn seconds(ttl: Ttl) -> Option<u64> {
    match ttl {
        Ttl::Never => None,
        Ttl::Now => Some(0),
        Ttl::Seconds(seconds) => Some(seconds.get()),
    }
}

/// The time as the scripts take it.
struct HowLong(Ttl);

impl ToRedisArgs for HowLong {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        match (self.0, seconds(self.0)) {
            (Ttl::Now, _) => out.write_arg(b"now"),
            (_, None) => out.write_arg(b"never"),
            (_, Some(seconds)) => seconds.write_redis_args(out),
        }
    }
}

/// `SET key value [EX seconds]`
fn set(key: &CacheKey, data: &[u8], ttl: Ttl) -> Cmd {
    let mut command = command("SET", key);
    command.arg(data);
    if let Some(seconds) = seconds(ttl) {
        command.arg("EX").arg(seconds);
    }
    command
}

/// Something else than a value of a cache is under the key: a list, a hash of another program.
fn of_another_kind(alias: &str, key: &CacheKey, error: CacheError) -> CacheError {
    match error {
        CacheError::Server { source, .. } if source.to_string().contains("WRONGTYPE") => {
            pickled::unreadable(alias, key, source)
        }
        error => error,
    }
}

/// Redis's words for a value that is no number, or a sum that would be none; a script's caller gets them as text.
fn is_no_number(error: &BoxError) -> bool {
    let said = error.to_string();
    said.contains("value is not an integer") || said.contains("would overflow")
}

impl RedisCache {
    fn reader(&self) -> &Grouped {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        match self.readers.len() {
            0 => &self.writer,
            count => &self.readers[turn % count],
        }
    }

    /// Something that may be done twice.
    async fn write<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        self.writer.server().ask(Question::Command(command), true).await
    }

    async fn read<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        self.reader().server().ask(Question::Command(command), true).await
    }
}

#[async_trait]
impl CacheBackend for RedisCache {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Warn
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        let asked = self.reader().get(key).await;
        let data = asked.map_err(|error| of_another_kind(&self.alias, key, error))?;
        data.map(|data| unpack(&self.alias, key, &data)).transpose()
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        let asked = self.writer.get(key).await;
        let data = asked.map_err(|error| of_another_kind(&self.alias, key, error))?;
        let Some(data) = data else { return Ok(None) };
        Ok(Some((unpack(&self.alias, key, &data)?, Version(data))))
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(key.as_str());
        }
        let found: Vec<Option<Bytes>> = self.read(&command).await?;
        keys.iter()
            .zip(found)
            .map(|(key, data)| data.map(|data| unpack(&self.alias, key, &data)).transpose())
            .collect()
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        self.read(&command("EXISTS", key)).await
    }

    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        let data = pack(&self.alias, key, value)?;
        match ttl {
            Ttl::Now => self.write(&command("DEL", key)).await,
            ttl => self.write(&set(key, &data, ttl)).await,
        }
    }

    /// One command a value, all on their way at once: in a cluster they go to different servers.
    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        try_join_all(entries.iter().map(|(key, value)| self.set(key, value, ttl))).await?;
        Ok(Vec::new())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let data = pack(&self.alias, key, value)?;
        if ttl == Ttl::Now {
            let there: bool = self.write(&command("EXISTS", key)).await?;
            return Ok(!there);
        }
        let mut command = set(key, &data, ttl);
        command.arg("NX");
        let stored: Option<String> = self.writer.server().ask(Question::Command(&command), false).await?;
        Ok(stored.is_some())
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let data = pack(&self.alias, key, value)?;
        let expected = expected.map(|expected| expected.0.clone());
        let replace = Replace { key: key.clone(), data: data.clone(), ttl, expected };
        Ok(match self.writer.replace(Box::new(replace)).await? {
            MISSING => Replaced::Missing,
            CHANGED => Replaced::Changed,
            _ => Replaced::Stored(Version(data)),
        })
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        let Some(seconds) = seconds(ttl) else {
            // PERSIST says whether there was an expiry, not whether there is a value.
            let mut both = Pipeline::new();
            both.add_command(command("PERSIST", key)).ignore().add_command(command("EXISTS", key));
            let (there,): (bool,) = self.writer.server().ask(Question::Pipeline(&both), true).await?;
            return Ok(there);
        };
        let mut command = command("EXPIRE", key);
        self.write(command.arg(seconds)).await
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        let mut call = Call::new(&self.touch_if, 1);
        call.arg(key.as_str()).arg(HowLong(ttl)).arg(&*expected.0);
        let done: u8 = self.writer.server().ask(Question::Script(&call), false).await?;
        Ok(match done {
            0 => Touched::Missing,
            1 => Touched::Changed,
            _ => Touched::Touched,
        })
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let mut call = Call::new(&self.incr, 1);
        call.arg(key.as_str()).arg(delta);
        let sum: Option<String> = match self.writer.server().ask(Question::Script(&call), false).await {
            Err(CacheError::Server { source, .. }) if is_no_number(&source) => {
                return Err(pickled::not_a_number(&self.alias, key, delta));
            }
            answer => answer?,
        };
        let sum = sum.map(|sum| sum.parse().map_err(|source| pickled::unreadable(&self.alias, key, source)));
        sum.transpose()
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        self.write(&command("DEL", key)).await
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let mut call = Call::new(&self.delete_if, 1);
        call.arg(key.as_str()).arg(&*expected.0);
        let done: u8 = self.writer.server().ask(Question::Script(&call), false).await?;
        Ok(match done {
            0 => Deleted::Missing,
            1 => Deleted::Changed,
            _ => Deleted::Deleted,
        })
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("DEL");
        for key in keys {
            command.arg(key.as_str());
        }
        self.write(&command).await
    }

    async fn clear(&self) -> Result<(), CacheError> {
        self.write(&redis::cmd("FLUSHDB")).await
    }

    async fn close(&self) {
        self.writer.server().close().await;
        for reader in &self.readers {
            reader.server().close().await;
        }
    }
}

/// The bytes of a value.
#[cfg(test)]
pub(super) fn packed(key: &CacheKey, value: &Value) -> Bytes {
    let data = pack("default", key, value).unwrap();
    assert_eq!(unpack("default", key, &data).unwrap(), *value);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_dates_keep_their_distance() {
        let of = |number| seconds(Ttl::of(Some(number)));
        assert_eq!(of(251_606_934_877), Some(251_606_934_877), "the year 9999");
        assert_eq!(of(0), Some(0));
    }
}
