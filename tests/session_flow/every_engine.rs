//! The settings that Django does not have, over every engine.

use std::time::Duration;

use futures_util::future::join_all;
use nuages::prelude::*;
use nuages::test::client::Client;
use serde_json::{Value, json};

const ENGINES: [&str; 5] = ["db", "file", "cache", "cached_db", "signed_cookies"];

async fn set(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Ok(HttpResponse::text("set"))
}

async fn read(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.session.get_or("name", "nobody".to_owned()).await?))
}

async fn short(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    request.session.set_expiry(2).await?;
    Ok(HttpResponse::text("short"))
}

async fn large(request: HttpRequest) -> Result<HttpResponse> {
    let mut text = String::new();
    for _ in 0..300 {
        text.push_str(nuages::session::key::SessionKey::generate()?.as_str());
    }
    request.session.set("text", text).await?;
    Ok(HttpResponse::text("large"))
}

async fn flush(request: HttpRequest) -> Result<HttpResponse> {
    request.session.flush().await?;
    Ok(HttpResponse::text("bye"))
}

/// A client of a site with that engine and these settings, and the folder of its files.
async fn client(engine: &str, settings: &[(&str, Value)]) -> (Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let urls = urls![
        path("set/", set),
        path("read/", read),
        path("short/", short),
        path("large/", large),
        path("flush/", flush),
    ];
    let mut builder = Client::builder(Site::new("no-such-folder").urls(urls))
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("SESSION_ENGINE", format!("django.contrib.sessions.backends.{engine}"))
        .setting("SESSION_FILE_PATH", folder.path());
    for (name, value) in settings {
        builder = builder.setting(name, value);
    }
    let client = builder.build().await.unwrap();
    client.raise(false);
    (client, folder)
}

async fn text(client: &Client, path: &str) -> String {
    client.get(path).await.unwrap().text().into_owned()
}

async fn wait(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// However busy it is, and whatever its cookie's age.
#[tokio::test]
async fn a_session_ends_at_its_absolute_age() {
    join_all(ENGINES.map(async |engine| {
        let settings = [("SESSION_ABSOLUTE_AGE", json!(4)), ("SESSION_SAVE_EVERY_REQUEST", json!(true))];
        let (client, _folder) = client(engine, &settings).await;
        let response = client.get("/set/").await.unwrap();
        let cookie = response.cookie("sessionid").unwrap();
        let (key, age) = (cookie.value().to_owned(), cookie.max_age().unwrap().whole_seconds());
        assert!((3..=4).contains(&age), "{engine}: the cookie says it, too: {age}");
        for _ in 0..3 {
            wait(0.6).await;
            assert_eq!(text(&client, "/read/").await, "Sonam", "{engine}");
        }
        // The cookie is kept longer than it asked for.
        wait(2.6).await;
        client.cookies().set("sessionid", &key, "testserver");
        assert_eq!(text(&client, "/read/").await, "nobody", "{engine}");
    }))
    .await;
}

#[tokio::test]
async fn an_unchanged_session_is_renewed_once_in_a_while() {
    join_all(ENGINES.map(async |engine| {
        let settings = [("SESSION_TOUCH_INTERVAL", json!(3)), ("SESSION_SAVE_EVERY_REQUEST", json!(true))];
        let (client, _folder) = client(engine, &settings).await;
        assert!(client.get("/set/").await.unwrap().cookie("sessionid").is_some(), "{engine}");
        // Where the store does not say when a session expires, the first look renews it.
        client.get("/read/").await.unwrap();
        for _ in 0..2 {
            wait(0.3).await;
            let response = client.get("/read/").await.unwrap();
            assert_eq!(response.text(), "Sonam", "{engine}");
            assert!(response.cookie("sessionid").is_none(), "{engine}: too early");
        }
        wait(3.2).await;
        let response = client.get("/read/").await.unwrap();
        assert!(response.cookie("sessionid").is_some(), "{engine}: it is time");
        assert!(client.get("/read/").await.unwrap().cookie("sessionid").is_none(), "{engine}: once");
    }))
    .await;
}

#[tokio::test]
async fn a_partitioned_cookie_is_set_and_deleted_as_one() {
    for engine in ENGINES {
        let settings = [("SESSION_COOKIE_PARTITIONED", json!(true)), ("SESSION_COOKIE_SECURE", json!(true))];
        let (client, _folder) = client(engine, &settings).await;
        let line = |response: &nuages::test::response::TestResponse| {
            response.header("set-cookie").unwrap_or_default().to_owned()
        };
        let response = client.get("/set/").await.unwrap();
        let key = response.cookie("sessionid").unwrap().value().to_owned();
        let set = line(&response);
        client.cookies().set("sessionid", &key, "testserver");
        let deleted = line(&client.get("/flush/").await.unwrap());
        assert!(deleted.contains("Max-Age=0"), "{engine}: {deleted}");
        for line in [set, deleted] {
            assert!(line.contains("; Partitioned") && line.contains("; Secure"), "{engine}: {line}");
        }
    }
}

#[tokio::test]
async fn set_expiry_ends_a_session_in_every_engine() {
    join_all(ENGINES.iter().flat_map(|engine| [(*engine, true), (*engine, false)]).map(
        async |(engine, enforced)| {
            let (client, _folder) = client(engine, &[("SESSION_ENFORCE_EXPIRY", json!(enforced))]).await;
            assert_eq!(text(&client, "/short/").await, "short", "{engine}");
            let key = client.cookies().get("sessionid").unwrap().value.clone();
            assert_eq!(text(&client, "/read/").await, "Sonam", "{engine}");
            wait(3.2).await;
            client.cookies().set("sessionid", &key, "testserver");
            // Where Django forgets it, and is to be followed.
            let forgets = !enforced && matches!(engine, "file" | "signed_cookies");
            let expected = if forgets { "Sonam" } else { "nobody" };
            assert_eq!(text(&client, "/read/").await, expected, "{engine}, enforced: {enforced}");
        },
    ))
    .await;
}

#[tokio::test]
async fn only_a_cookie_has_a_limit() {
    for engine in ENGINES {
        let (client, _folder) = client(engine, &[]).await;
        let response = client.get("/large/").await.unwrap();
        if engine == "signed_cookies" {
            assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(response.cookie("sessionid").is_none());
            let Some(nuages::middleware::refusal::Raised(said)) = response.extensions.get() else {
                panic!("an error that says why")
            };
            assert!(said.contains("where 4096 fit; its keys: text ("), "{said}");
        } else {
            assert_eq!(response.status, StatusCode::OK, "{engine}");
        }
    }
    let (client, _folder) = client("signed_cookies", &[("SESSION_COOKIE_MAX_SIZE", json!(false))]).await;
    let response = client.get("/large/").await.unwrap();
    assert_eq!(response.status, StatusCode::OK, "Django's way");
    assert!(response.cookie("sessionid").is_some());
}
