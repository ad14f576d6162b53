//! A database that cannot be read, is not there, or is no database: said by every command, and never taken for a logout.

use nuages::prelude::*;
use nuages::test::client::Client;

use crate::logged::Log;
use crate::program::{Folder, SETTINGS};

/// Apart from the test, whose source the debug page shows.
const KEY: &str = "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz";

const USELESS: &[u8] = b"This is a letter, not a database. ".as_slice();

#[test]
fn commands_say_which_file_and_what_to_do() {
    let folder = Folder::new(SETTINGS);
    let name = folder.path().join("db.sqlite3").display().to_string();
    for words in [&["clearsessions"][..], &["check", "--database", "default"]] {
        folder.refuses(words, &["\"default\"", &name, "does not exist", "migrate"]);
    }
    folder.write("db.sqlite3", USELESS.repeat(100));
    for words in
        [&["migrate"][..], &["showmigrations"], &["clearsessions"], &["check", "--database", "default"]]
    {
        folder.refuses(words, &["\"default\"", &name, "is not a sound SQLite database", "restore the file"]);
    }
    assert_eq!(std::fs::read(&name).unwrap(), USELESS.repeat(100), "it is left as it was");
    std::fs::remove_file(&name).unwrap();
    std::fs::create_dir(&name).unwrap();
    folder.refuses(&["migrate"], &["\"default\"", &name, "is a folder", "correct NAME"]);
    std::fs::remove_dir(&name).unwrap();

    let elsewhere =
        Folder::new(&SETTINGS.replace("NAME = \"db.sqlite3\"", "NAME = \"no/such/folder/db.sqlite3\""));
    let said = elsewhere.run(&["migrate"], &[]);
    assert_eq!(said.status, Some(1), "{said:?}");
    for piece in ["\"default\"", "no/such/folder", "does not exist", "create it"] {
        assert!(said.err.contains(piece), "{piece:?} is not in:\n{}", said.err);
    }
}

async fn visits(request: HttpRequest) -> Result<HttpResponse> {
    let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok(HttpResponse::text(visits.to_string()))
}

async fn hello(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

async fn seen(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.session.get_or("visits", 0).await?.to_string()))
}

async fn large(request: HttpRequest) -> Result<HttpResponse> {
    // Random text, which does not shrink.
    let mut text = String::new();
    for _ in 0..100 {
        text.push_str(nuages::session::key::SessionKey::generate()?.as_str());
    }
    request.session.set("text", text).await?;
    Ok(HttpResponse::text("stored"))
}

async fn client(file: &std::path::Path, debug: bool) -> Client {
    client_with(file, debug, "").await
}

/// With a command for each connection to the database.
async fn client_with(file: &std::path::Path, debug: bool, command: &str) -> Client {
    let databases = serde_json::json!({"default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": {"init_command": command},
    }});
    let urls =
        urls![path("visits/", visits), path("seen/", seen), path("large/", large), path("hello/", hello)];
    let builder = Client::builder(Site::new("no-such-folder").urls(urls))
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("DATABASES", databases)
        .setting("DEBUG", debug)
        .own_database();
    let client = builder.build().await.unwrap();
    client.raise(false);
    client
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error_and_not_a_logout() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("down.sqlite3");
    std::fs::write(&file, USELESS.repeat(100)).unwrap();
    for debug in [false, true] {
        let client = client(&file, debug).await;
        client.cookies().set("sessionid", KEY, "testserver");
        let response = client.get("/visits/").await.unwrap();
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.cookies().count(), 0, "the visitor keeps the cookie: {:?}", response.headers);
        assert!(client.cookies().get("sessionid").is_some());
        let page = response.text();
        assert_eq!(page.contains("is not a sound SQLite database"), debug, "{page}");
        assert_eq!(page.contains("down.sqlite3"), debug, "{page}");
        assert!(!page.contains(KEY), "{page}");
        // What needs no session goes on.
        let response = client.get("/hello/").await.unwrap();
        assert_eq!((response.status, &*response.text()), (StatusCode::OK, "hello"));
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_says_migrate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.sqlite3");
    std::fs::write(&file, b"").unwrap();
    let response = client(&file, true).await.get("/visits/").await.unwrap();
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.text().contains("manage migrate"), "{}", response.text());
    let response = client(&file, false).await.get("/visits/").await.unwrap();
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.text().contains("migrate"), "{}", response.text());
}

