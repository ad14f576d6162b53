//! What single engines do as Django's does, down to the order of errors, with `SESSION_DJANGO_FAULTS` and without.

use std::num::NonZeroU32;
use std::sync::Arc;

use nuages::checks::CheckMessage;
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::{Dict, Value};
use nuages::session::engine::{EngineDef, EngineParts, SessionEngine};
use nuages::session::error::SessionError;
use nuages::session::expiry::Expiry;
use nuages::session::key::SessionKey;
use nuages::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};
use time::macros::datetime;

use crate::contract::Place;
use crate::place::place;

const FAULTS: &str = "SESSION_DJANGO_FAULTS = true";
const UNKNOWN: &str = "nothing0of0this0kind000000000000";

/// The engine of that name with Django's faults and without.
async fn both(engine: &str, settings: &str) -> [(bool, Place); 2] {
    let faults = place(engine, &format!("{FAULTS}\n{settings}")).await;
    [(true, faults), (false, place(engine, settings).await)]
}

async fn stored(place: &Place, expiry: Option<Expiry>) -> SessionKey {
    let session = place.engine.session(None);
    session.set("a", 1).await.unwrap();
    if let Some(expiry) = expiry {
        session.set_expiry(expiry).await.unwrap();
    }
    session.save().await.unwrap();
    session.session_key().unwrap()
}

fn unwritable() -> Dict {
    Dict::from([("a", Value::Bytes(b"JSON has no word for these".to_vec()))])
}

#[tokio::test]
async fn a_taken_file_is_told_before_data_that_cannot_be_written() {
    for (faults, place) in both("file", "SESSION_FILE_PATH = \".\"").await {
        let (store, free) = (place.engine.store(), SessionKey::generate().unwrap());
        let taken = stored(&place, None).await;
        let insert = store.insert(&taken, &unwritable()).await;
        assert!(matches!(insert, Err(StoreError::Exists)), "{faults} {insert:?}");
        let insert = store.insert(&free, &unwritable()).await;
        assert!(matches!(insert, Err(StoreError::Encode(_))), "{faults} {insert:?}");
        assert_eq!(store.exists(&free).await.unwrap(), faults, "Django leaves an empty file behind");
    }
}

#[tokio::test]
async fn a_missing_file_is_told_before_data_that_cannot_be_written() {
    for (_, place) in both("file", "SESSION_FILE_PATH = \".\"").await {
        let (store, key) = (place.engine.store(), stored(&place, None).await);
        let update = store.update(&key, &unwritable(), None).await;
        assert!(matches!(update, Err(StoreError::Encode(_))), "{update:?}");
        store.delete(&key, None).await.unwrap();
        let update = store.update(&key, &unwritable(), None).await;
        assert!(matches!(update, Err(StoreError::Gone)), "{update:?}");
    }
}

#[tokio::test]
async fn an_empty_file_never_expires_in_django() {
    for (faults, place) in both("file", "SESSION_FILE_PATH = \".\"\nSESSION_COOKIE_AGE = 0").await {
        let folder = place._keep.downcast_ref::<tempfile::TempDir>().expect("the folder");
        std::fs::write(folder.path().join(format!("sessionid{UNKNOWN}")), "").unwrap();
        let key = SessionKey::parse(UNKNOWN).unwrap();
        let store = place.engine.store();
        assert_eq!(store.count_expired().await.unwrap(), u64::from(!faults));
        store.clear_expired(NonZeroU32::MAX).await.unwrap();
        assert_eq!(store.exists(&key).await.unwrap(), faults);
    }
}

#[tokio::test]
async fn a_file_without_a_sensible_expiry_ends_djangos_sweep() {
    for (faults, place) in both("file", "SESSION_FILE_PATH = \".\"").await {
        let soon = Expiry::Other(Value::Str("soon".to_owned()));
        let session = place.engine.session(None);
        session.set_expiry(soon).await.unwrap();
        session.save().await.unwrap();
        let cleared = session.clear_expired().await;
        assert_eq!(matches!(cleared, Err(SessionError::Expiry(_))), faults, "{cleared:?}");
        assert_eq!(matches!(cleared, Ok(0)), !faults, "{cleared:?}");
    }
}

/// What a request that only pops something leaves of a session which its load renewed.
async fn pop_alone(place: &Place, key: &str) -> Session {
    let session = place.engine.session(Some(key));
    assert_eq!(session.pop_value("a").await.unwrap(), None);
    session
}

