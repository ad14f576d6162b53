//! As much of the contract as holds for sessions that live in their cookies: every save makes another key, and nothing is
//! kept on the server that could be compared, deleted or cleared.

use std::num::NonZeroU32;

use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};
use nuages::session::error::SessionError;
use nuages::session::expiry::Expiry;
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::{Cleared, Load, Residence, StoreError};

use crate::contract::Place;
use crate::place::{place, signed_cookies};

fn session(place: &Place, key: Option<&SessionKey>) -> Session {
    place.engine.session(key.map(SessionKey::as_str))
}

async fn saved(session: &Session) -> SessionKey {
    session.save().await.unwrap();
    session.session_key().expect("a saved session has a key")
}

#[tokio::test]
async fn what_is_stored_comes_back_as_it_was() {
    let place = signed_cookies().await;
    let text = br#"{"z":1,"a":1.0,"big":123456789012345678901234567890,"s":"\ud800x","nan":NaN,"n":{"b":[],"a":null}}"#;
    let Ok(Value::Dict(dict)) = json::loads(text) else { panic!("the test's own JSON") };
    let first = session(&place, None);
    first.update_values(dict).await.unwrap();
    let mut key = saved(&first).await;
    for round in 0..3 {
        let session = session(&place, Some(&key));
        session.set("round", round).await.unwrap();
        let next = saved(&session).await;
        assert_ne!(next, key, "the key is the data");
        key = next;
    }
    let mut dict = session(&place, Some(&key)).dict().await.unwrap();
    assert_eq!(dict.remove("round"), Some(Value::Int(2)));
    assert_eq!(String::from_utf8_lossy(&json::dumps_dict(&dict).unwrap()), String::from_utf8_lossy(text));
}

#[tokio::test]
async fn a_key_that_nobody_signed_is_not_adopted() {
    let place = signed_cookies().await;
    let first = session(&place, None);
    first.set("a", 1).await.unwrap();
    let sound = saved(&first).await;
    let (payload, _) = sound.as_str().rsplit_once(':').unwrap();
    for text in ["nothing0of0this0kind000000000000", "../../../../etc/passwd", "ééééééééé", payload]
    {
        let key = SessionKey::parse(text).unwrap();
        assert!(matches!(place.engine.store().load(&key).await.unwrap(), Load::Renew), "{text:?}");
        let session = session(&place, Some(&key));
        assert!(session.dict().await.unwrap().is_empty(), "{text:?}");
        assert!(session.modified(), "the cookie is replaced");
        assert_ne!(saved(&session).await, key, "{text:?}");
    }
}

#[tokio::test]
async fn a_session_ends_when_it_says_so() {
    let place = signed_cookies().await;
    let first = session(&place, None);
    first.set("a", 1).await.unwrap();
    first.set_expiry(Expiry::After(time::Duration::milliseconds(1_100))).await.unwrap();
    let key = saved(&first).await;
    assert!(matches!(place.engine.store().load(&key).await.unwrap(), Load::Found(_)));
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    assert!(matches!(place.engine.store().load(&key).await.unwrap(), Load::Renew));
}

#[tokio::test]
async fn nothing_is_kept_here() {
    let place = signed_cookies().await;
    let store = place.engine.store();
    assert_eq!(store.residence(), Residence::Cookie);
    let data = Dict::from([("a", 1)]);
    let key = SessionKey::generate().unwrap();
    let inserted = store.insert(&key, &data).await.unwrap();
    let updated = store.update(&inserted.key, &data, Some(&inserted.version)).await.unwrap();
    for key in [&key, &inserted.key, &updated.key] {
        assert!(!store.exists(key).await.unwrap(), "no key is ever taken");
        store.touch(key, &data, Some(&inserted.version)).await.unwrap();
        assert!(!store.delete(key, None).await.unwrap());
    }
    // What a browser kept opens what it says: a deletion is the browser's.
    assert!(matches!(store.load(&inserted.key).await.unwrap(), Load::Found(_)));
    let size = NonZeroU32::new(10).unwrap();
    assert_eq!(store.clear_expired(size).await.unwrap(), Cleared::NOTHING);
    assert_eq!(store.count_expired().await.unwrap(), 0);
    let page = store.page(None, size).await;
    assert!(matches!(page, Err(StoreError::Unsupported { operation: "page", .. })));
}

#[tokio::test]
async fn a_flush_leaves_an_empty_session_without_a_key() {
    let place = signed_cookies().await;
    let first = session(&place, None);
    first.set("a", 1).await.unwrap();
    let key = saved(&first).await;
    let leaving = session(&place, Some(&key));
    leaving.flush().await.unwrap();
    assert!(leaving.is_empty());
    assert_eq!(leaving.session_key(), None);
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_its_sizes() {
    let place = place("signed_cookies", "SESSION_COOKIE_MAX_SIZE = 600").await;
    let visitor = session(&place, None);
    let mut random = String::new();
    while random.len() < 900 {
        random.push_str(SessionKey::generate().unwrap().as_str());
    }
    visitor.set("small", 1).await.unwrap();
    visitor.set("basket", &random[..900]).await.unwrap();
    visitor.set("name", "Sonam").await.unwrap();
    let Err(SessionError::Store(error)) = visitor.save().await else { panic!("it does not fit") };
    let StoreError::TooLarge { size, limit, keys } = &error else { panic!("{error:?}") };
    assert!(*size > 600 && *limit == 600, "{error}");
    // {"basket":"…"}, {"name":"Sonam"}, {"small":1}
    let expected = [("basket", 900 + 13), ("name", 16), ("small", 11)];
    assert_eq!(*keys, expected.map(|(key, size)| (key.to_owned(), size)));
    let said = error.to_string();
    assert!(said.contains("basket (913 bytes), name (16 bytes), small (11 bytes)"), "{said}");
    assert!(!said.contains(&random[..8]), "sizes, not values: {said}");
    assert_eq!(visitor.session_key(), None, "no cookie that would be lost");
}