/// Writes fail with these words in the log and nothing on the page, reads go on, and nobody is logged out.
async fn writes_fail(client: &Client, pieces: &[&str]) {
    let log = Log::begin();
    let cookie = client.cookies().get("sessionid").unwrap().value.clone();
    let begun = std::time::Instant::now();
    let response = client.get("/visits/").await.unwrap();
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.cookies().count(), 0, "{:?}", response.headers);
    let (page, lines) = (response.text(), log.take());
    for piece in pieces {
        assert!(lines.iter().any(|line| line.contains(piece)), "{piece:?} is not in {lines:?}");
        assert!(!page.contains(piece), "{page}");
    }
    assert!(!lines.iter().any(|line| line.contains(&cookie)), "a session's key is in the log: {lines:?}");
    assert_eq!(client.cookies().get("sessionid").unwrap().value, cookie);
    let response = client.get("/seen/").await.unwrap();
    assert_eq!((response.status, &*response.text()), (StatusCode::OK, "1"), "what is stored can be read");
}

/// A client of a site on that file, with a session of one visit.
async fn visitor(file: &std::path::Path, options: &str) -> Client {
    let made = client_with(file, false, "").await;
    made.project().db().unwrap().create().await.unwrap();
    let migrations = made.project().migrations();
    nuages::db::migrations::executor::create_and_migrate(
        made.project().db().unwrap(),
        migrations,
        nuages::db::timestamp::Timestamp::now,
        |_| Ok(()),
    )
    .await
    .unwrap();
    assert_eq!(made.get("/visits/").await.unwrap().text(), "1");
    let cookie = made.cookies().get("sessionid").unwrap().value.clone();
    let client = client_with(file, false, options).await;
    client.cookies().set("sessionid", &cookie, "testserver");
    client
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readonly.sqlite3");
    let client = visitor(&file, "PRAGMA query_only = 1").await;
    writes_fail(&client, &["\"default\"", "cannot be written", "readonly.sqlite3"]).await;
}

#[tokio::test]
async fn a_full_file_is_named_and_grows_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.sqlite3");
    let client = visitor(&file, "PRAGMA max_page_count = 1").await;
    // No page more than there are: new sessions fit until the last one is full.
    let mut stored = 0;
    let refused = loop {
        let other = client.new_visitor();
        other.raise(false);
        let response = other.get("/large/").await.unwrap();
        if response.status != StatusCode::OK {
            break response;
        }
        stored += 1;
        assert!(stored < 1_000, "the file never was full");
    };
    assert_eq!(refused.cookies().count(), 0, "no session, no cookie");
    assert!(!refused.text().contains("full"));
    let log = Log::begin();
    let other = client.new_visitor();
    other.raise(false);
    assert_eq!(other.get("/large/").await.unwrap().status, StatusCode::INTERNAL_SERVER_ERROR);
    let lines = log.take();
    for piece in ["\"default\"", "cannot grow", "full.sqlite3"] {
        assert!(lines.iter().any(|line| line.contains(piece)), "{piece:?} is not in {lines:?}");
    }
    assert_eq!(client.get("/seen/").await.unwrap().text(), "1", "what is stored can be read");
    let roomy = client_with(&file, false, "").await;
    assert_eq!(roomy.get("/large/").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_lock_that_is_not_given_up_is_named_and_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("locked.sqlite3");
    let client = visitor(&file, "PRAGMA busy_timeout = 200").await;
    let other = client_with(&file, false, "").await;
    let held = other.project().db().unwrap().as_sqlite().unwrap().begin().await.unwrap();
    writes_fail(&client, &["\"default\"", "stayed locked by another connection"]).await;
    drop(held);
    assert_eq!(client.get("/visits/").await.unwrap().text(), "2", "as if nothing had been");
}
