//! What every session store must do: one suite, run over each engine.
//!
//! A place is an engine on a store of its own. What differs between engines is in the place: whether rows can be looked at
//! and aged from the outside.

use std::num::NonZeroU32;
use std::sync::Arc;

use nuages::db::database::Database;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};
use nuages::session::engine::SessionEngine;
use nuages::session::error::SessionError;
use nuages::session::expiry::Expiry;
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::{Load, StoreError};

/// An engine on a store of its own.
#[allow(dead_code, reason = "each test target uses some of it")]
pub(crate) struct Place {
    pub(crate) engine: Arc<SessionEngine>,
    /// The database that it stands on, if it stands on one.
    pub(crate) database: Option<Database>,
    /// What keeps the store alive: a folder, a server.
    pub(crate) _keep: Box<dyn std::any::Any>,
}

impl Place {
    fn session(&self, key: Option<&SessionKey>) -> Session {
        self.engine.session(key.map(SessionKey::as_str))
    }

    /// A stored session with these keys, each holding its own name.
    async fn stored(&self, keys: &[&str]) -> SessionKey {
        let session = self.session(None);
        for key in keys {
            session.set(key, key).await.unwrap();
        }
        session.save().await.unwrap();
        session.session_key().expect("a saved session has a key")
    }

    async fn keys(&self, key: &SessionKey) -> Vec<String> {
        self.session(Some(key)).keys().await.unwrap()
    }
}

/// Hands the names of the suite's tests to another macro, with whatever stands before them.
macro_rules! session_contract {
    ($then:ident! $($with:tt)*) => {
        $then!($($with)*
            a_new_session_gets_its_key_when_it_is_saved,
            what_is_stored_comes_back_as_it_was,
            an_update_is_not_an_insert,
            an_insert_is_not_an_update,
            a_key_that_names_nothing_is_not_adopted,
            a_short_key_is_found_and_deleted,
            concurrent_requests_lose_nothing,
            a_counter_counts_every_visit,
            a_removal_survives_a_concurrent_set,
            a_flush_wins,
            clear_takes_what_others_set,
            setdefault_keeps_what_came_first,
            cycle_key_takes_concurrent_changes_along,
            cycle_key_does_not_undo_a_flush,
            an_expired_session_is_gone,
            clear_expired_leaves_the_living,
            clear_expired_comes_to_an_end_with_many,
            pages_show_each_session_once,
            a_touch_writes_no_data,
            a_touch_leaves_what_others_changed,
            saving_twice_counts_once,
        );
    };
}

pub(crate) async fn a_new_session_gets_its_key_when_it_is_saved(place: &Place) {
    let session = place.session(None);
    assert!(session.is_empty());
    session.set("name", "Sonam").await.unwrap();
    assert!(session.session_key().is_none());
    session.save().await.unwrap();
    let key = session.session_key().expect("a key");
    assert!(place.session(None).exists(key.as_str()).await.unwrap());
    assert_eq!(place.session(Some(&key)).get::<String>("name").await.unwrap().as_deref(), Some("Sonam"));
}

pub(crate) async fn what_is_stored_comes_back_as_it_was(place: &Place) {
    // Order, integers beyond 64 bits, 1 beside 1.0, lone surrogates: what this process does not touch stays as it is.
    let text = br#"{"z":1,"a":1.0,"big":123456789012345678901234567890,"s":"\ud800x","nan":NaN,"n":{"b":[],"a":null}}"#;
    let Ok(Value::Dict(dict)) = json::loads(text) else { panic!("the test's own JSON") };
    let session = place.session(None);
    session.update_values(dict).await.unwrap();
    session.save().await.unwrap();
    let key = session.session_key().unwrap();
    for round in 0..3 {
        let session = place.session(Some(&key));
        session.set("round", round).await.unwrap();
        session.save().await.unwrap();
    }
    let mut dict = place.session(Some(&key)).dict().await.unwrap();
    assert_eq!(dict.remove("round"), Some(Value::Int(2)));
    assert_eq!(String::from_utf8_lossy(&json::dumps_dict(&dict).unwrap()), String::from_utf8_lossy(text));
}

pub(crate) async fn an_update_is_not_an_insert(place: &Place) {
    let key = place.stored(&["a"]).await;
    let late = place.session(Some(&key));
    late.set("late", true).await.unwrap();
    place.session(Some(&key)).flush().await.unwrap();
    assert!(matches!(late.save().await, Err(SessionError::Gone)));
    assert!(!place.session(None).exists(key.as_str()).await.unwrap(), "a logout stays a logout");

    let cleared = place.session(Some(&key));
    cleared.clear().unwrap();
    cleared.set("late", true).await.unwrap();
    assert!(matches!(cleared.save().await, Err(SessionError::Gone)));
    let store = place.engine.store();
    assert!(matches!(store.touch(&key, &Dict::new(), None).await, Err(StoreError::Gone)));
    assert!(matches!(store.update(&key, &Dict::new(), None).await, Err(StoreError::Gone)));
    assert!(!store.exists(&key).await.unwrap());
}

