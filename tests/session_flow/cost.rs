//! What a request costs: the calls that reach the store.

use nuages::prelude::*;
use nuages::test::client::Client;

async fn step(request: HttpRequest, step: String) -> Result<HttpResponse> {
    let session = &request.session;
    match step.as_str() {
        "untouched" => {}
        "known-of-itself" => {
            let _ = (session.session_key(), session.is_empty(), session.accessed(), session.modified());
            session.get_session_cookie_age()?;
        }
        "read" => drop(session.dict().await?),
        "read-often" => {
            for _ in 0..10 {
                session.get::<String>("name").await?;
                session.contains_key("name").await?;
            }
        }
        "set" => session.set("name", "Sonam").await?,
        "read-and-set-often" => {
            for n in 0..10 {
                session.get::<i64>("n").await?;
                session.set("n", n).await?;
            }
        }
        "setdefault" => drop(session.setdefault("name", "Pema".to_owned()).await?),
        "clear" => session.clear()?,
        "cycle-key" => session.cycle_key().await?,
        "flush" => session.flush().await?,
        "fail" => {
            session.set("name", "lost").await?;
            return Ok(HttpResponse::text("failed").with_status(StatusCode::INTERNAL_SERVER_ERROR));
        }
        other => return Err(Error::not_found(other)),
    }
    Ok(HttpResponse::text("done"))
}

async fn client(save_every_request: bool) -> Client {
    Client::builder(Site::new("no-such-folder").urls(urls![path("<slug:step>/", step)]))
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("SESSION_SAVE_EVERY_REQUEST", save_every_request)
        .build()
        .await
        .unwrap()
}

/// Asks for the page, and compares the calls that the store got with those expected.
async fn check(client: &Client, page: &str, calls: &str) {
    drop(client.store_calls());
    client.get(&format!("/{page}/")).await.unwrap();
    assert_eq!(client.store_calls().join(" "), calls, "{page}");
}

#[tokio::test]
async fn an_untouched_session_costs_nothing() {
    let client = client(false).await;
    check(&client, "untouched", "").await;
    check(&client, "known-of-itself", "").await;
    check(&client, "no-such-page", "").await;
    check(&client, "set", "insert").await;
    check(&client, "untouched", "").await;
    check(&client, "known-of-itself", "").await;
    check(&client, "no-such-page", "").await;
    for cookie in ["", "x", "1234567", "long-enough-for-a-key"] {
        client.cookies().set("sessionid", cookie, "testserver");
        check(&client, "untouched", "").await;
    }
}

#[tokio::test]
async fn each_use_costs_one_read_and_one_write_at_most() {
    let client = client(false).await;
    check(&client, "read", "").await;
    check(&client, "flush", "").await;
    check(&client, "set", "insert").await;
    check(&client, "read", "load").await;
    check(&client, "read-often", "load").await;
    check(&client, "setdefault", "load").await;
    check(&client, "set", "load update").await;
    check(&client, "read-and-set-often", "load update").await;
    check(&client, "clear", "update").await;
    check(&client, "fail", "load").await;
    check(&client, "cycle-key", "load insert delete update").await;
    check(&client, "flush", "delete").await;
    client.cookies().set("sessionid", "names-nothing-at-all", "testserver");
    check(&client, "read", "load").await;
    client.cookies().set("sessionid", "short", "testserver");
    check(&client, "read", "").await;
}

#[tokio::test]
async fn save_every_request_touches_and_writes_no_data() {
    let client = client(true).await;
    check(&client, "untouched", "").await;
    check(&client, "set", "insert").await;
    check(&client, "untouched", "load touch").await;
    check(&client, "read", "load touch").await;
    check(&client, "set", "load update").await;
    check(&client, "flush", "delete").await;
    check(&client, "untouched", "").await;
}
