//! The session as a struct: defaults, unknown keys kept, only what changed is written.

use nuages::prelude::*;
use nuages::test::client::Client;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Visitor {
    name: Option<String>,
    visits: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
}

async fn visit(request: HttpRequest) -> Result<HttpResponse> {
    let page = request.query()?.get("page").map(str::to_owned);
    let visitor = request
        .session
        .edit(|visitor: &mut Visitor| {
            visitor.visits += 1;
            match page {
                Some(page) => visitor.seen.push(page),
                None => visitor.seen.clear(),
            }
        })
        .await?;
    HttpResponse::json(&visitor)
}

async fn look(request: HttpRequest) -> Result<HttpResponse> {
    request.session.edit(|_: &mut Visitor| ()).await?;
    HttpResponse::json(&request.session.view::<Visitor>().await?)
}

async fn client() -> Client {
    let site = Site::new("no-such-folder").urls(urls![path("visit/", visit), path("look/", look)]);
    Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .build()
        .await
        .expect("a site")
}

#[tokio::test]
async fn fields_are_keys_and_other_keys_stay() {
    let client = client().await;
    client.get("/visit/?page=a").await.unwrap();
    let session = client.session().await.unwrap();
    session.set("theirs", ["kept"]).await.unwrap();
    session.save().await.unwrap();
    let answer = client.get("/visit/?page=b").await.unwrap();
    assert_eq!(answer.text(), r#"{"name": null, "visits": 2, "seen": ["a", "b"]}"#);
    let session = client.session().await.unwrap();
    assert_eq!(
        session.keys().await.unwrap(),
        ["visits", "seen", "theirs"],
        "name did not change: it is not there"
    );

    client.get("/visit/").await.unwrap();
    let session = client.session().await.unwrap();
    assert_eq!(
        session.keys().await.unwrap(),
        ["visits", "theirs"],
        "what is no longer serialized is removed"
    );
}

#[tokio::test]
async fn an_unchanged_session_is_not_modified() {
    let client = client().await;
    let answer = client.get("/look/").await.unwrap();
    assert_eq!(answer.text(), r#"{"name": null, "visits": 0}"#);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_wrong_kind_is_named() {
    let client = client().await;
    client.get("/visit/").await.unwrap();
    let session = client.session().await.unwrap();
    session.set("visits", "many").await.unwrap();
    let error = session.view::<Visitor>().await.unwrap_err().to_string();
    assert!(error.contains("visits"), "{error}");
}
