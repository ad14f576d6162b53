//! Requests on one session at the same time, held against a model in which one comes after the other.
//!
//! Each round loads some handles, lets them change, save, touch, flush, cycle and sweep at once, and then looks for an order in
//! which the model does the same: the same rows are left, and the same calls were told that the session is gone.
//!
//! The servers are those that the environment names; `tests/run` starts them. Without them this says what it left out; with
//! `NUAGES_TEST_REQUIRE_SERVERS=1` that is a failure. `NUAGES_TEST_SCHEDULES` is the number of schedules for each engine.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, unused_macros, reason = "the places alone are used here")]
mod contract;
mod place;
mod servers;

use std::collections::BTreeMap;
use std::env;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;

use nuages::serialize::value::{Dict, Key, Value};
use nuages::session::error::SessionError;
use nuages::session::expiry::{EXPIRY_KEY, Expiry};
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::StoreError;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

use crate::contract::Place;
use crate::servers::{MEMCACHED, MYSQL, POSTGRES, REDIS, REDIS_CLUSTER, Trials};

/// What a request does to the dict.
#[derive(Debug, Clone)]
enum Change {
    Set(u8, i64),
    Remove(u8),
    Clear,
    /// `modify("count", +1)`
    Count,
    /// A time of expiry that has passed.
    Expire,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Without a change that is a touch.
    Save,
    Cycle,
    Flush,
    /// Not a request: `clearsessions`.
    Sweep,
}

#[derive(Debug, Clone)]
struct Plan {
    changes: Vec<Change>,
    end: End,
    /// How often it lets the others go first.
    patience: u8,
}

/// What came of a plan.
#[derive(Debug)]
struct Did {
    /// The changes that changed something: a removal of what is not there does not.
    changes: Vec<Change>,
    end: End,
    gone: bool,
    key: Option<SessionKey>,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..4_u8, 0..100_i64).prop_map(|(key, value)| Change::Set(key, value)),
        2 => (0..4_u8).prop_map(Change::Remove),
        1 => Just(Change::Clear),
        4 => Just(Change::Count),
        1 => Just(Change::Expire),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![6 => Just(End::Save), 2 => Just(End::Cycle), 1 => Just(End::Flush), 1 => Just(End::Sweep)];
    (prop::collection::vec(change(), 0..4), end, 0..6_u8).prop_map(|(changes, end, patience)| Plan {
        changes,
        end,
        patience,
    })
}

type Content = BTreeMap<String, i64>;

/// A row, as far as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Row {
    content: Content,
    expired: bool,
}

/// The rows: where the session was, and where a request moved it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rows {
    old: Option<Row>,
    moved: BTreeMap<usize, Row>,
}

/// What becomes of a session whose time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expired {
    /// It stays until a sweep deletes all there are in one step.
    Stays,
    /// It stays until a sweep comes by, which takes one after the other.
    StaysForAWhile,
    /// It is gone at once.
    Goes,
}

impl Rows {
    /// One request after the other: everything it did happens at its end, to what is there by then. What may come of it;
    /// nothing if it was told something else.
    fn after(&self, number: usize, did: &Did, expired: Expired) -> Vec<Self> {
        let mut rows = self.clone();
        match did.end {
            End::Sweep => return rows.swept(expired),
            End::Flush => rows.old = None,
            End::Save | End::Cycle => {
                let Some(row) = &mut rows.old else { return if did.gone { vec![rows] } else { Vec::new() } };
                for change in &did.changes {
                    match change {
                        Change::Set(key, value) => drop(row.content.insert(name(*key), *value)),
                        Change::Remove(key) => drop(row.content.remove(&name(*key))),
                        Change::Clear => row.content.clear(),
                        Change::Count => *row.content.entry("count".to_owned()).or_default() += 1,
                        Change::Expire => drop(row.content.insert(EXPIRY_KEY.to_owned(), 0)),
                    }
                }
                // A save without a change is a touch, which leaves alone what another changed.
                row.expired = row.content.contains_key(EXPIRY_KEY);
                let goes = row.expired && expired == Expired::Goes;
                if row.expired && did.gone && did.end == End::Cycle {
                    // What it moved had expired, and was swept before it could take along what another changed meanwhile.
                    return vec![self.clone()];
                }
                if did.end == End::Cycle {
                    rows.moved.extend(rows.old.take().filter(|_| !goes).map(|row| (number, row)));
                } else if goes {
                    rows.old = None;
                }
            }
        }
        if did.gone { Vec::new() } else { vec![rows] }
    }