pub(crate) async fn an_insert_is_not_an_update(place: &Place) {
    let key = place.stored(&["a"]).await;
    let other = place.session(Some(&key));
    assert!(matches!(other.save_new().await, Err(SessionError::Exists(_))));
    assert_eq!(place.keys(&key).await, ["a"]);
}

pub(crate) async fn a_key_that_names_nothing_is_not_adopted(place: &Place) {
    for text in [
        "nothing0of0this0kind000000000000",
        "../../../../etc/passwd",
        "with space and ; = \u{1}",
        "ééééééééé",
        "a\0b_12345678",
    ] {
        let key = SessionKey::parse(text).unwrap();
        let session = place.session(Some(&key));
        assert!(session.dict().await.unwrap().is_empty(), "{text:?}");
        assert_eq!(session.session_key(), None, "{text:?}");
        session.set("a", 1).await.unwrap();
        session.save().await.unwrap();
        let made = session.session_key().unwrap();
        assert_ne!(made.as_str(), text);
        assert!(made.is_plain());
    }
}

/// No cookie names such a session, but somebody's own tool may have stored it.
pub(crate) async fn a_short_key_is_found_and_deleted(place: &Place) {
    let short = SessionKey::verbatim("short");
    place.engine.store().insert(&short, &Dict::new()).await.unwrap();
    let session = place.session(None);
    assert!(session.exists("short").await.unwrap());
    assert!(!session.exists("").await.unwrap());
    session.delete(Some("short")).await.unwrap();
    assert!(!session.exists("short").await.unwrap());
    session.delete(Some("")).await.unwrap();
}

pub(crate) async fn concurrent_requests_lose_nothing(place: &Place) {
    let key = place.stored(&["login"]).await;
    let requests: Vec<Session> = (0..50).map(|_| place.session(Some(&key))).collect();
    for request in &requests {
        request.dict().await.unwrap();
    }
    let saves = requests.into_iter().enumerate().map(|(number, request)| async move {
        request.set(&format!("key{number}"), number).await.unwrap();
        request.save().await.unwrap();
    });
    futures_util::future::join_all(saves).await;
    let keys = place.keys(&key).await;
    assert_eq!(keys.len(), 51, "{keys:?}");
    assert_eq!(keys[0], "login");
}

