//! Engines on stores of their own, for the contract suite.
#![allow(dead_code, reason = "each test target uses some of the places")]

use std::sync::Arc;

use nuages::conf::source::SettingsSource;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;

use crate::contract::Place;
use crate::servers::{mysql_database, postgres_database, unused_name};

const SQLITE: &str = r#"{ ENGINE = "django.db.backends.sqlite3", NAME = "contract.sqlite3" }"#;

/// The db engine on a SQLite file of its own.
pub(crate) async fn db() -> Place {
    place("db", &format!("DATABASES = {{ default = {SQLITE} }}")).await
}

/// The file engine on a folder of its own.
pub(crate) async fn file() -> Place {
    place("file", "SESSION_FILE_PATH = \".\"").await
}

/// The cache engine on memory of its own.
pub(crate) async fn cache() -> Place {
    place("cache", "").await
}

/// The cached_db engine on a SQLite file and memory of its own.
pub(crate) async fn cached_db() -> Place {
    place("cached_db", &format!("DATABASES = {{ default = {SQLITE} }}")).await
}

/// `CACHES.default` on that backend, with keys of its own.
fn caches(backend: &str, location: &str) -> String {
    format!(
        "CACHES = {{ default = {{ BACKEND = \"django.core.cache.backends.{backend}\", LOCATION = \"{location}\", KEY_PREFIX = \"{}\" }} }}",
        unused_name()
    )
}

/// The cache engine on files of its own.
pub(crate) async fn cache_file() -> Place {
    place("cache", &caches("filebased.FileBasedCache", "cache")).await
}

/// The cached_db engine on a SQLite file, with files of its own before it.
pub(crate) async fn cached_db_file() -> Place {
    let cache = caches("filebased.FileBasedCache", "cache");
    place("cached_db", &format!("DATABASES = {{ default = {SQLITE} }}\n{cache}")).await
}

/// The cache engine in that Redis.
pub(crate) async fn cache_redis(url: &str) -> Place {
    place("cache", &caches("redis.RedisCache", url)).await
}

/// The cache engine in that memcached.
pub(crate) async fn cache_memcached(address: &str) -> Place {
    place("cache", &caches("memcached.PyMemcacheCache", address)).await
}

/// The cached_db engine on a SQLite file, with that Redis before it.
pub(crate) async fn cached_db_redis(url: &str) -> Place {
    let cache = caches("redis.RedisCache", url);
    place("cached_db", &format!("DATABASES = {{ default = {SQLITE} }}\n{cache}")).await
}

/// The cached_db engine on a SQLite file, with that memcached before it.
pub(crate) async fn cached_db_memcached(address: &str) -> Place {
    let cache = caches("memcached.PyMemcacheCache", address);
    place("cached_db", &format!("DATABASES = {{ default = {SQLITE} }}\n{cache}")).await
}

/// The signed_cookies engine.
pub(crate) async fn signed_cookies() -> Place {
    place("signed_cookies", "").await
}

/// The db engine on a database of its own on that PostgreSQL server.
pub(crate) async fn postgres(url: &str) -> Place {
    on_server(&postgres_database(url).await).await
}

/// The db engine on a database of its own on that MySQL or MariaDB server.
pub(crate) async fn mysql(url: &str) -> Place {
    on_server(&mysql_database(url).await).await
}

/// The cached_db engine on a database of its own on that MySQL or MariaDB server, with memory of its own before it.
pub(crate) async fn cached_db_mysql(url: &str) -> Place {
    let url = mysql_database(url).await;
    place("cached_db", &format!("DATABASES = {{ default = {{ URL = {url:?} }} }}")).await
}

async fn on_server(url: &str) -> Place {
    place("db", &format!("DATABASES = {{ default = {{ URL = {url:?} }} }}")).await
}

/// The engine of that name with these settings besides, in a folder of its own.
pub(crate) async fn place(engine: &str, settings: &str) -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = format!(
        r#"
        SECRET_KEY = "contract"
        INSTALLED_APPS = ["django.contrib.sessions"]
        SESSION_ENGINE = "django.contrib.sessions.backends.{engine}"
        TIME_ZONE = "UTC"
        {settings}
        "#
    );
    let source = SettingsSource::text("contract", settings).in_dir(folder.path());
    let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    if let Ok(database) = built.project.db() {
        create_and_migrate(database, built.project.migrations(), Timestamp::now, |_| Ok(()))
            .await
            .expect("the table");
    }
    let database = built.project.db().ok().cloned();
    Place { engine: Arc::clone(built.project.sessions()), database, _keep: Box::new(folder) }
}