    fn swept(mut self, expired: Expired) -> Vec<Self> {
        match expired {
            Expired::Goes => vec![self],
            Expired::Stays => {
                self.old.take_if(|row| row.expired);
                self.moved.retain(|_, row| !row.expired);
                vec![self]
            }
            Expired::StaysForAWhile => {
                let mut all = vec![self.clone()];
                if self.old.take_if(|row| row.expired).is_some() {
                    all.push(self);
                }
                let numbers: Vec<usize> =
                    all[0].moved.iter().filter(|(_, row)| row.expired).map(|(number, _)| *number).collect();
                for number in numbers {
                    let without = all.clone().into_iter().map(|mut rows| {
                        rows.moved.remove(&number);
                        rows
                    });
                    all.extend(without.collect::<Vec<_>>());
                }
                all
            }
        }
    }
}

fn name(key: u8) -> String {
    format!("key{key}")
}

/// Whether the model comes to the same in some order.
fn has_an_order(before: &Rows, did: &[Did], after: &Rows, left: &mut Vec<usize>, expired: Expired) -> bool {
    if left.is_empty() {
        return before == after;
    }
    for place in 0..left.len() {
        let next = left.remove(place);
        let fits = before
            .after(next, &did[next], expired)
            .iter()
            .any(|rows| has_an_order(rows, did, after, left, expired));
        left.insert(place, next);
        if fits {
            return true;
        }
    }
    false
}

async fn row(place: &Place, key: &SessionKey) -> Option<Row> {
    let loaded = place.engine.store().reload(key).await.unwrap()?;
    let content = content(&loaded.data);
    // Loading would tell as well, but some engines delete an expired session when they see one.
    let expired = content.contains_key(EXPIRY_KEY);
    Some(Row { content, expired })
}

