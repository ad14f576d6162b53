//! Requests on one session at the same time, held against a model in which one comes after the other.
//!
//! Each round loads some handles, lets them change, save, flush and cycle at once, and then looks for an order in which the
//! model does the same: the same rows are left, and the same calls were told that the session is gone.
#![allow(missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use nuages::conf::source::SettingsSource;
use nuages::db::database::Database;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::sqlx;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;
use nuages::serialize::value::{Dict, Key, Value};
use nuages::session::engine::SessionEngine;
use nuages::session::error::SessionError;
use nuages::session::expiry::{EXPIRY_KEY, Expiry};
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::Load;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::sync::Barrier;

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

impl Rows {
    /// One request after the other: everything it did happens at its end, to what is there by then.
    fn apply(&mut self, number: usize, did: &Did) -> bool {
        match did.end {
            End::Sweep => {
                self.old.take_if(|row| row.expired);
                !did.gone
            }
            End::Flush => {
                self.old = None;
                !did.gone
            }
            End::Save | End::Cycle => {
                let Some(row) = &mut self.old else { return did.gone };
                for change in &did.changes {
                    match change {
                        Change::Set(key, value) => drop(row.content.insert(name(*key), *value)),
                        Change::Remove(key) => drop(row.content.remove(&name(*key))),
                        Change::Clear => row.content.clear(),
                        Change::Count => *row.content.entry("count".to_owned()).or_default() += 1,
                        Change::Expire => drop(row.content.insert(EXPIRY_KEY.to_owned(), 0)),
                    }
                }
                // A touch says what its own data says, which had not expired.
                let touched = did.changes.is_empty() && did.end == End::Save;
                row.expired = !touched && row.content.contains_key(EXPIRY_KEY);
                if did.end == End::Cycle {
                    self.moved.extend(self.old.take().map(|row| (number, row)));
                }
                !did.gone
            }
        }
    }
}

fn name(key: u8) -> String {
    format!("key{key}")
}

/// Whether the model comes to the same in some order.
fn has_an_order(before: &Rows, did: &[Did], after: &Rows, left: &mut Vec<usize>) -> bool {
    if left.is_empty() {
        return before == after;
    }
    for place in 0..left.len() {
        let next = left.remove(place);
        let mut rows = before.clone();
        let fits = rows.apply(next, &did[next]) && has_an_order(&rows, did, after, left);
        left.insert(place, next);
        if fits {
            return true;
        }
    }
    false
}

struct Store {
    engine: Arc<SessionEngine>,
    database: Database,
    _folder: tempfile::TempDir,
}

impl Store {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = r#"
            SECRET_KEY = "model"
            INSTALLED_APPS = ["django.contrib.sessions"]
            SESSION_ENGINE = "django.contrib.sessions.backends.db"
            DATABASES = { default = { ENGINE = "django.db.backends.sqlite3", NAME = "model.sqlite3", OPTIONS = { synchronous = "OFF" } } }
        "#;
        let source = SettingsSource::text("model", settings).in_dir(folder.path());
        let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let database = built.project.db().unwrap().clone();
        create_and_migrate(&database, built.project.migrations(), Timestamp::now, |_| Ok(())).await.unwrap();
        Self { engine: Arc::clone(built.project.sessions()), database, _folder: folder }
    }

    async fn row(&self, key: &SessionKey) -> Option<Row> {
        let store = self.engine.store();
        let loaded = store.reload(key).await.unwrap()?;
        let expired = !matches!(store.load(key).await.unwrap(), Load::Found(_));
        Some(Row { content: content(&loaded.data), expired })
    }

    async fn count(&self) -> usize {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM django_session")
            .fetch_one(self.database.sqlite().unwrap())
            .await
            .unwrap();
        count.try_into().unwrap()
    }

    /// A session of its own, alone in the table.
    async fn begin(&self) -> SessionKey {
        sqlx::query("DELETE FROM django_session")
            .execute(self.database.as_sqlite().unwrap().writer())
            .await
            .unwrap();
        let session = self.engine.session(None);
        session.set("key0", 0).await.unwrap();
        session.save().await.unwrap();
        session.session_key().unwrap()
    }

    /// Runs the rounds, each on what the one before left.
    async fn run(&self, rounds: &[Vec<Plan>]) -> Result<(), TestCaseError> {
        let mut key = self.begin().await;
        for plans in rounds {
            let Some(row) = self.row(&key).await.filter(|row| !row.expired) else { break };
            let before = Rows { old: Some(row), moved: BTreeMap::new() };
            let barrier = Arc::new(Barrier::new(plans.len()));
            let mut requests = Vec::new();
            for plan in plans {
                let session = self.engine.session(Some(key.as_str()));
                session.dict().await.unwrap();
                requests.push(tokio::spawn(request(session, plan.clone(), Arc::clone(&barrier))));
            }
            let mut did = Vec::new();
            for request in requests {
                did.push(request.await.unwrap());
            }
            let mut after = Rows { old: self.row(&key).await, moved: BTreeMap::new() };
            for (number, did) in did.iter().enumerate().filter(|(_, did)| did.end == End::Cycle && !did.gone)
            {
                let moved = did.key.clone().unwrap();
                after.moved.extend(self.row(&moved).await.map(|row| (number, row)));
                key = moved;
            }
            let rows = usize::from(after.old.is_some()) + after.moved.len();
            prop_assert_eq!(self.count().await, rows, "a session came back: {:?}", did);
            let mut left = (0..did.len()).collect();
            prop_assert!(
                has_an_order(&before, &did, &after, &mut left),
                "no order of {did:#?}\nleads from {before:?}\nto {after:?}"
            );
        }
        Ok(())
    }
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

#[test]
fn requests_at_once_are_as_one_after_the_other() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(Store::new());
    let rounds = prop::collection::vec(prop::collection::vec(plan(), 1..6), 1..6);
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&rounds, |rounds| runtime.block_on(store.run(&rounds)))
        .unwrap_or_else(|failure| panic!("{failure}"));
}
