//! What Redis is asked by many at once, and one of them fails.

use futures_util::future::join_all;
use nuages::cache::backend::{Replaced, Timeout};
use nuages::cache::error::CacheError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cache_place::redis;

/// Commands of one line each, to the database of that URL.
async fn tell(lines: &[&str]) {
    let url = std::env::var(crate::servers::REDIS).unwrap();
    let place = url.trim_start_matches("redis://");
    let (address, database) = place.split_once('/').unwrap_or((place, "0"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    for line in [&*format!("SELECT {database}")].iter().chain(lines) {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        let mut said = [0; 100];
        let count = stream.read(&mut said).await.unwrap();
        assert!(matches!(said[0], b'+' | b':'), "{line}: {:?}", String::from_utf8_lossy(&said[..count]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_value_fails_alone() {
    let Some(place) = redis().await else { return };
    let cache = &place.cache;
    for number in 0..40 {
        cache.set(&format!("k{number}"), &number, Timeout::Never).await.unwrap();
    }
    let list = cache.key("list").unwrap();
    tell(&[&format!("RPUSH {} a b", list.as_str())]).await;
    let (_, version) = cache.get_versioned::<u32>("k0").await.unwrap().unwrap();
    for _ in 0..5 {
        let asked = (0..200_u32).map(|number| {
            let (cache, version) = (cache.clone(), version.clone());
            tokio::spawn(async move {
                let key = match number % 5 {
                    0 => "list".to_owned(),
                    1 => "nothing".to_owned(),
                    _ => format!("k{}", 1 + number % 39),
                };
                let found = cache.get::<u32>(&key).await;
                let versioned =
                    cache.get_versioned::<u32>(&key).await.map(|found| found.map(|found| found.0));
                let replaced = cache.replace(&key, &number, Timeout::Never, Some(&version)).await;
                match number % 5 {
                    0 => {
                        assert!(matches!(found, Err(CacheError::Decode { .. })), "{found:?}");
                        assert!(matches!(versioned, Err(CacheError::Decode { .. })), "{versioned:?}");
                        assert!(matches!(replaced, Err(CacheError::Server { .. })), "{replaced:?}");
                    }
                    1 => {
                        assert_eq!((found.unwrap(), versioned.unwrap()), (None, None));
                        assert_eq!(replaced.unwrap(), Replaced::Missing);
                    }
                    _ => {
                        let expected = Some(1 + number % 39);
                        assert_eq!((found.unwrap(), versioned.unwrap()), (expected, expected));
                        assert_eq!(replaced.unwrap(), Replaced::Changed);
                    }
                }
            })
        });
        for outcome in join_all(asked).await {
            outcome.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let Some(place) = redis().await else { return };
    let cache = &place.cache;
    cache.set("k", &0, Timeout::Never).await.unwrap();
    for _ in 0..3 {
        tell(&["SCRIPT FLUSH"]).await;
        let replacing = (0..100).map(|number| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.replace("k", &number, Timeout::Never, None).await })
        });
        for outcome in join_all(replacing).await {
            assert!(matches!(outcome.unwrap().unwrap(), Replaced::Stored(_)));
        }
    }
}

/// A script carries a megabyte at most, and a larger value by itself: these need several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_one_script_can_carry_is_replaced() {
    let Some(place) = redis().await else { return };
    let cache = &place.cache;
    let value =
        |number: usize, round: usize| format!("{round}").repeat([150_000, 400_000, 1_500_000][number % 3]);
    for number in 0..18 {
        cache.set(&format!("k{number}"), &value(number, 0), Timeout::Never).await.unwrap();
    }
    for round in 1..4 {
        let replacing = (0..18).map(|number| {
            let (cache, new) = (cache.clone(), value(number, round));
            tokio::spawn(async move {
                let key = format!("k{number}");
                let (_, version) = cache.get_versioned::<String>(&key).await.unwrap().unwrap();
                cache.replace(&key, &new, Timeout::Never, Some(&version)).await
            })
        });
        for outcome in join_all(replacing).await {
            assert!(matches!(outcome.unwrap().unwrap(), Replaced::Stored(_)));
        }
        for number in 0..18 {
            let found = cache.get::<String>(&format!("k{number}")).await.unwrap();
            assert_eq!(found, Some(value(number, round)), "k{number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_was_closed_connects_anew() {
    let Some(place) = redis().await else { return };
    let cache = &place.cache;
    cache.set("k", &7, Timeout::Never).await.unwrap();
    cache.backend().close().await;
    let found = join_all((0..50).map(|_| cache.get::<u32>("k"))).await;
    assert!(found.into_iter().all(|found| found.unwrap() == Some(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_that_expect_the_same_value_is_stored() {
    let Some(place) = redis().await else { return };
    let cache = &place.cache;
    for (timeout, left) in
        [(Timeout::Never, true), (Timeout::Seconds(60), true), (Timeout::Seconds(0), false)]
    {
        for _ in 0..20 {
            cache.set("k", &"before", Timeout::Never).await.unwrap();
            let (_, version) = cache.get_versioned::<String>("k").await.unwrap().unwrap();
            let replacing = (0..60).map(|number| {
                let (cache, version) = (cache.clone(), version.clone());
                tokio::spawn(async move { cache.replace("k", &number, timeout, Some(&version)).await })
            });
            let mut stored = Vec::new();
            for (number, outcome) in join_all(replacing).await.into_iter().enumerate() {
                match outcome.unwrap().unwrap() {
                    Replaced::Stored(_) => stored.push(number),
                    Replaced::Changed => assert!(left, "nothing is left that could have changed"),
                    Replaced::Missing => assert!(!left, "it is still there"),
                }
            }
            let found = cache.get::<usize>("k").await.unwrap();
            assert_eq!((stored.len(), found), (1, stored.first().copied().filter(|_| left)));
        }
    }
}
