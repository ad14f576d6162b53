//! The stores that sessions are kept in.

use tokio::runtime::Runtime;

use crate::served::Folder;
use crate::servers::{
    MEMCACHED, MYSQL, POSTGRES, REDIS, REDIS_CLUSTER, Trials, mysql_database, postgres_database,
};

/// An engine, and what it stands on.
#[derive(Debug)]
pub(crate) struct Store {
    name: &'static str,
    /// Without `django.contrib.sessions.backends.`.
    engine: &'static str,
    ground: Ground,
}

/// What an engine stands on. A database that is not said is SQLite's, a cache the process's own memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    Folder,
    Memory,
    Postgres,
    MySql,
    Redis,
    RedisCluster,
    Memcached,
}

/// Every engine that keeps sessions on the server, on everything that it can stand on.
pub(crate) static STORES: [Store; 10] = [
    Store { name: "db_sqlite", engine: "db", ground: Ground::Folder },
    Store { name: "db_postgres", engine: "db", ground: Ground::Postgres },
    Store { name: "db_mysql", engine: "db", ground: Ground::MySql },
    Store { name: "file", engine: "file", ground: Ground::Folder },
    Store { name: "cached_db_locmem", engine: "cached_db", ground: Ground::Memory },
    Store { name: "cached_db_redis", engine: "cached_db", ground: Ground::Redis },
    Store { name: "cache_locmem", engine: "cache", ground: Ground::Memory },
    Store { name: "cache_redis", engine: "cache", ground: Ground::Redis },
    Store { name: "cache_redis_cluster", engine: "cache", ground: Ground::RedisCluster },
    Store { name: "cache_memcached", engine: "cache", ground: Ground::Memcached },
];

impl Store {
    /// Whether several processes see the same sessions in it.
    pub(crate) fn is_shared(&self) -> bool {
        self.ground != Ground::Memory
    }

    /// Whether what it holds outlives the process.
    pub(crate) fn outlives_the_process(&self) -> bool {
        self.engine != "cache" || self.is_shared()
    }

    /// Adds a trial on a new site whose sessions it keeps.
    pub(crate) fn add_to<F: Future<Output = ()>>(
        &'static self,
        trials: &mut Trials,
        name: &str,
        run: impl FnOnce(Folder) -> F + Send + 'static,
    ) {
        let name = format!("{}::{name}", self.name);
        let run = move |location: &str| {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async { run(self.site(location).await).await });
        };
        match self.server() {
            Some(server) => trials.add_on(server, name, run),
            None => trials.add(name, move || run("")),
        }
    }

    fn server(&self) -> Option<&'static str> {
        match self.ground {
            Ground::Folder | Ground::Memory => None,
            Ground::Postgres => Some(POSTGRES),
            Ground::MySql => Some(MYSQL),
            Ground::Redis => Some(REDIS),
            Ground::RedisCluster => Some(REDIS_CLUSTER),
            Ground::Memcached => Some(MEMCACHED),
        }
    }

    async fn site(&self, location: &str) -> Folder {
        let database = |url| ("NUAGES_DATABASES", format!("{{default = {{URL = {url:?}}}}}"));
        let cache = |backend, options| {
            let backend = format!("django.core.cache.backends.{backend}");
            let entry = format!("{{BACKEND = {backend:?}, LOCATION = {location:?}, OPTIONS = {options}}}");
            ("NUAGES_CACHES", format!("{{default = {entry}}}"))
        };
        let ground = match self.ground {
            Ground::Folder | Ground::Memory => None,
            Ground::Postgres => Some(database(postgres_database(location).await)),
            Ground::MySql => Some(database(mysql_database(location).await)),
            Ground::Redis => Some(cache("redis.RedisCache", "{}")),
            Ground::RedisCluster => Some(cache("redis.RedisCache", "{cluster = true}")),
            Ground::Memcached => Some(cache("memcached.PyMemcacheCache", "{}")),
        };
        Folder::with(self.engine, ground)
    }
}
