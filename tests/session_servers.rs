//! The contract suite over the session engines that stand on a server: PostgreSQL, MySQL or MariaDB,
//! Redis, memcached.
//!
//! The servers are those that the environment names; `tests/run` starts them. Without them this says what it left out; with
//! `NUAGES_TEST_REQUIRE_SERVERS=1` that is a failure.

#[macro_use]
mod contract;
mod group_contract;
mod place;
mod servers;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::{FutureExt, LocalBoxFuture, join_all};
use nuages::db::database::Database;
use nuages::session::key::SessionKey;
use nuages::session::store::Load;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::contract::Place;
use crate::group_contract::{key, numbered};
use crate::servers::{MEMCACHED, MYSQL, POSTGRES, REDIS, Trials};

/// Adds a trial for each test of the suite, on places made by an async fn from a server's URL.
macro_rules! trials_on {
    ($trials:ident, $name:ident, $server:ident, $place:path: $($test:ident,)*) => {$(
        $trials.add_on($server, concat!(stringify!($name), "::", stringify!($test)), |location| {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async { contract::$test(&$place(location).await).await });
        });
    )*};
}

/// Another program's transaction has deleted one row, and thinks better of it.
async fn a_locked_row_holds_nobody_up(place: Place) {
    for number in 0..60 {
        place.engine.store().insert(&key(number), &numbered(number)).await.unwrap();
    }
    let mut other = place.database.as_ref().unwrap().connect().await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other
        .execute(&format!("DELETE FROM django_session WHERE session_key = '{}'", key(0).as_str()))
        .await
        .unwrap();
    let release = async { other.execute("ROLLBACK").await.unwrap() };
    group_contract::a_locked_row_holds_nobody_up(&place, release).await;
}

/// Another program's transaction has locked more rows than there are connections: the other sessions are read and written.
async fn many_locked_rows_starve_nobody(place: Place) {
    const LOCKED: usize = 25;
    let store = place.engine.store();
    for number in 0..60 {
        store.insert(&key(number), &numbered(number)).await.unwrap();
    }
    let mut other = place.database.as_ref().unwrap().connect().await.unwrap();
    other.execute("BEGIN").await.unwrap();
    for number in 0..LOCKED {
        let sql = format!("DELETE FROM django_session WHERE session_key = '{}'", key(number).as_str());
        other.execute(&sql).await.unwrap();
    }
    let (wanted, data) = ((0..LOCKED).map(key).collect::<Vec<_>>(), numbered(1));
    let mut locked = Box::pin(join_all(wanted.iter().map(|key| store.update(key, &data, None))));
    let others = async {
        // Until those that wait for a lock do so.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for round in 0..5 {
            let writes = (LOCKED..60).map(|number| async move {
                store.update(&key(number), &numbered(round), None).await.unwrap();
                assert!(store.reload(&key(number)).await.unwrap().is_some());
            });
            join_all(writes).await;
        }
    };
    let done = tokio::select! {
        _ = locked.as_mut() => false,
        done = timeout(Duration::from_secs(3), others) => done.is_ok(),
    };
    assert!(done, "the others waited for the locked rows");
    // Those whose visitors have gone are not tried any more.
    drop(locked);
    other.execute("ROLLBACK").await.unwrap();
    timeout(Duration::from_secs(20), store.update(&key(0), &data, None)).await.unwrap().unwrap();
}

/// MySQL's collation finds a row by more names than its own: none of them has an entry that outlives it.
async fn names_that_the_collation_takes_for_equal(place: Place) {
    let store = place.engine.store();
    for (number, other) in [str::to_uppercase, |key: &str| format!("{key} ")].into_iter().enumerate() {
        for by_its_own in [true, false] {
            let own = key(2 * number + usize::from(by_its_own));
            let other = SessionKey::parse(&other(&format!("a{}", own.as_str()))).unwrap();
            let own = SessionKey::parse(&format!("a{}", own.as_str())).unwrap();
            store.insert(&own, &numbered(1)).await.unwrap();
            for _ in 0..2 {
                for name in [&own, &other] {
                    assert!(matches!(store.load(name).await.unwrap(), Load::Found(_)), "as Django finds it");
                }
            }
            assert!(store.delete(if by_its_own { &own } else { &other }, None).await.unwrap());
            for name in [&own, &other] {
                assert!(!matches!(store.load(name).await.unwrap(), Load::Found(_)), "it was deleted");
            }
        }
    }
}

/// How many connections of the database's pool there are, and how many of them lie in it.
fn connections(database: &Database) -> (u32, usize) {
    nuages::on_pool!(database, pool => (pool.size(), pool.num_idle()))
}

