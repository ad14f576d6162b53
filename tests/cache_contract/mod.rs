//! What every cache must do: one suite, run over each backend.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nuages::cache::backend::{CacheBackend, Deleted, Replaced, Timeout, Touched, Ttl};
use nuages::cache::error::CacheError;
use nuages::cache::handle::Cache;
use nuages::serialize::value::{DateTime, Dict, TimeDelta, Value};
use time::macros::{date, datetime, time};

/// A cache on a store of its own.
pub(crate) struct Place {
    pub(crate) cache: Cache,
    /// Memcached counts no further down than 0.
    pub(crate) counts_below_zero: bool,
    /// Memcached refuses some keys.
    pub(crate) takes_any_key: bool,
    /// What keeps the store alive, and to itself: a folder, a database, one's turn with a server.
    pub(crate) _keep: Box<dyn std::any::Any + Send>,
}

/// Runs every test of the suite on places made by `$place`, an async fn; on `None` the place is left out.
macro_rules! cache_contract {
    ($place:path: $($test:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            if let Some(place) = $place().await {
                crate::cache_contract::$test(&place).await;
            }
        }
    )*};
    ($place:path) => {
        cache_contract!($place:
            values_of_every_kind_come_back,
            what_is_not_there_is_no_error,
            add_is_not_set,
            a_value_lasts_its_time,
            versions_are_apart,
            numbers_are_counted_up_and_down,
            only_numbers_are_counted,
            replace_is_no_insert_and_compares,
            touch_if_compares,
            delete_if_compares,
            of_many_that_add_one_succeeds,
            many_that_count_lose_nothing,
            many_that_replace_lose_nothing,
            of_many_each_has_its_own,
            several_keys_go_in_one_call,
            clear_leaves_nothing,
            a_missing_value_is_made_once,
            odd_keys_are_keys_or_refused,
            values_may_be_large,
        );
    };
}

/// A value of each kind that Python's caches hold.
pub(crate) fn every_kind() -> Vec<Value> {
    let big: num_bigint::BigInt = "-1180591620717411303424".parse().unwrap();
    let cart =
        Dict::from([("book", Value::from(2)), ("notes", Value::List(vec![Value::from("é"), Value::None]))]);
    vec![
        Value::None,
        Value::Bool(true),
        Value::Bool(false),
        Value::from(0),
        Value::from(5),
        Value::from(-5),
        Value::from(i64::MAX),
        Value::from(i64::MIN),
        Value::from(big),
        Value::Float(1.0),
        Value::Float(-0.5),
        Value::Float(f64::INFINITY),
        Value::from(""),
        Value::from("text"),
        Value::from("5"),
        Value::from("日本語 \u{1f600}\r\n\0"),
        Value::Bytes(Vec::new()),
        Value::Bytes((0..=255).collect()),
        Value::Bytes(b"5".to_vec()),
        Value::ByteArray(b"abc".to_vec()),
        Value::List(vec![Value::from(1), Value::Float(1.0), Value::Bool(true)]),
        Value::Tuple(vec![Value::from(1), Value::from("a")]),
        Value::Set(vec![Value::from(1)]),
        Value::FrozenSet(vec![Value::from("a")]),
        Value::Dict(cart),
        Value::Dict(Dict::new()),
        Value::DateTime(DateTime::Naive(datetime!(2026-12-06 06:03:52.640797))),
        Value::DateTime(DateTime::Aware(datetime!(2026-12-06 06:03:52 UTC))),
        Value::Date(date!(2026 - 12 - 06)),
        Value::Time(time!(06:03:52.640797)),
        Value::TimeDelta(TimeDelta::new(-1, 5, 7).unwrap()),
        Value::Decimal("-12.340".to_owned()),
        Value::Uuid(uuid::Uuid::from_u128(7)),
        Value::Complex(1.5, -2.0),
    ]
}