#[tokio::test]
async fn a_pop_forgets_a_renewal_in_django_alone() {
    for (faults, place) in both("file", "SESSION_FILE_PATH = \".\"").await {
        let long_ago = DateTime::Aware(datetime!(2020-01-01 00:00 UTC));
        let key = stored(&place, Some(Expiry::Other(Value::DateTime(long_ago)))).await;
        let session = pop_alone(&place, key.as_str()).await;
        assert_eq!(session.modified(), !faults);
        let new = session.session_key().expect("a renewed session");
        assert!(matches!(place.engine.store().load(&new).await.unwrap(), Load::Found(_)));

        let key = stored(&place, Some(Expiry::Other(Value::DateTime(long_ago)))).await;
        let session = place.engine.session(Some(key.as_str()));
        assert!(!session.remove("a").await.unwrap());
        assert!(session.modified(), "del forgets nothing");
    }
    for (faults, place) in both("signed_cookies", "").await {
        assert_eq!(pop_alone(&place, "forged:1u:signature").await.modified(), !faults);
    }
}

#[tokio::test]
async fn an_expiry_that_is_no_time_for_a_cache_leaves_the_row() {
    for (faults, place) in both("cached_db", DATABASE).await {
        let key = stored(&place, None).await;
        let session = place.engine.session(Some(key.as_str()));
        // Naive, where USE_TZ is on: a table takes it, an age cannot be worked out.
        let naive = DateTime::Naive(datetime!(2050-01-01 00:00));
        session.set_expiry(Expiry::Other(Value::DateTime(naive))).await.unwrap();
        session.set("b", 2).await.unwrap();
        session.save().await.unwrap();
        let Load::Found(found) = place.engine.store().load(&key).await.unwrap() else { panic!("{faults}") };
        assert_eq!(found.data.contains_key("b"), !faults, "Django trusts the old entry");
        let row = place.engine.store().reload(&key).await.unwrap().unwrap();
        assert!(row.data.contains_key("b"));
    }
}

#[tokio::test]
async fn a_key_is_drawn_once_a_dead_cache_has_failed() {
    let dead = "CACHES.default = { BACKEND = \"django.core.cache.backends.redis.RedisCache\", LOCATION = \"redis://127.0.0.1:1/0\" }";
    for (faults, place) in both("cached_db", &format!("{DATABASE}\n{dead}")).await {
        let session = place.engine.session(Some(UNKNOWN));
        let saved = session.save().await;
        if faults {
            assert!(matches!(saved, Err(SessionError::Store(StoreError::Backend { .. }))), "{saved:?}");
            assert_eq!(session.session_key(), None);
        } else {
            assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
            assert_ne!(session.session_key().unwrap().as_str(), UNKNOWN);
        }
        assert_eq!(session.exists("short").await.is_err(), faults);
        assert_eq!(session.delete(Some("short")).await.is_err(), faults);
    }
}

const DATABASE: &str =
    r#"DATABASES = { default = { ENGINE = "django.db.backends.sqlite3", NAME = "ways.sqlite3" } }"#;

/// A store whose every key is taken.
#[derive(Debug)]
struct Full;

#[async_trait]
impl SessionStore for Full {
    fn residence(&self) -> Residence {
        Residence::Server
    }

    async fn load(&self, _: &SessionKey) -> Result<Load, StoreError> {
        Ok(Load::Missing)
    }

    async fn reload(&self, _: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(None)
    }

    async fn exists(&self, _: &SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn insert(&self, _: &SessionKey, _: &Dict) -> Result<Saved, StoreError> {
        Err(StoreError::Exists)
    }

    async fn update(&self, _: &SessionKey, _: &Dict, _: Option<&Version>) -> Result<Saved, StoreError> {
        Err(StoreError::Gone)
    }

    async fn touch(&self, _: &SessionKey, _: &Dict, _: Option<&Version>) -> Result<(), StoreError> {
        Err(StoreError::Gone)
    }

    async fn delete(&self, _: &SessionKey, _: Option<&Version>) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn clear_expired(&self, _: NonZeroU32) -> Result<Cleared, StoreError> {
        Ok(Cleared::NOTHING)
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn page(&self, _: Option<&SessionKey>, _: NonZeroU32) -> Result<Vec<StoredRow>, StoreError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_store_that_takes_no_key_is_told_after_ten_thousand() {
    fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
        Ok(SessionEngine::new("full", Arc::new(Full), parts))
    }
    let settings = "SECRET_KEY = \"ways\"\nSESSION_ENGINE = \"full\"";
    let site = Site::new("/nowhere").session_engine(EngineDef { name: "full", build });
    let built = site.build(&SettingsSource::text("ways", settings)).unwrap();
    let session = built.project.sessions().session(None);
    assert!(matches!(session.create().await, Err(SessionError::NoFreeKey(10_000))));
}
