//! What one backend alone does, and what no test server is needed for.

use std::fs;
use std::time::{Duration, Instant};

use nuages::cache::backend::{Replaced, Timeout};
use nuages::cache::error::CacheError;
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;
use tokio::net::TcpListener;

use crate::cache_place::{create_table, project, server};

const DB: &str = "BACKEND = \"django.core.cache.backends.db.DatabaseCache\"\nLOCATION = \"my_cache\"";
const FILE: &str = "BACKEND = \"django.core.cache.backends.filebased.FileBasedCache\"\nLOCATION = \"files\"";

#[tokio::test]
async fn the_dummy_keeps_nothing() {
    let (project, _folder) = project("BACKEND = \"django.core.cache.backends.dummy.DummyCache\"");
    let cache = project.caches().get("default").unwrap();
    cache.set("key", &1, Timeout::Never).await.unwrap();
    assert!(cache.add("key", &1, Timeout::Never).await.unwrap());
    assert_eq!(cache.get::<u8>("key").await.unwrap(), None);
    assert!(!cache.has_key("key").await.unwrap());
    assert_eq!(cache.replace("key", &1, Timeout::Never, None).await.unwrap(), Replaced::Missing);
    assert!(matches!(cache.incr("key", 1).await, Err(CacheError::Missing { .. })));
    let made = cache.get_or_set("key", Timeout::Never, async || Ok::<_, CacheError>(5_u8));
    assert_eq!(made.await.unwrap(), 5);
}

