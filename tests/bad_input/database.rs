//! A database that cannot be read, is not there, or is no database: said by every command, and never taken for a logout.

use nuages::prelude::*;
use nuages::test::client::Client;

use crate::program::{Folder, SETTINGS};

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

async fn client(file: &std::path::Path, debug: bool) -> Client {
    let databases = serde_json::json!({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}});
    let urls = urls![path("visits/", visits), path("hello/", hello)];
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
        client.cookies().set("sessionid", "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz", "testserver");
        let response = client.get("/visits/").await.unwrap();
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.cookies().count(), 0, "the visitor keeps the cookie: {:?}", response.headers);
        assert!(client.cookies().get("sessionid").is_some());
        let page = response.text();
        assert_eq!(page.contains("is not a sound SQLite database"), debug, "{page}");
        assert_eq!(page.contains("down.sqlite3"), debug, "{page}");
        assert!(!page.contains("n8x4n4ev0rmm1xqfmyndtdinzbjttnsz"), "{page}");
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