/// How many sessions are stored, if the store can tell.
async fn count(place: &Place) -> Option<usize> {
    let page = place.engine.store().page(None, NonZeroU32::new(100).unwrap()).await;
    match page {
        Ok(page) => Some(page.len()),
        Err(StoreError::Unsupported { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A session of its own, alone in the store.
async fn begin(place: &Place) -> SessionKey {
    let store = place.engine.store();
    if count(place).await.is_some() {
        for row in store.page(None, NonZeroU32::new(100).unwrap()).await.unwrap() {
            store.delete(&row.key, None).await.unwrap();
        }
    }
    let session = place.engine.session(None);
    session.set("key0", 0).await.unwrap();
    session.save().await.unwrap();
    session.session_key().unwrap()
}

/// Runs the rounds, each on what the one before left.
async fn run(place: &Place, expired: Expired, rounds: &[Vec<Plan>]) -> Result<(), TestCaseError> {
    let mut key = begin(place).await;
    for plans in rounds {
        let Some(row_before) = row(place, &key).await.filter(|row| !row.expired) else { break };
        let before = Rows { old: Some(row_before), moved: BTreeMap::new() };
        let barrier = Arc::new(Barrier::new(plans.len()));
        let mut requests = Vec::new();
        for plan in plans {
            let session = place.engine.session(Some(key.as_str()));
            session.dict().await.unwrap();
            requests.push(tokio::spawn(request(session, plan.clone(), Arc::clone(&barrier))));
        }
        let mut did = Vec::new();
        for request in requests {
            did.push(request.await.unwrap());
        }
        let mut after = Rows { old: row(place, &key).await, moved: BTreeMap::new() };
        for (number, did) in did.iter().enumerate().filter(|(_, did)| did.end == End::Cycle && !did.gone) {
            let moved = did.key.clone().unwrap();
            after.moved.extend(row(place, &moved).await.map(|row| (number, row)));
            key = moved;
        }
        if let Some(count) = count(place).await {
            let rows = usize::from(after.old.is_some()) + after.moved.len();
            prop_assert_eq!(count, rows, "a session came back: {:?}", did);
        }
        let mut left = (0..did.len()).collect();
        prop_assert!(
            has_an_order(&before, &did, &after, &mut left, expired),
            "no order of {did:#?}\nleads from {before:?}\nto {after:?}"
        );
    }
    Ok(())
}

fn content(dict: &Dict) -> Content {
    let entry = |(key, value): (&Key, &Value)| {
        // When exactly it expired is of no interest.
        let value = if key.as_str() == Some(EXPIRY_KEY) { 0 } else { value.as_i64().unwrap() };
        (key.as_str().unwrap().to_owned(), value)
    };
    dict.iter().map(entry).collect()
}

async fn request(session: Session, plan: Plan, barrier: Arc<Barrier>) -> Did {
    let Plan { changes, end, patience } = plan;
    barrier.wait().await;
    if end == End::Sweep {
        let store = session.engine().unwrap();
        store.store().clear_expired(NonZeroU32::new(10).unwrap()).await.unwrap();
        return Did { changes: Vec::new(), end, gone: false, key: None };
    }
    let mut done = Vec::new();
    for change in changes {
        let changed = match &change {
            Change::Set(key, value) => session.set(&name(*key), value).await.map(|()| true),
            Change::Remove(key) => session.remove(&name(*key)).await,
            Change::Clear => session.clear().map(|()| true),
            Change::Count => session.modify("count", |n: Option<i64>| n.unwrap_or(0) + 1).await.map(|_| true),
            Change::Expire => {
                session.set_expiry(Expiry::After(time::Duration::seconds(-60))).await.map(|()| true)
            }
        };
        if changed.unwrap() {
            done.push(change);
        }
    }
    for _ in 0..patience {
        tokio::task::yield_now().await;
    }
    let ended = match end {
        End::Cycle => session.cycle_key().await,
        End::Flush => session.flush().await,
        End::Save | End::Sweep => session.save().await,
    };
    let gone = match ended {
        Ok(()) => false,
        Err(SessionError::Gone) => true,
        Err(error) => panic!("{error}"),
    };
    Did { changes: done, end, gone, key: session.session_key() }
}

/// Many schedules on one place.
fn check(made: impl Future<Output = Place>, expired: Expired, schedules: u32) {
    let runtime = Runtime::new().unwrap();
    let place = runtime.block_on(made);
    let rounds = prop::collection::vec(prop::collection::vec(plan(), 1..6), 1..6);
    let cases = env::var("NUAGES_TEST_SCHEDULES").map_or(schedules, |count| count.parse().expect("a number"));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&rounds, |rounds| runtime.block_on(run(&place, expired, &rounds)))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

const SQLITE: &str = r#"
    DATABASES = { default = { ENGINE = "django.db.backends.sqlite3", NAME = "model.sqlite3", OPTIONS = { synchronous = "OFF" } } }
"#;

/// The cache engine, or cached_db over SQLite, on a cache server.
async fn on_cache(engine: &str, backend: &str, location: &str, options: &str) -> Place {
    let caches = format!(
        "CACHES = {{ default = {{ BACKEND = \"django.core.cache.backends.{backend}\", LOCATION = {location:?}, KEY_PREFIX = \"model\", {options} }} }}"
    );
    place::place(engine, &format!("{SQLITE}\n{caches}")).await
}

fn main() -> ExitCode {
    let mut trials = Trials::from_args();
    trials.add("db_sqlite", || check(place::place("db", SQLITE), Expired::Stays, 200));
    trials.add("file", || check(place::file(), Expired::StaysForAWhile, 100));
    trials.add("cache_locmem", || check(place::cache(), Expired::Goes, 200));
    trials.add("cached_db_locmem", || check(place::place("cached_db", SQLITE), Expired::Stays, 100));
    trials.add_on(POSTGRES, "db_postgres", |url| check(place::postgres(url), Expired::Stays, 60));
    trials.add_on(MYSQL, "db_mysql", |url| check(place::mysql(url), Expired::Stays, 40));
    trials.add_on(REDIS, "cache_redis", |at| {
        check(on_cache("cache", "redis.RedisCache", at, ""), Expired::Goes, 100);
    });
    trials.add_on(REDIS, "cached_db_redis", |at| {
        check(on_cache("cached_db", "redis.RedisCache", at, ""), Expired::Stays, 60);
    });
    trials.add_on(REDIS_CLUSTER, "cache_redis_cluster", |at| {
        check(on_cache("cache", "redis.RedisCache", at, "OPTIONS = { cluster = true }"), Expired::Goes, 60);
    });
    trials.add_on(MEMCACHED, "cache_memcached", |at| {
        check(on_cache("cache", "memcached.PyMemcacheCache", at, ""), Expired::Goes, 100);
    });
    trials.run()
}
