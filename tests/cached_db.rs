//! `cached_db` when requests are dropped midway, and when others put into the cache what is not so: the row is the truth.
#![allow(missing_docs, reason = "tests")]

mod gated_cache;

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nuages::conf::source::SettingsSource;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;
use nuages::project::Project;
use nuages::serialize::value::{Dict, Value};
use nuages::session::key::SessionKey;
use nuages::session::store::{Load, SessionStore, StoreError};

use crate::gated_cache::{BACKEND, Call, GatedCache};

/// A site with `cached_db` on SQLite and a cache that can be held up.
struct Place {
    project: Arc<Project>,
    cache: Arc<GatedCache>,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().display().to_string();
        let cache = GatedCache::at(&location);
        let project = site(folder.path(), &location);
        let database = project.db().unwrap();
        create_and_migrate(database, project.migrations(), Timestamp::now, |_| Ok(())).await.unwrap();
        Self { project, cache, folder }
    }

    fn store(&self) -> &dyn SessionStore {
        self.project.sessions().store()
    }

    /// A stored session with `name = value`, whose entry is in the cache if `cached`.
    async fn begin(&self, value: &str, cached: bool) -> SessionKey {
        let key = SessionKey::generate().unwrap();
        self.store().insert(&key, &named(value)).await.unwrap();
        assert!(self.cache.entry(key.as_str()).is_some());
        if !cached {
            self.project.caches().get("default").unwrap().clear().await.unwrap();
        }
        key
    }

    /// What a visitor of that key is shown.
    async fn shown(&self, key: &SessionKey) -> Option<Value> {
        match self.store().load(key).await.unwrap() {
            Load::Found(loaded) => loaded.data.get("name").cloned(),
            Load::Missing | Load::Renew => None,
        }
    }
}

fn site(folder: &std::path::Path, location: &str) -> Arc<Project> {
    let settings = format!(
        r#"
        SECRET_KEY = "cached_db"
        INSTALLED_APPS = ["django.contrib.sessions"]
        SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
        DATABASES = {{ default = {{ ENGINE = "django.db.backends.sqlite3", NAME = "cached.sqlite3" }} }}
        CACHES = {{ default = {{ BACKEND = "gated", LOCATION = {location:?} }} }}
        "#
    );
    let source = SettingsSource::text("cached_db", &settings).in_dir(folder);
    let built = Site::new(folder).cache_backend(BACKEND).build(&source);
    built.unwrap_or_else(|faults| panic!("{faults:#?}")).project
}

fn named(value: &str) -> Dict {
    let mut dict = Dict::new();
    dict.insert("name", Value::from(value));
    dict
}

fn text(value: &str) -> Option<Value> {
    Some(Value::from(value))
}

/// Polls it until what is wanted of the outside is there, and no further.
async fn poll_until<F: Future>(mut future: Pin<&mut F>, what: impl Fn() -> bool) {
    let polled = async {
        while !what() {
            let ready = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()));
            assert!(!ready.await, "it came to its end");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polled).await.expect("in time");
}

async fn until(what: impl Fn() -> bool) {
    let waited = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("in time");
}

#[tokio::test]
async fn a_logout_that_is_dropped_midway_is_done() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    assert_eq!(place.shown(&key).await, text("Sonam"));
    place.cache.hold(Some(Call::Delete));
    let mut logout = Box::pin(place.store().delete(&key, None));
    // The row is deleted, the entry about to be.
    poll_until(logout.as_mut(), || place.cache.waiting() == 1).await;
    drop(logout);
    assert!(place.cache.entry(key.as_str()).is_some());
    place.cache.hold(None);
    assert_eq!(place.shown(&key).await, None);
    until(|| place.cache.entry(key.as_str()).is_none()).await;
}

#[tokio::test]
async fn a_reader_that_is_dropped_midway_does_not_undo_a_logout() {
    let place = Place::new().await;
    let key = place.begin("Sonam", false).await;
    place.cache.hold(Some(Call::Set));
    let mut reading = Box::pin(place.store().load(&key));
    poll_until(reading.as_mut(), || place.cache.waiting() == 1).await;
    assert!(place.store().delete(&key, None).await.unwrap());
    // Now the entry of the old row is put in, and nobody waits for what comes after.
    place.cache.hold(None);
    poll_until(reading.as_mut(), || place.cache.waiting() == 0).await;
    drop(reading);
    assert_eq!(place.shown(&key).await, None);
    until(|| place.cache.entry(key.as_str()).is_none()).await;
}