#[tokio::test]
async fn a_table_that_is_missing_names_the_command() {
    let (project, _folder) = project(DB);
    project.db().unwrap().create().await.unwrap();
    let cache = project.caches().get("default").unwrap();
    let error = cache.get::<u8>("key").await.unwrap_err();
    assert!(matches!(&error, CacheError::MissingTable { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the cache \"default\": there is no table \"my_cache\" (run `manage createcachetable`)"
    );
    create_table(&project, &[]).await;
    // A second time it finds it there.
    create_table(&project, &["my_cache", "other"]).await;
    assert_eq!(cache.get::<u8>("key").await.unwrap(), None);
}

#[tokio::test]
async fn files_and_tables_are_culled() {
    for entry in [FILE, DB] {
        let limits = "OPTIONS = { MAX_ENTRIES = 20, CULL_FREQUENCY = 4 }";
        let (project, _folder) = project(&format!("{entry}\n{limits}"));
        if entry == DB {
            create_table(&project, &[]).await;
        }
        let cache = project.caches().get("default").unwrap();
        let names: Vec<String> = (0..60).map(|number| format!("key{number}")).collect();
        for name in &names {
            cache.set(name, &1, Timeout::Never).await.unwrap();
        }
        let keys: Vec<&str> = names.iter().map(String::as_str).collect();
        let left = cache.get_many::<u8>(&keys).await.unwrap().len();
        assert!((15..=21).contains(&left), "{entry}: {left}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_until_it_is_written_or_deleted() {
    let (project, folder) = project(FILE);
    let cache = project.caches().get("default").unwrap();
    cache.set("key", "value", 100.into()).await.unwrap();
    // md5(":1:key")
    let file = folder.path().join("files/489087976349f36d5c25c049476d6176.djcache");
    let sound = fs::read(&file).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("files")).unwrap().permissions().mode() & 0o777, 0o700);
    }
    for damage in [sound[..sound.len() - 3].to_vec(), sound[..9].to_vec(), b"x".to_vec(), vec![0; 500]] {
        fs::write(&file, &damage).unwrap();
        let error = cache.get::<String>("key").await.unwrap_err();
        assert!(matches!(&error, CacheError::Decode { .. }), "{error:?}");
        cache.set("key", "value", 100.into()).await.unwrap();
        assert_eq!(cache.get::<String>("key").await.unwrap().as_deref(), Some("value"));
        fs::write(&file, &damage).unwrap();
        assert!(cache.delete("key").await.unwrap());
        assert_eq!(cache.get::<String>("key").await.unwrap(), None);
    }
    // Python's empty file has expired.
    fs::write(&file, b"").unwrap();
    assert_eq!(cache.get::<String>("key").await.unwrap(), None);
    assert!(!file.exists());
}

/// Every call fails with the server's name, soon.
async fn fails_soon(entry: &str, server: &str) {
    let (project, _folder) = project(entry);
    let cache = project.caches().get("default").unwrap();
    let began = Instant::now();
    let errors = [
        cache.get::<u8>("key").await.map(|_| ()).unwrap_err(),
        cache.set("key", &1, Timeout::Never).await.unwrap_err(),
        cache.incr("key", 1).await.map(|_| ()).unwrap_err(),
        cache.get_many::<u8>(&["a", "b"]).await.map(|_| ()).unwrap_err(),
        cache.replace("key", &1, Timeout::Never, None).await.map(|_| ()).unwrap_err(),
        cache.clear().await.unwrap_err(),
    ];
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    for error in errors {
        let text = error.to_string();
        assert!(error.is_transient() && text.contains("\"default\"") && text.contains(server), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_an_error_with_its_name() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let down_port = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap().port()
    };
    for port in [silent_port, down_port] {
        let memcached = "django.core.cache.backends.memcached.PyMemcacheCache";
        let entry = format!(
            "BACKEND = {memcached:?}\nLOCATION = \"127.0.0.1:{port}\"\nOPTIONS = {{ timeout = 0.2, connect_timeout = 1 }}"
        );
        fails_soon(&entry, &format!("memcached 127.0.0.1:{port}")).await;
        let redis = "django.core.cache.backends.redis.RedisCache";
        let entry = format!(
            "BACKEND = {redis:?}\nLOCATION = \"redis://:hidden@127.0.0.1:{port}/1\"\nOPTIONS = {{ socket_timeout = 0.2, socket_connect_timeout = 1 }}"
        );
        fails_soon(&entry, &format!("127.0.0.1:{port}")).await;
    }
}

#[test]
fn every_wrong_entry_is_told_at_once() {
    let settings = r#"
        SECRET_KEY = "contract"
        CACHES.default = { BACKEND = "django.core.cache.backends.locmem.LocMemCach" }
        CACHES.files = { BACKEND = "django.core.cache.backends.filebased.FileBasedCache", OPTIONS = { MAX_ENTRY = 5 } }
        CACHES.table = { BACKEND = "django.core.cache.backends.db.DatabaseCache", LOCATION = "t" }
        CACHES.redis = { BACKEND = "django.core.cache.backends.redis.RedisCache", LOCATION = "http://u:hidden@h" }
        CACHES.memcached = { BACKEND = "django.core.cache.backends.memcached.PyMemcacheCache", OPTIONS = { timeout = -1 } }
    "#;
    let source = SettingsSource::text("contract", settings);
    let faults = Site::new("/nowhere").build(&source).unwrap_err();
    let told: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    for part in [
        "CACHES.default.BACKEND: (nuages.E401)",
        "Did you mean \"django.core.cache.backends.locmem.LocMemCache\"?",
        "CACHES.files.LOCATION",
        "CACHES.files.OPTIONS.MAX_ENTRY: (nuages.E402)",
        "Did you mean MAX_ENTRIES?",
        "CACHES.table.BACKEND",
        "CACHES.redis.LOCATION",
        "CACHES.memcached.OPTIONS.timeout: (nuages.E403) -1 is not allowed.",
        "CACHES.memcached.LOCATION",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(!told.contains("hidden"), "{told}");
}

#[tokio::test]
async fn an_unknown_alias_lists_the_known() {
    let (project, _folder) = project("TIMEOUT = 5");
    let error = project.caches().get("other").unwrap_err();
    assert_eq!(error.to_string(), "there is no cache \"other\" in CACHES (there is: default)");
}

/// Django 5.2 `core/cache/backends/redis.py`: the first server is written to, the others are read from.
#[tokio::test]
async fn the_first_redis_takes_the_writes_and_the_others_the_reads() {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let Some(url) = server("NUAGES_TEST_REDIS", "Redis", &TOLD) else { return };
    let server = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let at = |location: &str| {
        project(&format!(
            "BACKEND = \"django.core.cache.backends.redis.RedisCache\"\nLOCATION = {location}\nKEY_PREFIX = \"several\""
        ))
    };
    // Databases that know nothing of each other, so that it shows which one was asked.
    let (several, _several) = at(&format!("[\"{server}/11\", \"{server}/12\", \"{server}/13\"]"));
    let several = several.caches().get("default").unwrap().clone();
    let (writer, _writer) = at(&format!("\"{server}/11\""));
    let writer = writer.caches().get("default").unwrap().clone();
    let mut readers = Vec::new();
    for number in [12, 13] {
        let (reader, folder) = at(&format!("\"{server}/{number}\""));
        readers.push((reader.caches().get("default").unwrap().clone(), folder));
    }
    for (number, (reader, _)) in readers.iter().enumerate() {
        reader.set("read", &number, 100.into()).await.unwrap();
    }
    several.set("written", "once", 100.into()).await.unwrap();
    assert!(several.add("added", "once", 100.into()).await.unwrap());
    assert!(!several.add("added", "twice", 100.into()).await.unwrap(), "what compares asks the first");
    assert_eq!(several.get::<String>("written").await.unwrap(), None, "the others were not written to");
    assert_eq!(writer.get::<String>("written").await.unwrap().as_deref(), Some("once"));
    let (_, version) =
        several.get_versioned::<String>("written").await.unwrap().expect("read from the first");
    assert!(matches!(
        several.replace("written", "more", 100.into(), Some(&version)).await.unwrap(),
        Replaced::Stored(_)
    ));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        seen.insert(several.get::<usize>("read").await.unwrap().expect("read from one of the others"));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1], "they take turns");
    assert!(several.delete("written").await.unwrap());
    assert_eq!(writer.get::<String>("written").await.unwrap(), None);
    writer.clear().await.unwrap();
    for (reader, _) in &readers {
        reader.clear().await.unwrap();
    }
}
