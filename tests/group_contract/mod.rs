//! What session rows that are written and read together must do on any database: each as if it were alone.
#![allow(dead_code, reason = "each test target uses some of it")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use nuages::serialize::value::{Dict, Value};
use nuages::session::engine::SessionEngine;
use nuages::session::key::SessionKey;
use nuages::session::store::{Load, Saved, StoreError};
use tokio::time::timeout;

use crate::contract::Place;

pub(crate) fn key(number: usize) -> SessionKey {
    SessionKey::parse(&format!("{number:032}")).unwrap()
}

pub(crate) fn numbered(number: usize) -> Dict {
    Dict::from_iter([("n", Value::from(number as i64))])
}

pub(crate) type Answer<T> = Result<T, StoreError>;

/// Sessions of these numbers, begun at once.
pub(crate) fn inserts(
    engine: &SessionEngine,
    keys: impl IntoIterator<Item = SessionKey>,
) -> Vec<BoxFuture<'_, Answer<Saved>>> {
    let insert = |(number, key): (usize, SessionKey)| {
        async move { engine.store().insert(&key, &numbered(number)).await }.boxed()
    };
    keys.into_iter().enumerate().map(insert).collect()
}

async fn store(place: &Place, count: usize) {
    for inserted in join_all(inserts(&place.engine, (0..count).map(key))).await {
        inserted.unwrap();
    }
}

/// `together` has the futures done in as few groups as it can.
pub(crate) async fn each_is_told_what_came_of_its_own<'a>(
    place: &'a Place,
    together: impl FnOnce(Vec<BoxFuture<'a, Answer<bool>>>) -> BoxFuture<'a, Vec<Answer<bool>>>,
) {
    let store = place.engine.store();
    self::store(place, 40).await;
    let stale = store.reload(&key(0)).await.unwrap().unwrap().version;
    let writes = (0..120).map(|number| {
        let stale = stale.clone();
        async move {
            let (key, data) = (key(number), numbered(1_000 + number));
            match number % 6 {
                0 => store.insert(&key, &data).await.map(|_| true),
                1 => store.update(&key, &data, Some(&stale)).await.map(|_| true),
                2 => store.update(&key, &data, None).await.map(|_| true),
                3 => store.touch(&key, &data, Some(&stale)).await.map(|()| true),
                4 => store.delete(&key, Some(&stale)).await,
                _ => store.delete(&key, None).await,
            }
        }
        .boxed()
    });
    for (number, answer) in together(writes.collect()).await.into_iter().enumerate() {
        let stored = number < 40;
        match (number % 6, answer) {
            (0, Err(StoreError::Exists)) | (2 | 5, Ok(true)) | (1 | 3 | 4, Err(StoreError::Changed))
                if stored => {}
            (0, Ok(true)) | (1..=3, Err(StoreError::Gone)) | (4 | 5, Ok(false)) if !stored => {}
            (_, answer) => panic!("{number}: {answer:?}"),
        }
    }
    for number in 0..120 {
        let expected = match (number % 6, number < 40) {
            (0 | 1 | 3 | 4, true) => Some(numbered(number)),
            (2, true) | (0, false) => Some(numbered(1_000 + number)),
            _ => None,
        };
        let row = store.reload(&key(number)).await.unwrap();
        assert_eq!(row.map(|row| row.data), expected, "{number}");
    }
}

/// Updates that compare with what is there, all at once: every one takes place, and holds its own.
pub(crate) async fn each_writes_its_own(place: &Place) {
    let store = place.engine.store();
    self::store(place, 100).await;
    let updates = (0..100).map(|number| async move {
        let key = key(number);
        let loaded = store.reload(&key).await?.expect("it is there");
        let saved = store.update(&key, &numbered(500 + number), Some(&loaded.version)).await?;
        store.touch(&key, &numbered(500 + number), Some(&saved.version)).await?;
        Ok::<_, StoreError>(saved)
    });
    for (number, saved) in join_all(updates).await.into_iter().enumerate() {
        let saved = saved.unwrap();
        let Load::Found(loaded) = store.load(&key(number)).await.unwrap() else { panic!("it is there") };
        assert_eq!((loaded.data, loaded.version), (numbered(500 + number), saved.version));
    }
}

/// Keys that no column takes, among others.
pub(crate) async fn a_row_that_fails_fails_alone(place: &Place) {
    let too_long = |number: usize| number % 20 == 17;
    let keys = (0..60).map(|number| match too_long(number) {
        true => SessionKey::parse(&format!("{number:099}")).unwrap(),
        false => key(number),
    });
    let inserted = join_all(inserts(&place.engine, keys)).await;
    for (number, inserted) in inserted.into_iter().enumerate() {
        match inserted {
            Ok(saved) => assert_eq!(saved.key, key(number)),
            Err(error) => {
                assert!(too_long(number), "{number}: {error}");
                assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
            }
        }
    }
    for number in 0..60 {
        assert_eq!(place.engine.store().exists(&key(number)).await.unwrap(), !too_long(number), "{number}");
    }
}

/// While somebody else's transaction holds one row, which `release` ends, the others are written.
pub(crate) async fn a_locked_row_holds_nobody_up(place: &Place, release: impl Future<Output = ()>) {
    let store = place.engine.store();
    let write = |number: usize| {
        let engine = Arc::clone(&place.engine);
        tokio::spawn(async move {
            for round in 0..5 {
                engine.store().update(&key(number), &numbered(round), None).await?;
            }
            engine.store().delete(&key(number), None).await
        })
    };
    let locked = write(0);
    let others = join_all((1..60).map(write));
    for deleted in timeout(Duration::from_secs(20), others).await.expect("nobody waits for that row") {
        assert!(deleted.unwrap().unwrap());
    }
    assert!(!locked.is_finished());
    assert!(store.reload(&key(0)).await.unwrap().is_some(), "readers wait for no writer");
    release.await;
    assert!(locked.await.unwrap().unwrap());
}

pub(crate) async fn dropped_requests_harm_nobody(place: &Place) {
    let store = place.engine.store();
    let mut tasks = Vec::new();
    for number in 0..400 {
        let engine = Arc::clone(&place.engine);
        tasks.push(tokio::spawn(async move { engine.store().insert(&key(number), &numbered(number)).await }));
        if number % 3 == 0 {
            tokio::task::yield_now().await;
        }
        if number % 2 == 1 {
            tasks[number].abort();
        }
    }
    for (number, task) in tasks.into_iter().enumerate() {
        match task.await {
            Ok(inserted) => drop(inserted.unwrap()),
            Err(aborted) => assert!(aborted.is_cancelled() && number % 2 == 1),
        }
        let written = store.reload(&key(number)).await.unwrap();
        assert!(
            written.is_some_and(|row| row.data == numbered(number)) || number % 2 == 1,
            "whole or not at all"
        );
    }
}

/// Keys that a server's collation takes for the same are answered together as they are alone.
pub(crate) async fn keys_are_found_together_as_they_are_alone(place: &Place) {
    let store = place.engine.store();
    let named = |name: String| SessionKey::parse(&name).unwrap();
    let mut names = Vec::new();
    for number in 0..20 {
        let name = format!("session{number:02}");
        store.insert(&named(name.clone()), &numbered(number)).await.unwrap();
        names.extend([name.to_uppercase(), name, format!("missing{number:02}")]);
    }
    let mut alone = Vec::new();
    for name in &names {
        alone.push(store.exists(&named(name.clone())).await.unwrap());
    }
    let reads = names.iter().map(|name| async { store.exists(&named(name.clone())).await.unwrap() });
    assert_eq!(join_all(reads).await, alone);
}
