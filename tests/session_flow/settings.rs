//! The SESSION_* settings, as the cookie shows them.

use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::test::response::TestResponse;

use crate::rows;
use crate::wire::Wire::{self, Deleted, Read, Saved, Untouched};
use crate::wire::{key, site};

async fn untouched(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

async fn read(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.session.get_or("name", "nobody".to_owned()).await?))
}

async fn set(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Ok(HttpResponse::text("set"))
}

async fn short(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set_expiry(60).await?;
    Ok(HttpResponse::text("short"))
}

async fn flush(request: HttpRequest) -> Result<HttpResponse> {
    request.session.flush().await?;
    Ok(HttpResponse::text("bye"))
}

async fn fails(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "lost").await?;
    Err(Error::internal("the wheel came off"))
}

fn pages() -> Urls {
    urls![include(
        "app/",
        urls![
            path("untouched/", untouched),
            path("read/", read),
            path("set/", set),
            path("short/", short),
            path("flush/", flush),
            path("fails/", fails),
        ]
    )]
}

/// The attributes in the order in which Django writes them, without the date.
fn line(response: &TestResponse) -> String {
    let line = response.header("set-cookie").unwrap();
    let (pair, attributes) = line.split_once("; ").unwrap_or((line, ""));
    let name = pair.split('=').next().unwrap();
    let shown = attributes.split("; ").filter(|attribute| !attribute.starts_with("expires="));
    shown.fold(name.to_owned(), |shown, attribute| format!("{shown}; {attribute}"))
}

async fn get(client: &Client, page: &str) -> TestResponse {
    client.get(&format!("https://testserver/app/{page}/")).await.unwrap()
}

#[tokio::test]
async fn the_cookies_attributes() {
    let check = async |settings: &[(&str, serde_json::Value)], set: &str, deleted: &str| {
        let mut builder = site(pages());
        for (name, value) in settings {
            builder = builder.setting(name, value);
        }
        let client = builder.build().await.unwrap();
        assert_eq!(line(&get(&client, "set").await), set, "{settings:?}");
        assert_eq!(get(&client, "read").await.text(), "Sonam", "{settings:?}: the cookie comes back");
        assert_eq!(line(&get(&client, "flush").await), deleted, "{settings:?}");
        assert_eq!(get(&client, "read").await.text(), "nobody", "{settings:?}");
        assert_eq!(client.cookies().iter().count(), 0, "{settings:?}");
    };
    let age = "Max-Age=1209600";
    check(
        &[],
        &format!("sessionid; HttpOnly; {age}; Path=/; SameSite=Lax"),
        "sessionid; Max-Age=0; Path=/; SameSite=Lax",
    )
    .await;
    check(
        &[("SESSION_COOKIE_NAME", "sid".into()), ("SESSION_COOKIE_AGE", 60.into())],
        "sid; HttpOnly; Max-Age=60; Path=/; SameSite=Lax",
        "sid; Max-Age=0; Path=/; SameSite=Lax",
    )
    .await;
    check(
        &[("SESSION_COOKIE_PATH", "/app/".into()), ("SESSION_COOKIE_SAMESITE", "Strict".into())],
        &format!("sessionid; HttpOnly; {age}; Path=/app/; SameSite=Strict"),
        "sessionid; Max-Age=0; Path=/app/; SameSite=Strict",
    )
    .await;
    check(
        &[("SESSION_COOKIE_DOMAIN", "testserver".into()), ("SESSION_COOKIE_HTTPONLY", false.into())],
        &format!("sessionid; Domain=testserver; {age}; Path=/; SameSite=Lax"),
        "sessionid; Domain=testserver; Max-Age=0; Path=/; SameSite=Lax",
    )
    .await;
    // Whatever SESSION_COOKIE_SECURE says, a deletion is Secure only where browsers would not take it otherwise.
    check(
        &[("SESSION_COOKIE_SECURE", true.into())],
        &format!("sessionid; HttpOnly; {age}; Path=/; SameSite=Lax; Secure"),
        "sessionid; Max-Age=0; Path=/; SameSite=Lax",
    )
    .await;
    check(
        &[("SESSION_COOKIE_SAMESITE", "None".into()), ("SESSION_COOKIE_SECURE", true.into())],
        &format!("sessionid; HttpOnly; {age}; Path=/; SameSite=None; Secure"),
        "sessionid; Max-Age=0; Path=/; SameSite=None; Secure",
    )
    .await;
    check(
        &[("SESSION_COOKIE_NAME", "__Host-sid".into()), ("SESSION_COOKIE_SECURE", true.into())],
        &format!("__Host-sid; HttpOnly; {age}; Path=/; SameSite=Lax; Secure"),
        "__Host-sid; Max-Age=0; Path=/; SameSite=Lax; Secure",
    )
    .await;
    check(
        &[("SESSION_COOKIE_SAMESITE", false.into())],
        &format!("sessionid; HttpOnly; {age}; Path=/"),
        "sessionid; Max-Age=0; Path=/",
    )
    .await;
    check(
        &[("SESSION_EXPIRE_AT_BROWSER_CLOSE", true.into())],
        "sessionid; HttpOnly; Path=/; SameSite=Lax",
        "sessionid; Max-Age=0; Path=/; SameSite=Lax",
    )
    .await;
}

#[tokio::test]
async fn an_expiry_of_its_own_overrides_the_browsers_close() {
    let client = site(pages()).setting("SESSION_EXPIRE_AT_BROWSER_CLOSE", true).build().await.unwrap();
    assert_eq!(line(&get(&client, "set").await), "sessionid; HttpOnly; Path=/; SameSite=Lax");
    assert_eq!(line(&get(&client, "short").await), "sessionid; HttpOnly; Max-Age=60; Path=/; SameSite=Lax");
    client.cookies().close_browser();
    assert_eq!(get(&client, "read").await.text(), "Sonam");
}

#[tokio::test]
async fn save_every_request() {
    let client = site(pages()).setting("SESSION_SAVE_EVERY_REQUEST", true).build().await.unwrap();
    let check = async |page: &str, wire: Wire| {
        let response = get(&client, page).await;
        assert_eq!(Wire::of(&response, "sessionid"), wire, "{page}");
    };
    // A visitor without a session is left alone.
    check("untouched", Untouched).await;
    check("read", Read).await;
    assert_eq!(rows::count(client.project()).await, 0);
    check("set", Saved).await;
    let known = key(&client).unwrap();
    let text = rows::text(client.project(), &known).await;
    check("untouched", Saved).await;
    check("read", Saved).await;
    assert_eq!(key(&client), Some(known.clone()));
    assert_eq!(rows::text(client.project(), &known).await, text, "the data is not written again");
    client.raise(false);
    check("fails", Read).await;
    check("flush", Deleted).await;
    check("untouched", Untouched).await;
    // As in Django, a cookie that names nothing gets a new, empty session, under a key of ours.
    client.cookies().set("sessionid", &known, "testserver");
    check("untouched", Saved).await;
    assert_ne!(key(&client), Some(known));
    assert_eq!(rows::count(client.project()).await, 1);
}