async fn until(what: impl Fn() -> bool) {
    let waited = timeout(Duration::from_secs(20), async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("in time");
}

/// Connections that wait for the next row go back to the pool when none comes, and at the end; meanwhile they serve.
async fn kept_connections_go_back(place: Place) {
    let (store, database) = (place.engine.store(), place.database.as_ref().unwrap());
    store.insert(&key(0), &numbered(0)).await.unwrap();
    let (size, idle) = connections(database);
    assert!(idle < size as usize, "one is kept: {idle} of {size}");
    for _ in 0..20 {
        assert!(matches!(store.load(&key(0)).await.unwrap(), Load::Found(_)));
        assert_eq!(connections(database).0, size, "the same one serves");
    }
    until(|| connections(database) == (size, size as usize)).await;
    assert!(matches!(store.load(&key(0)).await.unwrap(), Load::Found(_)));
    assert!(connections(database).1 < size as usize);
    timeout(Duration::from_secs(10), database.close()).await.expect("nobody holds what is kept");
}

/// A connection that the server ended meanwhile is one failure at most.
async fn a_kept_connection_that_ended(place: Place) {
    let (store, database) = (place.engine.store(), place.database.as_ref().unwrap());
    store.insert(&key(0), &numbered(0)).await.unwrap();
    let mut other = database.connect().await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE pid <> pg_backend_pid() AND datname = current_database()";
    other.execute(end).await.unwrap();
    let mut failed = 0;
    for _ in 0..10 {
        match store.load(&key(0)).await {
            Ok(found) => assert!(matches!(found, Load::Found(_))),
            Err(_) => failed += 1,
        }
    }
    assert!(failed <= 2, "{failed}");
}

/// Rows that are written and read together, on a database of its own.
fn add_groups(
    trials: &mut Trials,
    server: &'static str,
    name: &str,
    place: impl Fn(String) -> LocalBoxFuture<'static, Place> + Copy + Send + 'static,
) {
    let mut add = |test: &str, run: fn(Place) -> LocalBoxFuture<'static, ()>| {
        trials.add_on(server, format!("{name}_groups::{test}"), move |url| {
            Runtime::new().unwrap().block_on(async { run(place(url.to_owned()).await).await });
        });
    };
    add("each_is_told_what_came_of_its_own", |place| {
        async move {
            let together = |writes| join_all(writes).boxed();
            group_contract::each_is_told_what_came_of_its_own(&place, together).await;
        }
        .boxed_local()
    });
    add("each_writes_its_own", |place| {
        async move { group_contract::each_writes_its_own(&place).await }.boxed_local()
    });
    add("a_row_that_fails_fails_alone", |place| {
        async move { group_contract::a_row_that_fails_fails_alone(&place).await }.boxed_local()
    });
    add("a_locked_row_holds_nobody_up", |place| a_locked_row_holds_nobody_up(place).boxed_local());
    add("many_locked_rows_starve_nobody", |place| many_locked_rows_starve_nobody(place).boxed_local());
    add("dropped_requests_harm_nobody", |place| {
        async move { group_contract::dropped_requests_harm_nobody(&place).await }.boxed_local()
    });
    add("kept_connections_go_back", |place| kept_connections_go_back(place).boxed_local());
    add("keys_are_found_together_as_they_are_alone", |place| {
        async move { group_contract::keys_are_found_together_as_they_are_alone(&place).await }.boxed_local()
    });
}

fn main() -> ExitCode {
    let mut trials = Trials::from_args();
    session_contract!(trials_on! trials, postgres, POSTGRES, place::postgres:);
    session_contract!(trials_on! trials, mysql, MYSQL, place::mysql:);
    session_contract!(trials_on! trials, cache_redis, REDIS, place::cache_redis:);
    session_contract!(trials_on! trials, cache_memcached, MEMCACHED, place::cache_memcached:);
    session_contract!(trials_on! trials, cached_db_redis, REDIS, place::cached_db_redis:);
    session_contract!(trials_on! trials, cached_db_memcached, MEMCACHED, place::cached_db_memcached:);
    add_groups(&mut trials, POSTGRES, "postgres", |url| {
        async move { place::postgres(&url).await }.boxed_local()
    });
    trials.add_on(POSTGRES, "postgres::a_kept_connection_that_ended", |url| {
        Runtime::new()
            .unwrap()
            .block_on(async { a_kept_connection_that_ended(place::postgres(url).await).await });
    });
    add_groups(&mut trials, MYSQL, "mysql", |url| async move { place::mysql(&url).await }.boxed_local());
    trials.add_on(MYSQL, "cached_db_mysql::names_that_the_collation_takes_for_equal", |url| {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            names_that_the_collation_takes_for_equal(place::cached_db_mysql(url).await).await;
        });
    });
    trials.run()
}
