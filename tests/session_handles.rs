//! Clones of one session that save at the same time, and requests that are dropped midway.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, unused_macros, reason = "the places alone are used here")]
mod contract;
mod place;
mod servers;

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use nuages::session::error::SessionError;
use nuages::session::handle::Session;
use nuages::session::key::SessionKey;
use nuages::session::store::Load;

use crate::contract::Place;

async fn count(session: &Session) {
    session.modify("count", |n: Option<i64>| n.unwrap_or(0) + 1).await.unwrap();
}

/// A stored session, loaded once more.
async fn stored(place: &Place) -> (SessionKey, Session) {
    let session = place.engine.session(None);
    session.set("name", "Sonam").await.unwrap();
    session.save().await.unwrap();
    let key = session.session_key().unwrap();
    (key.clone(), loaded(place, &key).await)
}

async fn loaded(place: &Place, key: &SessionKey) -> Session {
    let session = place.engine.session(Some(key.as_str()));
    session.dict().await.unwrap();
    session
}

/// Polls it once: it waits for the store.
async fn begin<F: Future>(mut future: Pin<&mut F>) {
    let waits = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()));
    assert!(waits.await, "it waits for the store");
}

#[tokio::test]
async fn what_is_counted_during_a_save_counts_once() {
    let place = place::db().await;
    let (key, session) = stored(&place).await;
    // Another request was quicker, so that the save meets a conflict.
    let other = loaded(&place, &key).await;
    count(&other).await;
    other.save().await.unwrap();
    count(&session).await;
    let mut saving = Box::pin(session.save());
    begin(saving.as_mut()).await;
    count(&session.clone()).await;
    saving.await.unwrap();
    session.save().await.unwrap();
    assert_eq!(loaded(&place, &key).await.get::<i64>("count").await.unwrap(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_that_save_at_once_count_once() {
    for place in [place::db().await, place::cache().await, place::file().await, place::cached_db().await] {
        let (key, session) = stored(&place).await;
        for _ in 0..20 {
            count(&session).await;
            let saves = (0..4).map(|_| {
                let session = session.clone();
                tokio::spawn(async move { session.save().await })
            });
            for saved in join_all(saves).await {
                saved.unwrap().unwrap();
            }
        }
        assert_eq!(loaded(&place, &key).await.get::<i64>("count").await.unwrap(), Some(20));
    }
}

/// After how many polls a future is dropped, and the time after each of them: none, so that the store has hardly begun, or enough for
/// what it was asked for.
fn drops() -> impl Iterator<Item = (usize, Option<Duration>)> {
    std::iter::repeat_n((1, None), 20).chain((1..8).map(|polls| (polls, Some(Duration::from_millis(4)))))
}

async fn drop_after<F: Future>((polls, pause): (usize, Option<Duration>), future: F) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_anew_after_a_drop_counts_once() {
    for place in [place::db().await, place::cache().await, place::file().await, place::cached_db().await] {
        for drop in drops() {
            let (key, session) = stored(&place).await;
            // With a conflict, there are more places to be dropped at.
            let other = loaded(&place, &key).await;
            count(&other).await;
            other.save().await.unwrap();
            count(&session).await;
            drop_after(drop, session.save()).await;
            session.save().await.unwrap();
            let stored = loaded(&place, &key).await.get::<i64>("count").await.unwrap();
            assert_eq!(stored, Some(2), "dropped after {drop:?}, {}", place.engine.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_after_a_dropped_move_counts_once() {
    for place in [place::db().await, place::cache().await, place::file().await, place::cached_db().await] {
        for drop in drops() {
            let (key, session) = stored(&place).await;
            count(&session).await;
            drop_after(drop, session.cycle_key()).await;
            session.save().await.unwrap();
            let moved = session.session_key().unwrap();
            let stored = loaded(&place, &moved).await.get::<i64>("count").await.unwrap();
            assert_eq!(stored, Some(1), "dropped after {drop:?}, {}", place.engine.name());
            assert_ne!(moved, key);
            assert!(!place.engine.store().exists(&key).await.unwrap(), "it opens nothing any more");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_logout_is_a_logout() {
    for place in [place::db().await, place::cache().await, place::file().await, place::cached_db().await] {
        for drop in drops() {
            let (key, session) = stored(&place).await;
            drop_after(drop, session.flush()).await;
            let gone = async {
                while place.engine.store().exists(&key).await.unwrap() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), gone).await.expect("in time");
        }
    }
}

#[tokio::test]
async fn what_changes_while_the_session_moves_is_not_lost() {
    let place = place::db().await;
    let (key, session) = stored(&place).await;
    let other = loaded(&place, &key).await;
    other.set("theirs", 1).await.unwrap();
    other.save().await.unwrap();
    let mut moving = Box::pin(session.cycle_key());
    begin(moving.as_mut()).await;
    session.clone().set("late", 1).await.unwrap();
    moving.await.unwrap();
    session.save().await.unwrap();
    let moved = loaded(&place, &session.session_key().unwrap()).await;
    for key in ["name", "theirs", "late"] {
        assert!(moved.contains_key(key).await.unwrap(), "{key}");
    }
}

/// Some randomness that a failure can be told with.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What a request does with a session that it has loaded.
async fn request(session: Session, what: u64) -> Result<(), SessionError> {
    match what {
        0..4 => {
            session.set(&format!("key{what}"), what).await?;
            session.save().await
        }
        4 => session.cycle_key().await,
        5 => session.load().await.map(drop),
        _ => session.save().await,
    }
}

/// Requests of one visitor are dropped at random points; one of them logs out and is answered.
async fn check(place: &Place, seed: u64) {
    let mut chance = Chance(seed);
    for round in 0..30 {
        let (key, _) = stored(place).await;
        let mut requests = Vec::new();
        for _ in 0..8 {
            let what = chance.below(8);
            let session = place.engine.session(Some(key.as_str()));
            let task = tokio::spawn(async move {
                if session.dict().await?.is_empty() {
                    return Ok(None);
                }
                request(session.clone(), what).await?;
                Ok::<_, SessionError>(session.session_key())
            });
            let dropped = (chance.below(3) > 0).then(|| Duration::from_micros(chance.below(1_500)));
            requests.push((task, dropped));
        }
        let leaver = place.engine.session(Some(key.as_str()));
        let late = Duration::from_micros(chance.below(800));
        let leaving = async {
            tokio::time::sleep(late).await;
            leaver.flush().await.unwrap();
        };
        let others = join_all(requests.into_iter().map(|(mut task, dropped)| async move {
            let Some(after) = dropped else { return task.await.ok() };
            let done = tokio::time::timeout(after, &mut task).await;
            task.abort();
            done.ok()?.ok()
        }));
        let ((), others) = tokio::join!(leaving, others);
        for look in 0..3 {
            let load = place.engine.store().load(&key).await.unwrap();
            assert!(
                !matches!(load, Load::Found(_)),
                "round {round}, look {look} of seed {seed}: an answered logout was undone"
            );
            assert!(!place.engine.store().exists(&key).await.unwrap());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for done in others.into_iter().flatten() {
            match done {
                Ok(_) | Err(SessionError::Gone) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    // No queue is stuck.
    let sessions = join_all((0..40).map(|_| stored(place)));
    tokio::time::timeout(Duration::from_secs(20), sessions).await.expect("in time");
}

async fn holds(place: Place) {
    for seed in [1, 0x9e37_79b9_7f4a_7c15] {
        check(&place, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_undo_no_logout_db() {
    holds(place::db().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_undo_no_logout_cached_db() {
    holds(place::cached_db().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_undo_no_logout_cached_db_on_files() {
    holds(place::cached_db_file().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_undo_no_logout_file() {
    holds(place::file().await).await;
}
