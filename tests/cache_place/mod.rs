//! Caches on stores of their own, for the contract suite.

use std::any::Any;
use std::env;
use std::io::Write;
use std::sync::{Arc, Once};

use clap::{Args, FromArgMatches};
use nuages::apps::command::{Command, Output};
use nuages::conf::source::SettingsSource;
use nuages::management::createcachetable::CreateCacheTable;
use nuages::prelude::*;
use nuages::project::Project;
use tokio::sync::Mutex;

use crate::cache_contract::Place;
use crate::servers;

const SQLITE: &str = r#"{ ENGINE = "django.db.backends.sqlite3", NAME = "contract.sqlite3" }"#;

/// The project of a site whose `CACHES.default` is that, in a folder of its own.
pub(crate) fn project(entry: &str) -> (Arc<Project>, tempfile::TempDir) {
    project_on(SQLITE, entry)
}

/// The same on another database.
fn project_on(database: &str, entry: &str) -> (Arc<Project>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = format!(
        r#"
        SECRET_KEY = "contract"
        DATABASES = {{ default = {database} }}
        [CACHES.default]
        {entry}
        "#
    );
    let source = SettingsSource::text("contract", &settings).in_dir(folder.path());
    let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    (built.project, folder)
}

fn place(project: &Arc<Project>, keep: impl Any + Send) -> Place {
    Place {
        cache: project.caches().get("default").expect("a cache").clone(),
        counts_below_zero: true,
        takes_any_key: true,
        _keep: Box::new((keep, Arc::clone(project))),
    }
}

pub(crate) async fn locmem() -> Option<Place> {
    let entry = r#"BACKEND = "django.core.cache.backends.locmem.LocMemCache""#;
    let (project, folder) = project(entry);
    Some(place(&project, folder))
}

pub(crate) async fn file() -> Option<Place> {
    let entry = r#"
        BACKEND = "django.core.cache.backends.filebased.FileBasedCache"
        LOCATION = "cache/of/files""#;
    let (project, folder) = project(entry);
    Some(place(&project, folder))
}

pub(crate) async fn db() -> Option<Place> {
    let entry = r#"
        BACKEND = "django.core.cache.backends.db.DatabaseCache"
        LOCATION = "my_cache""#;
    let (project, folder) = project(entry);
    create_table(&project, &[]).await;
    Some(place(&project, folder))
}

/// The table of a cache in that database.
async fn table_in(url: &str) -> Option<Place> {
    let entry = r#"
        BACKEND = "django.core.cache.backends.db.DatabaseCache"
        LOCATION = "my_cache""#;
    let (project, folder) = project_on(&format!("{{ URL = {url:?} }}"), entry);
    create_table(&project, &[]).await;
    Some(place(&project, folder))
}

pub(crate) async fn postgres() -> Option<Place> {
    static TOLD: Once = Once::new();
    let url = server(servers::POSTGRES, "PostgreSQL", &TOLD)?;
    table_in(&servers::postgres_database(&url).await).await
}

pub(crate) async fn mysql() -> Option<Place> {
    static TOLD: Once = Once::new();
    let url = server(servers::MYSQL, "MySQL or MariaDB", &TOLD)?;
    table_in(&servers::mysql_database(&url).await).await
}

/// `manage createcachetable`
pub(crate) async fn create_table(project: &Arc<Project>, words: &[&str]) {
    let parser = CreateCacheTable::augment_args(clap::Command::new("createcachetable").no_binary_name(true));
    let matches = parser.try_get_matches_from(words).expect("words");
    let command = CreateCacheTable::from_arg_matches(&matches).expect("a command");
    let mut out = Output::new(std::io::sink(), false);
    command.handle(Arc::clone(project), &mut out).await.expect("the table");
}

/// The tests of one server take turns: each has it to itself.
static REDIS: Mutex<()> = Mutex::const_new(());
static CLUSTER: Mutex<()> = Mutex::const_new(());
static MEMCACHED: Mutex<()> = Mutex::const_new(());

pub(crate) async fn redis() -> Option<Place> {
    static TOLD: Once = Once::new();
    let location = server(servers::REDIS, "Redis", &TOLD)?;
    on_server("django.core.cache.backends.redis.RedisCache", &location, "", &REDIS).await
}

pub(crate) async fn redis_cluster() -> Option<Place> {
    static TOLD: Once = Once::new();
    let location = server(servers::REDIS_CLUSTER, "a Redis cluster", &TOLD)?;
    let options = "OPTIONS = { cluster = true }";
    on_server("django.core.cache.backends.redis.RedisCache", &location, options, &CLUSTER).await
}

pub(crate) async fn memcached() -> Option<Place> {
    static TOLD: Once = Once::new();
    let location = server(servers::MEMCACHED, "memcached", &TOLD)?;
    let backend = "django.core.cache.backends.memcached.PyMemcacheCache";
    let place = on_server(backend, &location, "", &MEMCACHED).await?;
    Some(Place { counts_below_zero: false, takes_any_key: false, ..place })
}

/// Two servers: pymemcache's way of spreading keys over them is tested elsewhere.
pub(crate) async fn memcached_servers() -> Option<Place> {
    static TOLD: Once = Once::new();
    static TOLD_OF_SECOND: Once = Once::new();
    let first = server(servers::MEMCACHED, "memcached", &TOLD)?;
    let second = server("NUAGES_TEST_MEMCACHED_SECOND", "a second memcached", &TOLD_OF_SECOND)?;
    let backend = "django.core.cache.backends.memcached.PyMemcacheCache";
    let place = on_server(backend, &format!("{first},{second}"), "", &MEMCACHED).await?;
    Some(Place { counts_below_zero: false, takes_any_key: false, ..place })
}

async fn on_server(backend: &str, location: &str, options: &str, turn: &'static Mutex<()>) -> Option<Place> {
    let turn = turn.lock().await;
    let (project, _) = project(&format!(
        "BACKEND = {backend:?}\nLOCATION = {location:?}\nKEY_PREFIX = \"contract\"\n{options}"
    ));
    let place = place(&project, turn);
    place.cache.clear().await.expect("a server that is there");
    Some(place)
}

/// Where the server is; tells once what is left out.
pub(crate) fn server(variable: &str, what: &str, told: &Once) -> Option<String> {
    if let Ok(location) = env::var(variable) {
        return Some(location);
    }
    let required = env::var("NUAGES_TEST_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "{variable} does not say where {what} is");
    told.call_once(|| {
        // Not `eprintln!`, which the test runner swallows.
        let line = format!("left out: {what}; {variable}=… says where one is, whose contents are deleted\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
    None
}