pub(crate) async fn values_of_every_kind_come_back(place: &Place) {
    let backend = place.cache.backend();
    for (number, value) in every_kind().into_iter().enumerate() {
        let key = place.cache.key(&format!("kind{number}")).unwrap();
        backend.set(&key, &value, Ttl::Never).await.unwrap();
        assert_eq!(backend.get(&key).await.unwrap().as_ref(), Some(&value));
        let (found, _) = backend.get_versioned(&key).await.unwrap().unwrap();
        assert_eq!(found, value);
        assert_eq!(backend.get_many(&[key]).await.unwrap(), [Some(value)]);
    }
    place.cache.set("number", &7_u8, Timeout::Default).await.unwrap();
    assert_eq!(place.cache.get::<u64>("number").await.unwrap(), Some(7));
    let error = place.cache.get::<String>("number").await.unwrap_err();
    assert!(matches!(&error, CacheError::Convert { key, .. } if key.ends_with(":number")), "{error}");
}

pub(crate) async fn what_is_not_there_is_no_error(place: &Place) {
    let cache = &place.cache;
    cache.set("there", &1, Timeout::Never).await.unwrap();
    let (_, version) = cache.get_versioned::<u8>("there").await.unwrap().unwrap();
    assert_eq!(cache.get::<u8>("missing").await.unwrap(), None);
    assert!(cache.get_versioned::<u8>("missing").await.unwrap().is_none());
    assert!(!cache.has_key("missing").await.unwrap());
    assert!(!cache.delete("missing").await.unwrap());
    assert!(!cache.touch("missing", Timeout::Never).await.unwrap());
    assert!(!cache.touch("missing", 0.into()).await.unwrap());
    assert!(matches!(cache.incr("missing", 1).await, Err(CacheError::Missing { key }) if key == "missing"));
    assert!(matches!(cache.incr_version("missing", 1).await, Err(CacheError::Missing { .. })));
    assert_eq!(cache.replace("missing", &1, Timeout::Never, None).await.unwrap(), Replaced::Missing);
    let expected = Some(&version);
    assert_eq!(cache.replace("missing", &1, Timeout::Never, expected).await.unwrap(), Replaced::Missing);
    assert_eq!(cache.delete_if("missing", &version).await.unwrap(), Deleted::Missing);
    assert!(!cache.has_key("missing").await.unwrap());
    cache.delete_many(&["missing"]).await.unwrap();
    cache.delete_many(&[]).await.unwrap();
    assert!(cache.get_many::<u8>(&[]).await.unwrap().is_empty());
}

pub(crate) async fn add_is_not_set(place: &Place) {
    let cache = &place.cache;
    assert!(cache.add("key", "one", Timeout::Default).await.unwrap());
    assert!(!cache.add("key", "two", Timeout::Never).await.unwrap());
    assert_eq!(cache.get("key").await.unwrap(), Some("one".to_owned()));
    assert!(cache.delete("key").await.unwrap());
    assert!(cache.add("key", "three", Timeout::Never).await.unwrap());
    assert!(cache.add("not-kept", "x", 0.into()).await.unwrap());
    assert!(!cache.has_key("not-kept").await.unwrap());
}

