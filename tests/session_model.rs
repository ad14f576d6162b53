//! Requests on one session at the same time, held against a model in which one comes after the other.
//!
//! Each round loads some handles, lets them change, save once or twice, touch, flush, cycle and sweep at once, and then looks for
//! an order in which the model does the same: the same rows are left, with the dates at which they expire, and the same calls were
//! told that the session is gone. What a visitor is shown then is what is stored.
//!
//! The servers are those that the environment names; `tests/run` starts them. Without them this says what it left out; with
//! `NUAGES_TEST_REQUIRE_SERVERS=1` that is a failure. `NUAGES_TEST_SCHEDULES` is the number of schedules for each engine.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, unused_macros, reason = "the places alone are used here")]
mod contract;
mod place;
mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::db::timestamp::Timestamp;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::{Dict, Key, Value};
use nuages::session::error::SessionError;
use nuages::session::expiry::{EXPIRY_KEY, Expiry};
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::{Load, StoreError};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use time::OffsetDateTime;
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
    /// So many times [`UNIT`] after the last change.
    Last(i64),
}

/// Seconds: so far do the dates lie apart at which sessions expire, and much farther than a test takes.
const UNIT: i64 = 100_000;

/// What `SESSION_COOKIE_AGE` is, [`UNIT`]s.
const COOKIE_AGE: i64 = 12;

/// Before each round a database's sessions are given a date that no request gives them, so many [`UNIT`]s from now.
const UNTOUCHED: i64 = 55;

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
    /// Each but the last is followed by a save.
    steps: Vec<Vec<Change>>,
    end: End,
    /// It is cleared before anything has loaded it.
    blind: bool,
    /// How often it lets the others go first, before each step.
    patience: u8,
}

/// What came of a step of a plan.
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
        1 => (1..4_i64).prop_map(Change::Last),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![6 => Just(End::Save), 2 => Just(End::Cycle), 1 => Just(End::Flush), 1 => Just(End::Sweep)];
    let changes = || prop::collection::vec(change(), 0..4);
    let steps = prop_oneof![2 => changes().prop_map(|one| vec![one]), 1 => (changes(), changes()).prop_map(|(one, other)| vec![one, other])];
    (steps, end, prop::bool::weighted(0.15), 0..6_u8).prop_map(|(mut steps, end, blind, patience)| {
        // What was cleared unseen may be moved even if it is gone: nothing of it comes back.
        let blind = blind && end == End::Save;
        if blind {
            steps[0].insert(0, Change::Clear);
        }
        Plan { steps, end, blind, patience }
    })
}

type Content = BTreeMap<String, i64>;

/// A row, as far as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Row {
    content: Content,
    expired: bool,
    /// Whether it has a date of its own, not that of before the round.
    renewed: bool,
}

/// When a session of that content expires, [`UNIT`]s after the last change.
fn lasts(content: &Content) -> i64 {
    content.get(EXPIRY_KEY).map_or(COOKIE_AGE, |seconds| seconds / UNIT)
}

/// The rows: where the session was, and where a request moved it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
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
                        Change::Last(units) => {
                            row.content.insert(EXPIRY_KEY.to_owned(), units * UNIT);
                        }
                    }
                }
                // A save without a change is a touch, which leaves alone what another changed, and renewed.
                row.renewed = true;
                row.expired = row.content.get(EXPIRY_KEY) == Some(&0);
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

/// Looks for an order of what was done.
struct Search<'a> {
    did: &'a [Vec<Did>],
    after: &'a Rows,
    expired: Expired,
    /// From there no order leads on.
    vain: BTreeSet<(Vec<usize>, Rows)>,
}

impl Search<'_> {
    /// Whether the model comes to the same in some order, if so many steps of each plan are done.
    fn leads_on(&mut self, before: &Rows, done: &mut Vec<usize>) -> bool {
        if (0..done.len()).all(|number| done[number] == self.did[number].len()) {
            return before == self.after;
        }
        if self.vain.contains(&(done.clone(), before.clone())) {
            return false;
        }
        for number in 0..done.len() {
            let Some(next) = self.did[number].get(done[number]) else { continue };
            done[number] += 1;
            let fits = before.after(number, next, self.expired).iter().any(|rows| self.leads_on(rows, done));
            done[number] -= 1;
            if fits {
                return true;
            }
        }
        self.vain.insert((done.clone(), before.clone()));
        false
    }
}

/// What is stored, with a date that fits.
async fn row(place: &Place, key: &SessionKey) -> Result<Option<Row>, TestCaseError> {
    let Some(loaded) = place.engine.store().reload(key).await.unwrap() else { return Ok(None) };
    let content = content(&loaded.data);
    // Loading would tell as well, but some engines delete an expired session when they see one.
    let expired = content.get(EXPIRY_KEY) == Some(&0);
    let units = loaded.expires.map(|expires| match expires {
        DateTime::Aware(at) => (at - OffsetDateTime::now_utc()).as_seconds_f64() / UNIT as f64,
        DateTime::Naive(at) => panic!("{at} has no zone"),
    });
    let units = units.map(|units| units.round() as i64);
    let renewed = units != Some(UNTOUCHED);
    if let Some(units) = units.filter(|_| renewed) {
        prop_assert_eq!(units, lasts(&content), "the date is not that of {:?}", content);
    }
    Ok(Some(Row { content, expired, renewed }))
}