pub(crate) async fn a_counter_counts_every_visit(place: &Place) {
    let key = place.stored(&["login"]).await;
    let visits = (0..50).map(|_| async {
        let session = place.session(Some(&key));
        session.modify("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await.unwrap();
        tokio::task::yield_now().await;
        session.save().await.unwrap();
    });
    futures_util::future::join_all(visits).await;
    assert_eq!(place.session(Some(&key)).get::<u64>("visits").await.unwrap(), Some(50));
}

pub(crate) async fn a_removal_survives_a_concurrent_set(place: &Place) {
    let key = place.stored(&["a", "b"]).await;
    let (one, two) = (place.session(Some(&key)), place.session(Some(&key)));
    assert!(one.remove("a").await.unwrap());
    two.set("c", "c").await.unwrap();
    two.save().await.unwrap();
    one.save().await.unwrap();
    assert_eq!(place.keys(&key).await, ["b", "c"]);
}

pub(crate) async fn a_flush_wins(place: &Place) {
    let key = place.stored(&["login"]).await;
    let requests: Vec<Session> = (0..20).map(|_| place.session(Some(&key))).collect();
    for request in &requests {
        request.set("a", 1).await.unwrap();
    }
    let leaving = place.session(Some(&key));
    let (first, second) = requests.split_at(10);
    let saves = first.iter().map(|request| async { drop(request.save().await) });
    let (_, left) = tokio::join!(futures_util::future::join_all(saves), leaving.flush());
    left.unwrap();
    for request in second {
        assert!(matches!(request.save().await, Err(SessionError::Gone)));
    }
    assert!(!place.session(None).exists(key.as_str()).await.unwrap());
    assert!(leaving.is_empty());
}

pub(crate) async fn clear_takes_what_others_set(place: &Place) {
    let key = place.stored(&["a"]).await;
    let clearing = place.session(Some(&key));
    clearing.dict().await.unwrap();
    clearing.clear().unwrap();
    clearing.set("after", 1).await.unwrap();
    let other = place.session(Some(&key));
    other.set("b", 1).await.unwrap();
    other.save().await.unwrap();
    clearing.save().await.unwrap();
    assert_eq!(place.keys(&key).await, ["after"]);
}

pub(crate) async fn setdefault_keeps_what_came_first(place: &Place) {
    let key = place.stored(&["a"]).await;
    let (one, two) = (place.session(Some(&key)), place.session(Some(&key)));
    assert_eq!(one.setdefault("cart", 1).await.unwrap(), 1);
    assert_eq!(two.setdefault("cart", 2).await.unwrap(), 2);
    two.save().await.unwrap();
    one.save().await.unwrap();
    assert_eq!(place.session(Some(&key)).get::<i64>("cart").await.unwrap(), Some(2));
}

pub(crate) async fn cycle_key_takes_concurrent_changes_along(place: &Place) {
    let old = place.stored(&["a"]).await;
    let cycling = place.session(Some(&old));
    cycling.set("b", "b").await.unwrap();
    let other = place.session(Some(&old));
    other.set("c", "c").await.unwrap();
    other.save().await.unwrap();
    cycling.cycle_key().await.unwrap();
    let new = cycling.session_key().unwrap();
    assert_ne!(new, old);
    assert!(!place.session(None).exists(old.as_str()).await.unwrap());
    let mut keys = place.keys(&new).await;
    keys.sort();
    assert_eq!(keys, ["a", "b", "c"]);
}

pub(crate) async fn cycle_key_does_not_undo_a_flush(place: &Place) {
    let key = place.stored(&["a"]).await;
    let cycling = place.session(Some(&key));
    cycling.dict().await.unwrap();
    place.session(Some(&key)).flush().await.unwrap();
    assert!(matches!(cycling.cycle_key().await, Err(SessionError::Gone)));
    assert!(matches!(cycling.save().await, Err(SessionError::Gone)), "nor does a save after it");
    assert_eq!(cycling.session_key(), Some(key));

    let key = place.stored(&["a"]).await;
    let leaving = place.session(Some(&key));
    leaving.dict().await.unwrap();
    leaving.delete(None).await.unwrap();
    leaving.cycle_key().await.expect("whoever deleted the row itself may store another");
    assert_eq!(place.keys(&leaving.session_key().unwrap()).await, ["a"]);
}

pub(crate) async fn an_expired_session_is_gone(place: &Place) {
    let session = place.session(None);
    session.set("a", 1).await.unwrap();
    session.set_expiry(Expiry::After(time::Duration::milliseconds(1_100))).await.unwrap();
    session.save().await.unwrap();
    let key = session.session_key().unwrap();
    assert!(matches!(place.engine.store().load(&key).await.unwrap(), Load::Found(_)));
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    assert!(!matches!(place.engine.store().load(&key).await.unwrap(), Load::Found(_)));
    let late = place.session(Some(&key));
    assert!(late.dict().await.unwrap().is_empty());
    assert_ne!(late.session_key(), Some(key));
}

pub(crate) async fn clear_expired_leaves_the_living(place: &Place) {
    let alive = place.stored(&["a"]).await;
    for _ in 0..5 {
        let session = place.session(None);
        session.set("a", 1).await.unwrap();
        session.set_expiry(Expiry::After(time::Duration::seconds(-60))).await.unwrap();
        session.save().await.unwrap();
    }
    let store = place.engine.store();
    let expired = store.count_expired().await.unwrap();
    let (mut deleted, mut steps) = (0, 0);
    loop {
        let step = store.clear_expired(NonZeroU32::new(2).unwrap()).await.unwrap();
        assert!(step.deleted <= 2);
        deleted += step.deleted;
        steps += 1;
        assert!(steps < 10, "it must come to an end");
        if !step.more {
            break;
        }
    }
    assert_eq!(deleted, expired);
    assert_eq!(store.count_expired().await.unwrap(), 0);
    assert_eq!(place.keys(&alive).await, ["a"]);
}

pub(crate) async fn clear_expired_comes_to_an_end_with_many(place: &Place) {
    let alive = place.stored(&["a"]).await;
    for _ in 0..7 {
        let expired = (0..100).map(|_| async {
            let session = place.session(None);
            session.set("a", 1).await.unwrap();
            session.set_expiry(Expiry::After(time::Duration::seconds(-60))).await.unwrap();
            session.save().await.unwrap();
        });
        futures_util::future::join_all(expired).await;
    }
    let store = place.engine.store();
    let (expired, mut deleted, mut steps) = (store.count_expired().await.unwrap(), 0, 0);
    loop {
        // Of so many PostgreSQL begins to go through the table as it lies there.
        let step = store.clear_expired(NonZeroU32::new(300).unwrap()).await.unwrap();
        assert!(step.deleted <= 300);
        (deleted, steps) = (deleted + step.deleted, steps + 1);
        assert!(steps < 200, "it must come to an end");
        if !step.more {
            break;
        }
    }
    assert_eq!((deleted, store.count_expired().await.unwrap()), (expired, 0));
    assert_eq!(place.keys(&alive).await, ["a"]);
}

pub(crate) async fn pages_show_each_session_once(place: &Place) {
    let store = place.engine.store();
    let mut alive = Vec::new();
    for _ in 0..7 {
        alive.push(place.stored(&["a"]).await);
    }
    let session = place.session(None);
    session.set("late", 1).await.unwrap();
    session.set_expiry(Expiry::After(time::Duration::seconds(-60))).await.unwrap();
    session.save().await.unwrap();
    let expired = session.session_key().unwrap();
    let size = NonZeroU32::new(3).unwrap();
    let first = store.page(None, size).await;
    if let Err(error) = first {
        assert!(matches!(error, StoreError::Unsupported { operation: "page", .. }), "{error}");
        return;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(after.as_ref(), size).await.unwrap();
        assert!(page.len() <= 3, "at most what was asked for");
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        seen.extend(page);
    }
    for key in &alive {
        let rows: Vec<_> = seen.iter().filter(|row| row.key == *key).collect();
        assert_eq!(rows.len(), 1, "each session once");
        assert!(!rows[0].expired);
        assert_eq!(rows[0].loaded.data.get("a"), Some(&Value::from("a")));
        assert_eq!(rows[0].loaded.version, store.reload(key).await.unwrap().unwrap().version);
    }
    let row = seen.iter().find(|row| row.key == expired).expect("the expired one, too");
    assert!(row.expired);
    assert!(store.exists(&expired).await.unwrap(), "looking deletes nothing");
    // A key of an earlier page need not be there any more.
    assert!(store.delete(&seen[0].key, None).await.unwrap());
    let page = store.page(Some(&seen[0].key), size).await.unwrap();
    assert_eq!(page[0].key, seen[1].key);
}

pub(crate) async fn a_touch_writes_no_data(place: &Place) {
    let key = place.stored(&["a"]).await;
    let store = place.engine.store();
    let before = store.reload(&key).await.unwrap().unwrap();
    // Loaded and not changed: what SESSION_SAVE_EVERY_REQUEST saves at the end of every request.
    let session = place.session(Some(&key));
    session.dict().await.unwrap();
    session.save().await.unwrap();
    let after = store.reload(&key).await.unwrap().unwrap();
    assert_eq!(before.version, after.version);
}

pub(crate) async fn a_touch_leaves_what_others_changed(place: &Place) {
    let key = place.stored(&["a"]).await;
    let store = place.engine.store();
    let loaded = store.reload(&key).await.unwrap().unwrap();
    let (data, first) = (&loaded.data, Some(&loaded.version));
    store.touch(&key, data, first).await.unwrap();
    store.touch(&key, data, None).await.unwrap();
    // A request that changes nothing, and another that shortens the session's life meanwhile.
    let late = place.session(Some(&key));
    late.dict().await.unwrap();
    let other = place.session(Some(&key));
    other.set_expiry(Expiry::After(time::Duration::milliseconds(1_900))).await.unwrap();
    other.save().await.unwrap();
    assert!(matches!(store.touch(&key, data, first).await, Err(StoreError::Changed)));
    late.save().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert!(!matches!(store.load(&key).await.unwrap(), Load::Found(_)), "it ends when the other said");

    let key = place.stored(&["a"]).await;
    let loaded = store.reload(&key).await.unwrap().unwrap();
    let late = place.session(Some(&key));
    late.dict().await.unwrap();
    assert!(store.delete(&key, None).await.unwrap());
    let touched = store.touch(&key, &loaded.data, Some(&loaded.version)).await;
    assert!(matches!(touched, Err(StoreError::Gone)), "{touched:?}");
    assert!(matches!(late.save().await, Err(SessionError::Gone)));
    assert!(!store.exists(&key).await.unwrap());
}

pub(crate) async fn saving_twice_counts_once(place: &Place) {
    let key = place.stored(&["a"]).await;
    let session = place.session(Some(&key));
    session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
    session.save().await.unwrap();
    let other = place.session(Some(&key));
    other.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
    other.save().await.unwrap();
    session.save().await.unwrap();
    assert_eq!(place.session(Some(&key)).get::<u64>("n").await.unwrap(), Some(2));
}