pub(crate) async fn a_value_lasts_its_time(place: &Place) {
    let cache = &place.cache;
    for key in ["short", "counted", "added", "touched", "persisted", "long"] {
        cache.set(key, &1, if key == "long" { 100 } else { 2 }.into()).await.unwrap();
    }
    cache.set("never", &1, Timeout::Never).await.unwrap();
    cache.set("default", &1, Timeout::Default).await.unwrap();
    cache.set("cut", &1, 100.into()).await.unwrap();
    for key in ["gone", "negative", "ended"] {
        cache.set(key, &1, 100.into()).await.unwrap();
        assert!(cache.has_key(key).await.unwrap());
    }
    cache.set("gone", &2, 0.into()).await.unwrap();
    cache.set("negative", &2, (-5).into()).await.unwrap();
    assert!(cache.touch("ended", 0.into()).await.unwrap());
    let (_, version) = cache.get_versioned::<u8>("short").await.unwrap().unwrap();
    for key in ["gone", "negative", "ended"] {
        assert!(!cache.has_key(key).await.unwrap(), "{key}");
        assert_eq!(cache.get::<u8>(key).await.unwrap(), None, "{key}");
    }
    // Counting up does not prolong.
    assert_eq!(cache.incr("counted", 1).await.unwrap(), 2);
    assert!(cache.touch("touched", 100.into()).await.unwrap());
    assert!(cache.touch("persisted", Timeout::Never).await.unwrap());
    assert!(cache.touch("cut", 1.into()).await.unwrap());
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    for key in ["long", "never", "default", "touched", "persisted"] {
        assert_eq!(cache.get::<u8>(key).await.unwrap(), Some(1), "{key}");
    }
    assert!(cache.touch("persisted", Timeout::Never).await.unwrap());
    // What has expired is not there for any call.
    for key in ["short", "counted", "cut"] {
        assert!(!cache.has_key(key).await.unwrap(), "{key}");
        assert_eq!(cache.get::<u8>(key).await.unwrap(), None, "{key}");
    }
    assert!(cache.add("added", &9, 100.into()).await.unwrap());
    assert_eq!(cache.get::<u8>("added").await.unwrap(), Some(9));
    assert!(!cache.touch("short", 100.into()).await.unwrap());
    assert_eq!(cache.replace("short", &1, 100.into(), Some(&version)).await.unwrap(), Replaced::Missing);
    assert_eq!(cache.delete_if("short", &version).await.unwrap(), Deleted::Missing);
    assert!(!cache.delete("short").await.unwrap());
    assert!(cache.get_many::<u8>(&["short", "cut", "counted"]).await.unwrap().is_empty());
}

pub(crate) async fn versions_are_apart(place: &Place) {
    let (one, two) = (&place.cache, &place.cache.version(2));
    one.set("key", "one", Timeout::Never).await.unwrap();
    assert_eq!(two.get::<String>("key").await.unwrap(), None);
    two.set("key", "two", Timeout::Never).await.unwrap();
    assert_eq!(one.get::<String>("key").await.unwrap().as_deref(), Some("one"));
    assert_eq!(two.incr_version("key", 3).await.unwrap(), 5);
    assert_eq!(two.get::<String>("key").await.unwrap(), None);
    assert_eq!(one.version(5).get::<String>("key").await.unwrap().as_deref(), Some("two"));
    assert_eq!(one.version(5).decr_version("key", 3).await.unwrap(), 2);
    assert_eq!(two.get::<String>("key").await.unwrap().as_deref(), Some("two"));
}

pub(crate) async fn numbers_are_counted_up_and_down(place: &Place) {
    let cache = &place.cache;
    cache.set("number", &41, Timeout::Never).await.unwrap();
    assert_eq!(cache.incr("number", 1).await.unwrap(), 42);
    assert_eq!(cache.incr("number", 58).await.unwrap(), 100);
    assert_eq!(cache.decr("number", 91).await.unwrap(), 9);
    assert_eq!(cache.get::<i64>("number").await.unwrap(), Some(9));
    assert_eq!(cache.incr("number", -4).await.unwrap(), 5);
    let below = if place.counts_below_zero { -2 } else { 0 };
    assert_eq!(cache.decr("number", 7).await.unwrap(), below);
    assert_eq!(cache.get::<i64>("number").await.unwrap(), Some(below));
    cache.set("large", &(i64::MAX - 3), Timeout::Never).await.unwrap();
    assert_eq!(cache.incr("large", 2).await.unwrap(), i64::MAX - 1);
    assert_eq!(cache.decr("large", 1).await.unwrap(), i64::MAX - 2);
}

pub(crate) async fn only_numbers_are_counted(place: &Place) {
    let cache = &place.cache;
    cache.set("text", "ten", Timeout::Never).await.unwrap();
    let error = cache.incr("text", 1).await.unwrap_err();
    assert!(
        matches!(&error, CacheError::NotANumber { key, delta: 1, .. } if key.ends_with(":text")),
        "{error}"
    );
    assert_eq!(cache.get::<String>("text").await.unwrap().as_deref(), Some("ten"));
    cache.set("most", &i64::MAX, Timeout::Never).await.unwrap();
    assert!(matches!(cache.incr("most", 1).await, Err(CacheError::NotANumber { .. })));
    assert!(matches!(cache.decr("most", i64::MIN).await, Err(CacheError::NotANumber { .. })));
}