/// Gives all rows of a database a date that tells whether a request gives them another.
async fn untouch(place: &Place) {
    static UPDATE: Sql = Sql::new("UPDATE django_session SET expire_date = ?");
    let Some(database) = &place.database else { return };
    if place.engine.name().ends_with(".cache") || place.engine.name().ends_with(".file") {
        return;
    }
    let date = Timestamp::from(OffsetDateTime::now_utc() + time::Duration::seconds(UNTOUCHED * UNIT));
    nuages::on_writer!(database, pool => {
        sqlx::query(UPDATE.on(database)).bind(date).execute(pool).await.map(drop)
    })
    .unwrap();
}

/// A visitor of that key is shown what is stored.
async fn check_shown(
    place: &Place,
    key: &SessionKey,
    row: Option<&Row>,
    expired: Expired,
) -> Result<(), TestCaseError> {
    // A look at an expired file deletes it.
    if row.is_some_and(|row| row.expired) && expired == Expired::StaysForAWhile {
        return Ok(());
    }
    let shown = match place.engine.store().load(key).await.unwrap() {
        Load::Found(loaded) => Some(content(&loaded.data)),
        Load::Missing | Load::Renew => None,
    };
    prop_assert_eq!(shown.as_ref(), row.filter(|row| !row.expired).map(|row| &row.content));
    Ok(())
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
        untouch(place).await;
        let Some(row_before) = row(place, &key).await?.filter(|row| !row.expired) else { break };
        let before = Rows { old: Some(row_before), moved: BTreeMap::new() };
        let barrier = Arc::new(Barrier::new(plans.len()));
        let mut requests = Vec::new();
        for plan in plans {
            let session = place.engine.session(Some(key.as_str()));
            if !plan.blind {
                session.dict().await.unwrap();
            }
            requests.push(tokio::spawn(request(session, plan.clone(), Arc::clone(&barrier))));
        }
        let mut did = Vec::new();
        for request in requests {
            did.push(request.await.unwrap());
        }
        let mut after = Rows { old: row(place, &key).await?, moved: BTreeMap::new() };
        check_shown(place, &key, after.old.as_ref(), expired).await?;
        for (number, did) in did.iter().enumerate() {
            let Some(did) = did.last().filter(|did| did.end == End::Cycle && !did.gone) else { continue };
            let moved = did.key.clone().unwrap();
            let row = row(place, &moved).await?;
            check_shown(place, &moved, row.as_ref(), expired).await?;
            after.moved.extend(row.map(|row| (number, row)));
            key = moved;
        }
        if let Some(count) = count(place).await {
            let rows = usize::from(after.old.is_some()) + after.moved.len();
            prop_assert_eq!(count, rows, "a session came back: {:?}", did);
        }
        let mut search = Search { did: &did, after: &after, expired, vain: BTreeSet::new() };
        prop_assert!(
            search.leads_on(&before, &mut vec![0; did.len()]),
            "no order of {did:#?}\nleads from {before:?}\nto {after:?}"
        );
    }
    Ok(())
}

fn content(dict: &Dict) -> Content {
    let entry = |(key, value): (&Key, &Value)| {
        // When exactly it expired is of no interest.
        let value = match value.as_i64() {
            None if key.as_str() == Some(EXPIRY_KEY) => 0,
            number => number.unwrap(),
        };
        (key.as_str().unwrap().to_owned(), value)
    };
    dict.iter().map(entry).collect()
}

async fn request(session: Session, plan: Plan, barrier: Arc<Barrier>) -> Vec<Did> {
    let Plan { steps, end, patience, .. } = plan;
    barrier.wait().await;
    if end == End::Sweep {
        let store = session.engine().unwrap();
        store.store().clear_expired(NonZeroU32::new(10).unwrap()).await.unwrap();
        return vec![Did { changes: Vec::new(), end, gone: false, key: None }];
    }
    let (mut all, last) = (Vec::new(), steps.len() - 1);
    for (number, changes) in steps.into_iter().enumerate() {
        let end = if number == last { end } else { End::Save };
        let did = step(&session, changes, end, patience).await;
        let gone = did.gone;
        all.push(did);
        if gone {
            break;
        }
    }
    all
}

async fn step(session: &Session, changes: Vec<Change>, end: End, patience: u8) -> Did {
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
            Change::Last(units) => session.set_expiry(Expiry::Seconds(units * UNIT)).await.map(|()| true),
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
    trials.add_on(MEMCACHED, "cached_db_memcached", |at| {
        check(on_cache("cached_db", "memcached.PyMemcacheCache", at, ""), Expired::Stays, 60);
    });
    trials.run()
}
