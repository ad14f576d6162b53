//! `django.core.cache.backends.memcached.PyMemcacheCache`: memcached, one server or several (Django 5.2
//! `core/cache/backends/memcached.py`, pymemcache 4.0).
//!
//! Keys are spread over the servers, and values written, as pymemcache does.
//!
//! `OPTIONS`: `connect_timeout` and `timeout` in seconds (5), `max_pool_size` (32 connections a server), and ours:
//! `django_faults` (false). Memcached's clock ends in 2038. What is to be kept for longer is kept without an end here; with
//! `django_faults = true` the server is told the time all the same, as by Django, and forgets the value at once.

mod connection;
mod packed;
mod ring;
mod server;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::try_join_all;

use self::connection::{Address, Answer, Sum};
use self::packed::Packed;
use self::server::{Limits, Server};
use crate::cache::backend::{CacheBackend, Deleted, Replaced, Touched, Ttl, Version};
use crate::cache::caches::{BackendParts, BuiltBackend, CacheBackendDef};
use crate::cache::error::CacheError;
use crate::cache::key::{CacheKey, KeyFault, KeyRule};
use crate::cache::options::OptionReader;
use crate::cache::pickled;
use crate::serialize::value::Value;

/// The backend's row in the table.
pub const BACKEND: CacheBackendDef =
    CacheBackendDef { name: "django.core.cache.backends.memcached.PyMemcacheCache", build };

/// The time of expiry of what has none.
const NEVER: i64 = 0;

/// A longer time is written as the moment at which it ends.
const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60;

fn build(parts: &BackendParts<'_>) -> BuiltBackend {
    let mut options = OptionReader::new(parts);
    let limits = Limits {
        connect: options.seconds("connect_timeout").unwrap_or(Duration::from_secs(5)),
        answer: options.seconds("timeout").unwrap_or(Duration::from_secs(5)),
        connections: options.count("max_pool_size").unwrap_or(32).max(1),
    };
    let mut servers: Vec<Server> = Vec::new();
    for text in parts.servers() {
        match Address::parse(text) {
            // A server that is named twice is one, as in pymemcache.
            Some(address) if servers.iter().any(|server| server.name() == address.name()) => {}
            Some(address) => servers.push(Server::new(parts.alias, address, limits)),
            None => options.fault(
                "LOCATION",
                format!("{text:?} is not the address of a memcached server."),
                "Write \"host:11211\" or \"unix:/path/of/the/socket\".",
            ),
        }
    }
    if parts.servers().next().is_none() {
        options.fault("LOCATION", "There is no memcached server.", "Write LOCATION = \"127.0.0.1:11211\".");
    }
    let django_faults = options.flag("django_faults").unwrap_or_default();
    options.finish()?;
    Ok(Arc::new(MemcachedCache { alias: parts.alias.to_owned(), servers, django_faults }))
}

/// A cache in memcached.
#[derive(Debug)]
pub struct MemcachedCache {
    alias: String,
    servers: Vec<Server>,
    /// `OPTIONS.django_faults`
    django_faults: bool,
}

impl MemcachedCache {
    /// The key, if the protocol can carry it.
    fn checked<'a>(&self, key: &'a CacheKey) -> Result<&'a str, CacheError> {
        let long = || (key.as_str().len() > 250).then(|| KeyFault::TooLong { key: key.as_str().to_owned() });
        match key.faults().next().or_else(long) {
            None => Ok(key.as_str()),
            Some(fault) => Err(CacheError::InvalidKey { alias: self.alias.clone(), fault }),
        }
    }

    fn place(&self, key: &str) -> usize {
        ring::keeper(self.servers.iter().map(Server::name), key)
    }

    /// The server that keeps the key, and the key.
    fn keeper<'a>(&self, key: &'a CacheKey) -> Result<(&Server, &'a str), CacheError> {
        let key = self.checked(key)?;
        match self.servers.get(self.place(key)) {
            Some(server) => Ok((server, key)),
            None => Err(CacheError::Server {
                alias: self.alias.clone(),
                server: "memcached".to_owned(),
                source: io::Error::from(io::ErrorKind::NotFound).into(),
            }),
        }
    }

    fn pack(&self, key: &CacheKey, value: &Value) -> Result<Packed, CacheError> {
        Packed::pack(&self.alias, key, value)
    }

    /// What is under the key, and its number among all that ever were.
    async fn find(&self, key: &CacheKey) -> Result<Option<(Packed, u64)>, CacheError> {
        let (server, key) = self.keeper(key)?;
        let found = server.talk(async |connection| connection.get(&[key]).await).await?;
        Ok(found
            .into_iter()
            .find(|found| found.key == key.as_bytes())
            .map(|found| (found.packed, found.unique)))
    }

    fn expires(&self, ttl: Ttl) -> i64 {
        expires(ttl, unix_time(), self.django_faults)
    }

    async fn store(
        &self,
        command: &str,
        key: &CacheKey,
        packed: &Packed,
        ttl: Ttl,
        unique: Option<u64>,
    ) -> Result<Answer, CacheError> {
        let (server, key) = self.keeper(key)?;
        let expires = self.expires(ttl);
        server.talk(async |connection| connection.store(command, key, packed, expires, unique).await).await
    }
}