#[tokio::test]
async fn a_save_that_is_dropped_midway_shows() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    assert_eq!(place.shown(&key).await, text("Sonam"));
    place.cache.hold(Some(Call::Set));
    let data = named("Dorje");
    let mut saving = Box::pin(place.store().update(&key, &data, None));
    poll_until(saving.as_mut(), || place.cache.waiting() == 1).await;
    drop(saving);
    place.cache.hold(None);
    assert_eq!(place.shown(&key).await, text("Dorje"));
}

#[tokio::test]
async fn what_others_put_into_the_cache_is_compared() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    let entry = place.cache.key(key.as_str()).unwrap();
    let old = place.cache.entry(key.as_str()).unwrap();
    place.store().update(&key, &named("Dorje"), None).await.unwrap();
    assert_eq!(place.shown(&key).await, text("Dorje"));
    // Another process was slow with what it read before.
    place.cache.put(&entry, old.clone());
    assert_eq!(place.shown(&key).await, text("Dorje"));
    assert_eq!(place.cache.entry(key.as_str()), Some(Value::Dict(named("Dorje"))), "it is mended");
    assert!(place.store().delete(&key, None).await.unwrap());
    place.cache.put(&entry, old);
    assert_eq!(place.shown(&key).await, None);
    assert_eq!(place.cache.entry(key.as_str()), None, "it is taken out");
}

#[tokio::test]
async fn a_row_that_another_process_deleted_is_soon_missed() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    let location = place.folder.path().display().to_string();
    let other = site(place.folder.path(), &location);
    place.cache.set_down(true);
    other.sessions().store().delete(&key, None).await.unwrap();
    drop(other);
    place.cache.set_down(false);
    let gone = async {
        while place.shown(&key).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(8), gone).await.expect("nobody trusts for that long");
}

#[tokio::test]
async fn an_entry_that_could_not_be_deleted_is_deleted_without_another_request() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    place.cache.set_down(true);
    assert!(place.store().delete(&key, None).await.unwrap());
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(place.cache.entry(key.as_str()).is_some());
    place.cache.set_down(false);
    until(|| place.cache.entry(key.as_str()).is_none()).await;
}

#[tokio::test]
async fn an_entry_that_could_not_be_deleted_is_deleted_when_the_database_closes() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    place.cache.set_down(true);
    assert!(place.store().delete(&key, None).await.unwrap());
    tokio::time::sleep(Duration::from_millis(20)).await;
    place.cache.set_down(false);
    place.project.db().unwrap().close().await;
    assert_eq!(place.cache.entry(key.as_str()), None);
}

#[tokio::test]
async fn what_is_owed_outlives_the_request_that_pays_it() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    place.cache.set_down(true);
    assert!(place.store().delete(&key, None).await.unwrap());
    place.cache.hold(Some(Call::Delete));
    place.cache.set_down(false);
    // The cache answers again, and this request would delete what is owed; it is dropped in the middle of that.
    let other = SessionKey::generate().unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let _ = tokio::time::timeout(Duration::from_millis(50), place.store().load(&other)).await;
    place.cache.hold(None);
    until(|| place.cache.entry(key.as_str()).is_none()).await;
}

#[tokio::test]
async fn a_save_of_what_is_gone_takes_the_entry_along() {
    let place = Place::new().await;
    let key = place.begin("Sonam", true).await;
    // Another engine on the same table knows no cache.
    let database = place.project.db().unwrap();
    nuages::on_writer!(database, pool => {
        nuages::db::sqlx::query("DELETE FROM django_session").execute(pool).await.map(drop)
    })
    .unwrap();
    let saved = place.store().update(&key, &named("Dorje"), None).await;
    assert!(matches!(saved, Err(StoreError::Gone)));
    assert_eq!(place.cache.entry(key.as_str()), None);
    assert_eq!(place.shown(&key).await, None);
}
