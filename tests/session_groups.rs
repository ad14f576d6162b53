//! Session rows that are written and read together: one that fails fails alone, and the others notice nothing.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, unused_macros, reason = "the place alone is used here")]
mod contract;
mod group_contract;
mod place;
mod servers;

use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{FutureExt, join_all};
use nuages::db::database::Database;
use nuages::db::sqlx::{self, AssertSqlSafe};
use nuages::serialize::value::Dict;
use nuages::session::store::{Load, StoreError};

use crate::contract::Place;
use crate::group_contract::{inserts, key, numbered};

async fn run(database: &Database, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(database.sqlite().unwrap()).await.unwrap();
}

/// Begins these while another connection of this process writes, so that they are done together once it is done.
async fn together<T>(database: &Database, all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let held = database.as_sqlite().unwrap().writer().acquire().await.unwrap();
    let mut all = Box::pin(join_all(all));
    // The first group is what the thread finds at once, the second what comes after it: both wait for the connection.
    for _ in 0..20 {
        let waits = std::future::poll_fn(|context| Poll::Ready(all.as_mut().poll(context).is_pending()));
        assert!(waits.await, "they wait for the connection");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    drop(held);
    all.await
}

async fn sessions() -> (Place, Database) {
    let place = place::db().await;
    let database = place.database.clone().unwrap();
    (place, database)
}

/// A trigger that refuses one row in each of SQLite's ways, of which two end the transaction of the whole group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_fails_fails_alone() {
    for way in ["ABORT", "FAIL", "ROLLBACK"] {
        let (place, database) = sessions().await;
        let store = place.engine.store();
        let trigger = format!(
            "CREATE TRIGGER no BEFORE INSERT ON django_session WHEN NEW.session_key LIKE '%17' \
             BEGIN SELECT RAISE({way}, 'not this one'); END"
        );
        sqlx::raw_sql(AssertSqlSafe(trigger)).execute(database.sqlite().unwrap()).await.unwrap();
        let inserts = inserts(&place.engine, (0..60).map(key));
        for (number, inserted) in together(&database, inserts).await.into_iter().enumerate() {
            match inserted {
                Ok(saved) => assert_eq!(saved.key, key(number)),
                Err(error) => {
                    assert_eq!(number, 17, "{way}: {error}");
                    assert!(matches!(error, StoreError::Backend { .. }), "{way}: {error:?}");
                }
            }
        }
        for number in 0..60 {
            assert_eq!(store.exists(&key(number)).await.unwrap(), number != 17, "{way} {number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_what_came_of_its_own() {
    let (place, database) = sessions().await;
    group_contract::each_is_told_what_came_of_its_own(&place, |writes| together(&database, writes).boxed())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_one_session_keep_their_order() {
    let (place, database) = sessions().await;
    let store = place.engine.store();
    store.insert(&key(0), &numbered(0)).await.unwrap();
    // Few enough that the runtime polls them in one go.
    let writes = (1..=40).map(|number| {
        let store = &store;
        async move { store.update(&key(0), &numbered(number), None).await }
    });
    assert!(together(&database, writes).await.iter().all(Result::is_ok));
    assert_eq!(store.reload(&key(0)).await.unwrap().unwrap().data, numbered(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_harm_nobody() {
    group_contract::dropped_requests_harm_nobody(&place::db().await).await;
}

/// A row that is no session, or whose column holds no date, is nothing to those that are read with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_empty_alone() {
    let (place, database) = sessions().await;
    let store = place.engine.store();
    for number in 0..30 {
        store.insert(&key(number), &numbered(number)).await.unwrap();
    }
    run(&database, "UPDATE django_session SET expire_date = 'tomorrow' WHERE session_key LIKE '%7'").await;
    run(&database, "UPDATE django_session SET session_data = x'00ff' WHERE session_key LIKE '%8'").await;
    let reads = join_all((0..30).cycle().take(90).map(|number| {
        let store = &store;
        async move { (number, store.load(&key(number)).await) }
    }));
    for (number, read) in reads.await {
        let Load::Found(loaded) = read.unwrap() else { panic!("{number} is there") };
        let expected = if number % 10 == 8 { Dict::new() } else { numbered(number) };
        assert_eq!(loaded.data, expected, "{number}");
        assert_eq!(loaded.expires.is_none(), number % 10 == 7, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_table_is_named_to_everybody() {
    let (place, database) = sessions().await;
    let store = place.engine.store();
    run(&database, "DROP TABLE django_session").await;
    let writes = (0..20).map(|number| {
        let store = &store;
        async move { store.insert(&key(number), &numbered(number)).await }
    });
    let told = "session store database \"default\": a table is missing in the database \"default\" (run `manage migrate`)";
    for answer in together(&database, writes).await {
        assert_eq!(answer.unwrap_err().to_string(), told);
    }
    assert_eq!(store.load(&key(0)).await.unwrap_err().to_string(), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_program_is_waited_for() {
    let (place, database) = sessions().await;
    let store = place.engine.store();
    let file = database.as_sqlite().unwrap().file().unwrap().to_owned();
    let mut other =
        sqlx::SqlitePool::connect_lazy_with(sqlx::sqlite::SqliteConnectOptions::new().filename(file))
            .begin_with("BEGIN IMMEDIATE")
            .await
            .unwrap();
    let write = tokio::spawn({
        let engine = Arc::clone(&place.engine);
        async move { engine.store().insert(&key(1), &numbered(1)).await }
    });
    sqlx::query("DELETE FROM django_session").execute(&mut *other).await.unwrap();
    assert!(store.reload(&key(1)).await.unwrap().is_none(), "readers wait for no writer");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!write.is_finished());
    other.commit().await.unwrap();
    write.await.unwrap().unwrap();
}
