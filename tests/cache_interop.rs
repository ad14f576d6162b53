//! The half of `cache_interop.py` that is nuages': reads what Django stored, and stores what Django reads.

use std::env;
use std::io::Write;

use nuages::cache::backend::Ttl;
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;

use crate::cache_contract::every_kind;

/// The settings' text, which the script gives.
const SETTINGS: &str = "NUAGES_TEST_CACHE_INTEROP";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn django_and_nuages_read_each_other() {
    let Ok(settings) = env::var(SETTINGS) else {
        let line = "left out: Django's caches; run tests/cache_interop.py with a Python that has Django\n";
        let _ = std::io::stderr().write_all(line.as_bytes());
        return;
    };
    let source = SettingsSource::text("interop", &settings);
    let built = Site::new("/").build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let cache = built.project.caches().get("default").unwrap();
    let backend = cache.backend();
    let mut wrong = Vec::new();
    for (number, value) in every_kind().into_iter().enumerate() {
        let key = cache.key(&format!("django{number}")).unwrap();
        match backend.get(&key).await {
            Ok(Some(found)) if found == value => {}
            other => wrong.push(format!("{value:?}: {other:?}")),
        }
        let key = cache.key(&format!("nuages{number}")).unwrap();
        backend.set(&key, &value, Ttl::of(Some(100))).await.unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let key = cache.key("forever").unwrap();
    assert!(backend.has_key(&key).await.unwrap());
    let (_, version) = backend.get_versioned(&key).await.unwrap().unwrap();
    assert_eq!(backend.incr(&cache.key("count").unwrap(), 2).await.unwrap(), Some(42));
    assert!(!backend.add(&key, &1.into(), Ttl::Never).await.unwrap());
    backend.replace(&key, &"replaced".into(), Ttl::Never, Some(&version)).await.unwrap();
}
