//! What a server answered is there after it was killed in the middle of everything, or asked to end.
//!
//! Over every store that outlives the process. The servers are those that the environment names; `tests/run` starts them.
//! `NUAGES_TEST_KILLS` is how often each is killed.
#![allow(missing_docs, reason = "tests")]

mod served;
mod servers;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::join_all;

use crate::served::stores::STORES;
use crate::served::{Folder, Server, begin, get, keys};
use crate::servers::Trials;

/// Visitors at a time.
const VISITORS: usize = 16;

/// What one visitor was told before the server died.
#[derive(Debug, Default)]
struct Told {
    cookie: String,
    /// Keys that were kept.
    kept: BTreeSet<String>,
    /// A key that was sent and not answered: it is there, or not.
    unsure: Option<String>,
    /// The session was ended.
    left: bool,
    /// Its end was asked for and not answered.
    leaving: bool,
}

/// One session after the other, each filled and every second one ended, until the server is gone.
async fn visit(port: u16) -> Vec<Told> {
    const KEYS: usize = 12;
    let mut all = Vec::new();
    loop {
        let mut told = Told::default();
        for number in 0..KEYS {
            let key = format!("key{number}");
            let cookie = (!told.cookie.is_empty()).then_some(told.cookie.as_str());
            let Ok(answer) = get(port, &format!("/keep/{key}/0/"), cookie).await else {
                told.unsure = Some(key);
                if !told.cookie.is_empty() {
                    all.push(told);
                }
                return all;
            };
            assert_eq!(answer.status, 200, "{answer:?}");
            if let Some(cookie) = answer.cookie {
                told.cookie = cookie;
            }
            told.kept.insert(key);
        }
        if all.len() % 2 == 1 {
            let answer = get(port, "/leave/", Some(&told.cookie)).await;
            (told.left, told.leaving) = (answer.is_ok(), answer.is_err());
        }
        all.push(told);
    }
}

async fn check(server: &Server, told: &Told) {
    let kept: BTreeSet<String> = keys(server.port(), &told.cookie).await.into_iter().collect();
    if told.left {
        assert!(kept.is_empty(), "a session came back: {kept:?}");
        return;
    }
    if told.leaving && kept.is_empty() {
        return;
    }
    let mut expected = told.kept.clone();
    if kept != expected {
        expected.extend(told.unsure.clone());
        assert_eq!(kept, expected);
    }
}

/// A few kills, or as many as NUAGES_TEST_KILLS says.
async fn what_was_answered_survives_a_kill(folder: Folder) {
    let kills = std::env::var("NUAGES_TEST_KILLS").map_or(4, |kills| kills.parse().expect("a number"));
    let mut answered = 0;
    for kill in 0..kills {
        let mut server = folder.serve();
        let port = server.port();
        let visitors: Vec<_> = (0..VISITORS).map(|_| tokio::spawn(visit(port))).collect();
        // At another moment each time.
        tokio::time::sleep(Duration::from_millis(100 + kill * 37 % 200)).await;
        server.kill();
        let told = join_all(visitors).await;
        let server = folder.serve();
        for told in told.into_iter().flat_map(Result::unwrap) {
            answered += told.kept.len();
            check(&server, &told).await;
        }
    }
    assert!(answered > VISITORS, "the servers hardly answered: {answered}");
    println!("{answered} answered changes were there after {kills} kills");
}

/// A request that the server took is answered, and what it answered is stored, when it is asked to end in the middle.
async fn an_orderly_end_loses_nothing(folder: Folder) {
    for round in 0..3 {
        let mut server = folder.serve();
        let port = server.port();
        let shared = begin(port).await;
        // Each waits, and writes after the server was told to end: to one session, and to many.
        let in_flight: Vec<_> = (0..100)
            .map(|number| {
                let cookie = (number % 2 == 0).then(|| shared.clone());
                tokio::spawn(
                    async move { get(port, &format!("/keep/key{number}/600/"), cookie.as_deref()).await },
                )
            })
            .collect();
        let storm: Vec<_> = (0..VISITORS).map(|_| tokio::spawn(visit(port))).collect();
        tokio::time::sleep(Duration::from_millis(300 + 30 * round)).await;
        let ended = tokio::task::spawn_blocking(move || server.terminate());
        let mut own = Vec::new();
        for (number, answer) in join_all(in_flight).await.into_iter().enumerate() {
            let answer =
                answer.unwrap().unwrap_or_else(|error| panic!("request {number} was not answered: {error}"));
            assert_eq!(answer.status, 200, "{answer:?}");
            own.extend(answer.cookie.filter(|cookie| *cookie != shared).map(|cookie| (number, cookie)));
        }
        let told = join_all(storm).await;
        assert!(ended.await.unwrap(), "the server ended as it should");
        let server = folder.serve();
        let expected = (0..100).step_by(2).map(|number| format!("key{number}")).chain(["first".to_owned()]);
        let kept: BTreeSet<String> = keys(server.port(), &shared).await.into_iter().collect();
        assert_eq!(kept, expected.collect());
        assert_eq!(own.len(), 50);
        for (number, cookie) in own {
            assert_eq!(keys(server.port(), &cookie).await, [format!("key{number}")]);
        }
        for told in told.into_iter().flat_map(Result::unwrap) {
            check(&server, &told).await;
        }
    }
}

fn main() -> ExitCode {
    let mut trials = Trials::from_args();
    for store in STORES.iter().filter(|store| store.outlives_the_process()) {
        store.add_to(&mut trials, "a_kill", what_was_answered_survives_a_kill);
        store.add_to(&mut trials, "an_orderly_end", an_orderly_end_loses_nothing);
    }
    trials.run()
}
