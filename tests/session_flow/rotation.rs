//! A new SECRET_KEY: with the old one among the fallbacks nobody is logged out, without it everybody is a stranger.

use std::path::Path;

use nuages::prelude::*;
use nuages::test::client::Client;

use crate::rows;
use crate::wire::{key, site};

async fn read(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.session.get_or("name", "nobody".to_owned()).await?))
}

async fn set(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Ok(HttpResponse::text("set"))
}

async fn visit(request: HttpRequest) -> Result<HttpResponse> {
    let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok(HttpResponse::text(visits.to_string()))
}

/// The site on that database, with those keys.
async fn with_keys(file: &Path, secret_key: &str, fallbacks: &[&str]) -> Client {
    let databases = serde_json::json!({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}});
    let urls = urls![path("read/", read), path("set/", set), path("visit/", visit)];
    site(urls)
        .setting("DATABASES", databases)
        .setting("SECRET_KEY", secret_key)
        .setting("SECRET_KEY_FALLBACKS", fallbacks)
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn fallbacks_verify_and_never_sign() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotation.sqlite3");
    const OLD: &str = "the old key, which has been around for a long while";
    const NEW: &str = "the new key, which nobody has seen as of this time";

    let old = with_keys(&file, OLD, &[]).await;
    assert_eq!(old.get("/set/").await.unwrap().text(), "set");
    let session = key(&old).unwrap();
    let ask = async |client: &Client, page: &str| {
        client.cookies().set("sessionid", &session, "testserver");
        client.get(page).await.unwrap().text().into_owned()
    };

    let stranger = with_keys(&file, NEW, &[]).await;
    assert_eq!(ask(&stranger, "/read/").await, "nobody");
    let rotated = with_keys(&file, NEW, &[OLD]).await;
    assert_eq!(ask(&rotated, "/read/").await, "Sonam");
    let before = rows::text(rotated.project(), &session).await.unwrap();
    assert_eq!(ask(&stranger, "/read/").await, "nobody", "reading has not signed it anew");

    assert_eq!(ask(&rotated, "/visit/").await, "1");
    assert_ne!(rows::text(rotated.project(), &session).await.unwrap(), before);
    assert_eq!(ask(&stranger, "/read/").await, "Sonam", "it is signed with the new key alone");
    assert_eq!(ask(&old, "/read/").await, "nobody", "and not with the old one");
    assert_eq!(ask(&rotated, "/visit/").await, "2");
}

#[tokio::test]
async fn save_every_request_moves_a_session_to_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotation.sqlite3");
    let old = with_keys(&file, "an old key of some fifty characters, or nearly that", &[]).await;
    old.get("/set/").await.unwrap();
    let session = key(&old).unwrap();
    let databases = serde_json::json!({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}});
    let rotated = site(urls![path("read/", read)])
        .setting("DATABASES", databases)
        .setting("SECRET_KEY", "a new key of some fifty characters, or nearly that")
        .setting("SECRET_KEY_FALLBACKS", ["an old key of some fifty characters, or nearly that"])
        .setting("SESSION_SAVE_EVERY_REQUEST", true)
        .build()
        .await
        .unwrap();
    rotated.cookies().set("sessionid", &session, "testserver");
    assert_eq!(rotated.get("/read/").await.unwrap().text(), "Sonam");
    let alone = with_keys(&file, "a new key of some fifty characters, or nearly that", &[]).await;
    alone.cookies().set("sessionid", &session, "testserver");
    assert_eq!(alone.get("/read/").await.unwrap().text(), "Sonam");
}
