//! Many requests of one visitor at once, through real servers: nobody's key is lost, and a logout stays one.
//!
//! Over every store, with one process and, where processes can share it, with two. The servers are those that the environment
//! names; `tests/run` starts them.
#![allow(missing_docs, reason = "tests")]

mod served;
mod servers;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::served::stores::STORES;
use crate::served::{Folder, Server, begin, get, keys};
use crate::servers::Trials;

/// Servers over one folder, which answer in turn.
struct Processes(Vec<Server>);

impl Processes {
    fn new(folder: &Folder, count: usize) -> Self {
        Self((0..count).map(|_| folder.serve()).collect())
    }

    fn port(&self, number: usize) -> u16 {
        self.0[number % self.0.len()].port()
    }
}

/// Every request reads the session, waits for the others to have read it too, and sets a key of its own.
async fn every_key_survives(folder: Folder, requests: usize, processes: usize) {
    let processes = Processes::new(&folder, processes);
    let cookie = begin(processes.port(0)).await;
    let answers = join_all((0..requests).map(|number| {
        let (port, cookie) = (processes.port(number), &cookie);
        async move { get(port, &format!("/keep/key{number}/300/"), Some(cookie)).await.unwrap() }
    }))
    .await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let expected: BTreeSet<String> =
        (0..requests).map(|number| format!("key{number}")).chain(["first".to_owned()]).collect();
    for server in &processes.0 {
        let kept: BTreeSet<String> = keys(server.port(), &cookie).await.into_iter().collect();
        assert_eq!(kept, expected);
    }
}

async fn a_counter_is_exact(folder: Folder, processes: usize) {
    let processes = Processes::new(&folder, processes);
    let cookie = begin(processes.port(0)).await;
    let visit = |number: usize| get(processes.port(number), "/visits/", Some(&cookie));
    let mut counts = Vec::new();
    for answer in join_all((0..100).map(visit)).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        counts.push(answer.body.parse::<usize>().unwrap());
    }
    // What a request was told is what it counted on; another one may have come before it by the time it was stored.
    assert!(counts.iter().all(|count| (1..=100).contains(count)), "{counts:?}");
    assert_eq!(visit(0).await.unwrap().body, "101");
}

async fn a_flush_in_the_storm_wins(folder: Folder, processes: usize) {
    /// So many are answered before the logout comes.
    const BEFORE: usize = 20;
    let processes = Processes::new(&folder, processes);
    let cookie = begin(processes.port(0)).await;
    let (answered, enough) = (AtomicUsize::new(0), Notify::new());
    let storm = join_all((0..100).map(|number| {
        let (port, cookie, answered, enough) = (processes.port(number), &cookie, &answered, &enough);
        let wait = 10 * (number % 60);
        async move {
            let answer = get(port, &format!("/keep/key{number}/{wait}/"), Some(cookie)).await.unwrap();
            if answered.fetch_add(1, Ordering::Relaxed) + 1 == BEFORE {
                enough.notify_one();
            }
            answer
        }
    }));
    let leaving = async {
        enough.notified().await;
        get(processes.port(1), "/leave/", Some(&cookie)).await.unwrap()
    };
    let (answers, left) = tokio::join!(storm, leaving);
    assert_eq!((left.status, left.cookie.as_deref()), (200, Some("")));
    // Before the logout, or so late that it began a session of its own; otherwise the session was deleted before the request
    // completed.
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)), "{answers:?}");
    let kept = |answer: &&served::Answer| answer.cookie.as_deref() == Some(&*cookie);
    assert!(answers.iter().filter(kept).count() >= BEFORE, "{answers:?}");
    for server in &processes.0 {
        assert!(keys(server.port(), &cookie).await.is_empty(), "nothing comes back");
    }
}

fn main() -> ExitCode {
    let mut trials = Trials::from_args();
    for store in &STORES {
        let most = if store.is_shared() { 2 } else { 1 };
        for processes in 1..=most {
            for requests in [50, 500] {
                let name = format!("{requests}_keys_survive_{processes}_processes");
                store.add_to(&mut trials, &name, move |site| every_key_survives(site, requests, processes));
            }
        }
        store.add_to(&mut trials, "a_counter_is_exact", move |site| a_counter_is_exact(site, most));
        store.add_to(&mut trials, "a_flush_wins", move |site| a_flush_in_the_storm_wins(site, most));
    }
    trials.run()
}