pub(crate) async fn replace_is_no_insert_and_compares(place: &Place) {
    let cache = &place.cache;
    cache.set("key", "one", 100.into()).await.unwrap();
    let (_, first) = cache.get_versioned::<String>("key").await.unwrap().unwrap();
    // Moving the expiry changes nothing that is compared.
    assert!(cache.touch("key", 200.into()).await.unwrap());
    let Replaced::Stored(second) = cache.replace("key", "two", 100.into(), Some(&first)).await.unwrap()
    else {
        panic!("not stored");
    };
    assert_eq!(cache.replace("key", "three", 100.into(), Some(&first)).await.unwrap(), Replaced::Changed);
    assert_eq!(cache.get::<String>("key").await.unwrap().as_deref(), Some("two"));
    let done = cache.replace("key", "four", Timeout::Never, Some(&second)).await.unwrap();
    assert!(matches!(done, Replaced::Stored(_)), "{done:?}");
    let done = cache.replace("key", "five", 100.into(), None).await.unwrap();
    assert!(matches!(done, Replaced::Stored(_)), "{done:?}");
    assert_eq!(cache.get::<String>("key").await.unwrap().as_deref(), Some("five"));
    assert!(cache.delete("key").await.unwrap());
    assert_eq!(cache.replace("key", "six", Timeout::Never, None).await.unwrap(), Replaced::Missing);
    assert!(!cache.has_key("key").await.unwrap());
}

pub(crate) async fn touch_if_compares(place: &Place) {
    let cache = &place.cache;
    cache.set("key", "one", 100.into()).await.unwrap();
    let (_, first) = cache.get_versioned::<String>("key").await.unwrap().unwrap();
    // Moving the expiry changes nothing that is compared.
    for timeout in [200.into(), Timeout::Never, 100.into()] {
        assert_eq!(cache.touch_if("key", timeout, &first).await.unwrap(), Touched::Touched);
    }
    assert_eq!(cache.get::<String>("key").await.unwrap().as_deref(), Some("one"));
    // A table keeps whole seconds, so that one may be over at once.
    cache.set("key", "two", 2.into()).await.unwrap();
    assert_eq!(cache.touch_if("key", 100.into(), &first).await.unwrap(), Touched::Changed);
    let (_, second) = cache.get_versioned::<String>("key").await.unwrap().unwrap();
    cache.set("other", "kept", 2.into()).await.unwrap();
    let (_, other) = cache.get_versioned::<String>("other").await.unwrap().unwrap();
    assert_eq!(cache.touch_if("other", 100.into(), &other).await.unwrap(), Touched::Touched);
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    assert!(!cache.has_key("key").await.unwrap(), "its time was left alone");
    assert_eq!(cache.touch_if("key", 100.into(), &second).await.unwrap(), Touched::Missing);
    assert!(!cache.has_key("key").await.unwrap(), "a touch is no insert");
    assert_eq!(cache.get::<String>("other").await.unwrap().as_deref(), Some("kept"));
    assert_eq!(cache.touch_if("other", 0.into(), &other).await.unwrap(), Touched::Touched);
    assert!(!cache.has_key("other").await.unwrap());
}

pub(crate) async fn delete_if_compares(place: &Place) {
    let cache = &place.cache;
    cache.set("key", "one", Timeout::Never).await.unwrap();
    let (_, first) = cache.get_versioned::<String>("key").await.unwrap().unwrap();
    cache.set("key", "two", Timeout::Never).await.unwrap();
    assert_eq!(cache.delete_if("key", &first).await.unwrap(), Deleted::Changed);
    assert_eq!(cache.get::<String>("key").await.unwrap().as_deref(), Some("two"));
    let (_, second) = cache.get_versioned::<String>("key").await.unwrap().unwrap();
    assert_eq!(cache.delete_if("key", &second).await.unwrap(), Deleted::Deleted);
    assert!(!cache.has_key("key").await.unwrap());
    assert_eq!(cache.delete_if("key", &second).await.unwrap(), Deleted::Missing);
    assert!(cache.add("key", "three", Timeout::Never).await.unwrap());
}

