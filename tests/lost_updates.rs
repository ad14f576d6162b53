//! Many requests of one visitor at once, through real servers: nobody's key is lost, and a logout stays one.
#![allow(missing_docs, reason = "tests")]

mod served;

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::served::{Folder, Server, begin, get, keys};

/// Every request reads the session, waits for the others to have read it too, and sets a key of its own.
async fn every_key_survives(requests: usize, processes: usize) {
    let folder = Folder::migrated();
    let servers: Vec<Server> = (0..processes).map(|_| folder.serve()).collect();
    let port = |number: usize| servers[number % processes].port();
    let cookie = begin(port(0)).await;
    let answers = join_all((0..requests).map(|number| {
        let (port, cookie) = (port(number), &cookie);
        async move { get(port, &format!("/keep/key{number}/300/"), Some(cookie)).await.unwrap() }
    }))
    .await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let kept: BTreeSet<String> = keys(port(0), &cookie).await.into_iter().collect();
    let expected = (0..requests).map(|number| format!("key{number}")).chain(["first".to_owned()]).collect();
    assert_eq!(kept, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_keys_survive() {
    every_key_survives(50, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_keys_survive() {
    every_key_survives(500, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_keys_survive_two_processes() {
    every_key_survives(50, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_keys_survive_two_processes() {
    every_key_survives(500, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_is_exact_over_two_processes() {
    let folder = Folder::migrated();
    let servers = [folder.serve(), folder.serve()];
    let cookie = begin(servers[0].port()).await;
    let visit = |number: usize| get(servers[number % 2].port(), "/visits/", Some(&cookie));
    for answer in join_all((0..100).map(visit)).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(visit(0).await.unwrap().body, "101");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_in_the_storm_wins() {
    let folder = Folder::migrated();
    let servers = [folder.serve(), folder.serve()];
    let cookie = begin(servers[0].port()).await;
    let storm = join_all((0..100).map(|number| {
        let (port, cookie) = (servers[number % 2].port(), &cookie);
        let wait = 5 * (number % 40);
        async move { get(port, &format!("/keep/key{number}/{wait}/"), Some(cookie)).await.unwrap() }
    }));
    let leaving = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        get(servers[1].port(), "/leave/", Some(&cookie)).await.unwrap()
    };
    let (answers, left) = tokio::join!(storm, leaving);
    assert_eq!((left.status, left.cookie.as_deref()), (200, Some("")));
    // Before the logout, or so late that it began a session of its own; otherwise the session was deleted before the request
    // completed.
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.cookie.as_deref() == Some(&*cookie)), "{answers:?}");
    assert!(keys(servers[0].port(), &cookie).await.is_empty(), "nothing comes back");
}