/// The time of expiry as memcached takes it; one beyond its clock is [`NEVER`], or what Django writes.
pub(super) fn expires(ttl: Ttl, now: i64, django_faults: bool) -> i64 {
    match ttl {
        Ttl::Never => NEVER,
        Ttl::Now => -1,
        Ttl::Seconds(seconds) => {
            let seconds = i64::try_from(seconds.get()).unwrap_or(i64::MAX);
            let end = if seconds > THIRTY_DAYS { seconds.saturating_add(now) } else { seconds };
            if end > i64::from(i32::MAX) && !django_faults { NEVER } else { end }
        }
    }
}

fn unix_time() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[async_trait]
impl CacheBackend for MemcachedCache {
    fn key_rule(&self) -> KeyRule {
        KeyRule::Refuse
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Value>, CacheError> {
        let found = self.find(key).await?;
        found.map(|(packed, _)| packed.unpack(&self.alias, key)).transpose()
    }

    async fn get_versioned(&self, key: &CacheKey) -> Result<Option<(Value, Version)>, CacheError> {
        let Some((packed, _)) = self.find(key).await? else { return Ok(None) };
        Ok(Some((packed.unpack(&self.alias, key)?, packed.version())))
    }

    async fn get_many(&self, keys: &[CacheKey]) -> Result<Vec<Option<Value>>, CacheError> {
        let mut of_servers: Vec<Vec<&str>> = vec![Vec::new(); self.servers.len()];
        for key in keys {
            let key = self.checked(key)?;
            if let Some(keys) = of_servers.get_mut(self.place(key)) {
                keys.push(key);
            }
        }
        let asked = self.servers.iter().zip(&of_servers).filter(|(_, keys)| !keys.is_empty());
        let found = try_join_all(
            asked.map(|(server, keys)| server.talk(async move |connection| connection.get(keys).await)),
        )
        .await?;
        let found: std::collections::HashMap<&[u8], &Packed> =
            found.iter().flatten().map(|found| (&*found.key, &found.packed)).collect();
        keys.iter()
            .map(|key| found.get(key.as_str().as_bytes()).map(|it| it.unpack(&self.alias, key)).transpose())
            .collect()
    }

    async fn has_key(&self, key: &CacheKey) -> Result<bool, CacheError> {
        Ok(self.find(key).await?.is_some())
    }

    async fn set(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<(), CacheError> {
        let packed = self.pack(key, value)?;
        match self.store("set", key, &packed, ttl, None).await? {
            Answer::Done => Ok(()),
            // As Django: what could not be stored must not leave the old value behind.
            Answer::NotStored | Answer::Exists | Answer::NotFound => self.delete(key).await.map(|_| ()),
        }
    }

    async fn set_many(&self, entries: &[(CacheKey, Value)], ttl: Ttl) -> Result<Vec<CacheKey>, CacheError> {
        let packed = entries.iter().map(|(key, value)| Ok((key, self.pack(key, value)?)));
        let packed: Vec<(&CacheKey, Packed)> = packed.collect::<Result<_, CacheError>>()?;
        let stored = packed.iter().map(|(key, packed)| self.store("set", key, packed, ttl, None));
        let answers = try_join_all(stored).await?;
        let failed = packed.iter().zip(answers).filter(|(_, answer)| *answer != Answer::Done);
        Ok(failed.map(|((key, _), _)| (*key).clone()).collect())
    }

    async fn add(&self, key: &CacheKey, value: &Value, ttl: Ttl) -> Result<bool, CacheError> {
        let packed = self.pack(key, value)?;
        Ok(self.store("add", key, &packed, ttl, None).await? == Answer::Done)
    }

    async fn replace(
        &self,
        key: &CacheKey,
        value: &Value,
        ttl: Ttl,
        expected: Option<&Version>,
    ) -> Result<Replaced, CacheError> {
        let packed = self.pack(key, value)?;
        let answer = match expected {
            None => self.store("replace", key, &packed, ttl, None).await?,
            Some(expected) => match self.find(key).await? {
                None => Answer::NotFound,
                Some((found, _)) if !found.is(expected) => Answer::Exists,
                Some((_, unique)) => self.store("cas", key, &packed, ttl, Some(unique)).await?,
            },
        };
        Ok(match answer {
            Answer::Done => Replaced::Stored(packed.version()),
            Answer::Exists => Replaced::Changed,
            Answer::NotFound | Answer::NotStored => Replaced::Missing,
        })
    }

    async fn touch(&self, key: &CacheKey, ttl: Ttl) -> Result<bool, CacheError> {
        let (server, key) = self.keeper(key)?;
        let command = format!("touch {key} {}", self.expires(ttl));
        Ok(server.talk(async |connection| connection.command(&command).await).await? == Answer::Done)
    }

    async fn touch_if(&self, key: &CacheKey, ttl: Ttl, expected: &Version) -> Result<Touched, CacheError> {
        let Some((found, unique)) = self.find(key).await? else { return Ok(Touched::Missing) };
        if !found.is(expected) {
            return Ok(Touched::Changed);
        }
        // The protocol has no touch that compares: the same bytes take their own place.
        Ok(match self.store("cas", key, &found, ttl, Some(unique)).await? {
            Answer::Done => Touched::Touched,
            Answer::Exists => Touched::Changed,
            Answer::NotFound | Answer::NotStored => Touched::Missing,
        })
    }

    async fn incr(&self, key: &CacheKey, delta: i64) -> Result<Option<i64>, CacheError> {
        let (server, name) = self.keeper(key)?;
        let command = if delta < 0 { "decr" } else { "incr" };
        let sum = server
            .talk(async |connection| connection.count(command, name, delta.unsigned_abs()).await)
            .await?;
        match sum {
            Sum::NotFound => Ok(None),
            Sum::Is(sum) => match i64::try_from(sum) {
                Ok(sum) => Ok(Some(sum)),
                Err(_) => Err(pickled::not_a_number(&self.alias, key, delta)),
            },
            Sum::NotANumber => Err(pickled::not_a_number(&self.alias, key, delta)),
        }
    }

    async fn delete(&self, key: &CacheKey) -> Result<bool, CacheError> {
        let (server, key) = self.keeper(key)?;
        let command = format!("delete {key}");
        Ok(server.talk(async |connection| connection.command(&command).await).await? == Answer::Done)
    }

    async fn delete_if(&self, key: &CacheKey, expected: &Version) -> Result<Deleted, CacheError> {
        let Some((found, unique)) = self.find(key).await? else { return Ok(Deleted::Missing) };
        if !found.is(expected) {
            return Ok(Deleted::Changed);
        }
        // The protocol has no delete that compares: an empty value that has expired already takes its place.
        let nothing = Packed { flags: 0, data: bytes::Bytes::new() };
        Ok(match self.store("cas", key, &nothing, Ttl::Now, Some(unique)).await? {
            Answer::Done => Deleted::Deleted,
            Answer::Exists => Deleted::Changed,
            Answer::NotFound | Answer::NotStored => Deleted::Missing,
        })
    }

    async fn delete_many(&self, keys: &[CacheKey]) -> Result<(), CacheError> {
        try_join_all(keys.iter().map(|key| self.delete(key))).await.map(|_| ())
    }

    async fn clear(&self) -> Result<(), CacheError> {
        try_join_all(self.servers.iter().map(|server| server.talk(async |it| it.command("flush_all").await)))
            .await
            .map(|_| ())
    }

    async fn close(&self) {
        self.servers.iter().for_each(Server::close);
    }
}

/// The flags and bytes of a value.
#[cfg(test)]
pub(super) fn packed(key: &CacheKey, value: &Value) -> (u32, bytes::Bytes) {
    let packed = Packed::pack("default", key, value).unwrap();
    assert_eq!(packed.unpack("default", key).unwrap(), *value);
    (packed.flags, packed.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_moments() {
        for (seconds, written) in [
            (None, 0),
            (Some(0), -1),
            (Some(-100), -1),
            (Some(1), 1),
            (Some(2_592_000), 2_592_000),
            (Some(2_592_001), 1_769_914_801),
            (Some(100_000_000), 1_867_322_800),
            (Some(i64::MAX), 0),
        ] {
            assert_eq!(expires(Ttl::of(seconds), 1_767_322_800, false), written, "{seconds:?}");
        }
        assert_eq!(expires(Ttl::of(Some(2_000_000_000)), 1_767_322_800, true), 3_767_322_800);
    }
}