/// So many callers at once.
const CALLERS: usize = 24;

async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    place: &Place,
    call: impl Fn(Cache, usize) -> F,
) -> Vec<T> {
    let calls: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(call(place.cache.clone(), number))).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

pub(crate) async fn of_many_that_add_one_succeeds(place: &Place) {
    let added =
        at_once(place, async |cache: Cache, number| cache.add("key", &number, Timeout::Never).await.unwrap());
    let added = added.await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let winner = added.iter().position(|added| *added);
    assert_eq!(place.cache.get::<usize>("key").await.unwrap(), winner);
}

pub(crate) async fn many_that_count_lose_nothing(place: &Place) {
    place.cache.set("hits", &0, Timeout::Never).await.unwrap();
    let sums = at_once(place, async |cache: Cache, _| cache.incr("hits", 1).await.unwrap()).await;
    assert_eq!(sums.iter().collect::<HashSet<_>>().len(), CALLERS, "{sums:?}");
    assert_eq!(place.cache.get::<usize>("hits").await.unwrap(), Some(CALLERS));
}

pub(crate) async fn many_that_replace_lose_nothing(place: &Place) {
    place.cache.set("list", &Vec::<usize>::new(), 100.into()).await.unwrap();
    at_once(place, async |cache: Cache, number| {
        loop {
            let (mut list, version) = cache.get_versioned::<Vec<usize>>("list").await.unwrap().unwrap();
            list.push(number);
            if cache.replace("list", &list, 100.into(), Some(&version)).await.unwrap() != Replaced::Changed {
                return;
            }
        }
    })
    .await;
    let mut list = place.cache.get::<Vec<usize>>("list").await.unwrap().unwrap();
    list.sort_unstable();
    assert_eq!(list, (0..CALLERS).collect::<Vec<_>>());
}

/// Where commands of many callers are put together, none gets another's answer.
pub(crate) async fn of_many_each_has_its_own(place: &Place) {
    at_once(place, async |cache: Cache, number| {
        let (key, absent) = (format!("own{number}"), format!("absent{number}"));
        for round in 0..5 {
            let text = format!("{number} in round {round}").repeat(1 + number % 7);
            cache.set(&key, &text, 100.into()).await.unwrap();
            assert_eq!(cache.get::<String>(&key).await.unwrap().as_deref(), Some(&*text));
            assert_eq!(cache.get::<String>(&absent).await.unwrap(), None);
            assert_eq!(cache.get_versioned::<String>(&absent).await.unwrap().map(|found| found.0), None);
            let (found, version) = cache.get_versioned::<String>(&key).await.unwrap().expect("a value");
            assert_eq!(found, text);
            let next = format!("{text} and on");
            let replace =
                async |key: &str, expected| cache.replace(key, &next, 100.into(), expected).await.unwrap();
            assert_eq!(replace(&absent, None).await, Replaced::Missing);
            assert_eq!(replace(&absent, Some(&version)).await, Replaced::Missing);
            assert!(matches!(replace(&key, Some(&version)).await, Replaced::Stored(_)));
            assert_eq!(replace(&key, Some(&version)).await, Replaced::Changed);
            assert!(matches!(replace(&key, None).await, Replaced::Stored(_)));
            assert_eq!(cache.get::<String>(&key).await.unwrap().as_deref(), Some(&*next));
        }
    })
    .await;
}

