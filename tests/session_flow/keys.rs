//! The key: cycled, created, loaded, deleted, replaced.

use nuages::prelude::*;
use serde_json::{Value as Json, json};

use crate::rows;
use crate::wire::Wire::{Deleted, Read, Saved, Untouched};
use crate::wire::{ask, key, site};

const NOBODY: &str = "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz";

async fn keys(mut request: HttpRequest, step: String) -> Result<HttpResponse> {
    let session = request.session.clone();
    let known = session.session_key().map(|key| key.as_str().to_owned());
    let said: Json = match step.as_str() {
        "set" => json!(session.set("name", "Sonam").await?),
        "dict" => json!(session.dict().await?),
        "cycle-key" => json!(session.cycle_key().await?),
        "cycle-and-fail" => {
            session.cycle_key().await?;
            return Err(Error::internal("after the key was cycled"));
        }
        "create" => {
            session.create().await?;
            json!(session.session_key().map(|key| key.as_str().to_owned()) != known)
        }
        "save-new" => json!(session.save_new().await.map_err(|error| error.to_string())),
        "load" => json!(session.load().await?),
        "exists" => json!([
            session.exists(known.as_deref().unwrap_or(NOBODY)).await?,
            session.exists(NOBODY).await?,
            session.exists("x").await?
        ]),
        "delete-other" => json!(session.delete(request.query()?.get("key")).await?),
        "delete" => json!(session.delete(None).await?),
        "clear-expired" => json!(session.clear_expired().await?),
        "replace" => {
            let other = request.project().sessions().session(request.query()?.get("key"));
            request.session.replace(other);
            json!(request.session.dict().await?)
        }
        "no-session" => {
            session.set("name", "lost").await?;
            request.session.replace(Session::default());
            json!(null)
        }
        other => return Err(Error::not_found(other)),
    };
    HttpResponse::json(&said)
}

#[tokio::test]
async fn cycle_key_moves_the_data_and_leaves_nothing_behind() {
    let client = site(urls![path("<slug:step>/", keys)]).build().await.unwrap();
    ask(&client, "/set/").await;
    let before = key(&client).unwrap();
    assert_eq!(ask(&client, "/cycle-key/").await, (json!(null), Saved));
    let after = key(&client).unwrap();
    assert!(after != before && after.len() == 32);
    assert_eq!(rows::text(client.project(), &before).await, None);
    assert_eq!(rows::count(client.project()).await, 1);
    assert_eq!(ask(&client, "/dict/").await, (json!({"name": "Sonam"}), Read));
    // Who planted or stole the old key has nothing of it.
    let thief = client.new_visitor();
    thief.cookies().set("sessionid", &before, "testserver");
    assert_eq!(ask(&thief, "/dict/").await, (json!({}), Deleted));
}

#[tokio::test]
async fn cycling_before_a_failure_has_happened_all_the_same() {
    // As in Django: the rows have changed, but no cookie tells the browser.
    let client = site(urls![path("<slug:step>/", keys)]).build().await.unwrap();
    ask(&client, "/set/").await;
    let before = key(&client).unwrap();
    client.raise(false);
    let response = client.get("/cycle-and-fail/").await.unwrap();
    assert_eq!((response.status.as_u16(), response.cookies().count()), (500, 0));
    assert_eq!(key(&client), Some(before.clone()));
    assert_eq!(rows::text(client.project(), &before).await, None);
}

#[tokio::test]
async fn the_stores_side() {
    let client = site(urls![path("<slug:step>/", keys)]).build().await.unwrap();
    assert_eq!(ask(&client, "/load/").await, (json!({}), Untouched));
    ask(&client, "/set/").await;
    let first = key(&client).unwrap();
    assert_eq!(ask(&client, "/load/").await, (json!({"name": "Sonam"}), Untouched));
    assert_eq!(ask(&client, "/exists/").await, (json!([true, false, false]), Untouched));
    let taken = ask(&client, "/save-new/").await;
    let said = taken.0["Err"].as_str().unwrap().to_owned();
    assert!(said.starts_with("a session with the key ") && !said.contains(&first), "{said}");
    // create() without loading: an empty session under a new key, the old one stays.
    assert_eq!(ask(&client, "/create/").await, (json!(true), Saved));
    let second = key(&client).unwrap();
    assert_ne!(second, first);
    assert_eq!(rows::count(client.project()).await, 2);
    assert_eq!(ask(&client, &format!("/delete-other/?key={first}")).await, (json!(null), Untouched));
    assert_eq!(rows::count(client.project()).await, 1);
    // delete() takes the row alone: the session finds out when it is next loaded.
    assert_eq!(ask(&client, "/delete/").await, (json!(null), Untouched));
    assert_eq!((rows::count(client.project()).await, key(&client)), (0, Some(second)));
    assert_eq!(ask(&client, "/dict/").await, (json!({}), Deleted));
    assert_eq!(ask(&client, "/clear-expired/").await, (json!(0), Untouched));
}

#[tokio::test]
async fn another_session_in_its_place() {
    let client = site(urls![path("<slug:step>/", keys)]).build().await.unwrap();
    ask(&client, "/set/").await;
    let known = key(&client).unwrap();
    let visitor = client.new_visitor();
    assert_eq!(ask(&visitor, &format!("/replace/?key={known}")).await, (json!({"name": "Sonam"}), Read));
    // `del request.session`: the middleware leaves the response alone, and nothing is saved.
    assert_eq!(ask(&client, "/no-session/").await, (json!(null), Untouched));
    assert_eq!(ask(&client, "/dict/").await, (json!({"name": "Sonam"}), Read));
}