pub(crate) async fn several_keys_go_in_one_call(place: &Place) {
    let cache = &place.cache;
    let names: Vec<String> = (0..250).map(|number| format!("many{number}")).collect();
    let entries: Vec<(&str, usize)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    assert!(cache.set_many(&entries, 100.into()).await.unwrap().is_empty());
    let keys: Vec<&str> = names.iter().map(String::as_str).chain(["missing"]).collect();
    let found = cache.get_many::<usize>(&keys).await.unwrap();
    assert_eq!(found.len(), 250);
    assert_eq!(found["many249"], 249);
    cache.delete_many(&keys[..248]).await.unwrap();
    assert_eq!(cache.get_many::<usize>(&keys).await.unwrap().len(), 2);
    cache.set_many(&[("many248", 1), ("many249", 2)], 0.into()).await.unwrap();
    assert!(cache.get_many::<usize>(&keys).await.unwrap().is_empty());
    assert!(cache.set_many::<usize>(&[], Timeout::Never).await.unwrap().is_empty());
}

pub(crate) async fn clear_leaves_nothing(place: &Place) {
    let cache = &place.cache;
    for key in ["a", "b"] {
        cache.set(key, &1, Timeout::Never).await.unwrap();
    }
    cache.clear().await.unwrap();
    assert!(cache.get_many::<u8>(&["a", "b"]).await.unwrap().is_empty());
    cache.clear().await.unwrap();
    cache.backend().close().await;
    cache.set("a", &2, Timeout::Never).await.unwrap();
    assert_eq!(cache.get::<u8>("a").await.unwrap(), Some(2));
}

pub(crate) async fn a_missing_value_is_made_once(place: &Place) {
    let cache = &place.cache;
    let made = cache.get_or_set("key", 100.into(), async || Ok::<_, CacheError>("made".to_owned()));
    assert_eq!(made.await.unwrap(), "made");
    let kept = cache.get_or_set("key", 100.into(), async || Ok::<_, CacheError>("again".to_owned()));
    assert_eq!(kept.await.unwrap(), "made");
    let nothing = Arc::new(CacheError::Missing { key: "source".to_owned() });
    let failed = cache.get_or_set("other", 100.into(), async || {
        Err::<String, _>(CacheError::Missing { key: nothing.to_string() })
    });
    assert!(failed.await.is_err());
    assert!(!cache.has_key("other").await.unwrap());
    // None is a value like others.
    cache.set("none", &None::<u8>, Timeout::Never).await.unwrap();
    assert_eq!(cache.get::<Option<u8>>("none").await.unwrap(), Some(None));
}

pub(crate) async fn odd_keys_are_keys_or_refused(place: &Place) {
    let cache = &place.cache;
    for key in ["", "ümlaut-日本", "../../etc/passwd", "a/b\\c", "%s' OR 1=1 --"] {
        if !place.takes_any_key && key.contains(' ') {
            continue;
        }
        cache.set(key, key, Timeout::Never).await.unwrap();
        assert_eq!(cache.get::<String>(key).await.unwrap().as_deref(), Some(key));
        assert!(cache.delete(key).await.unwrap());
    }
    for key in ["with space", "line\r\nset x 0 0 1\r\n1", &"x".repeat(251)[..], "del\u{7f}"] {
        match place.takes_any_key {
            true => {
                // A column of 255 characters holds no longer key.
                let _ = cache.set(key, key, Timeout::Never).await;
            }
            false => {
                let error = cache.set(key, key, Timeout::Never).await.unwrap_err();
                assert!(matches!(&error, CacheError::InvalidKey { .. }), "{error}");
                assert!(matches!(cache.get::<u8>(key).await, Err(CacheError::InvalidKey { .. })));
                assert!(matches!(cache.delete_many(&["ok", key]).await, Err(CacheError::InvalidKey { .. })));
            }
        }
    }
    assert!(!cache.has_key("x").await.unwrap());
}

pub(crate) async fn values_may_be_large(place: &Place) {
    let text: String = ('a'..='z').cycle().take(700_000).collect();
    place.cache.set("large", &text, Timeout::Never).await.unwrap();
    assert_eq!(place.cache.get::<String>("large").await.unwrap().as_ref(), Some(&text));
    let backend: &dyn CacheBackend = place.cache.backend();
    assert!(backend.has_key(&place.cache.key("large").unwrap()).await.unwrap());
}
