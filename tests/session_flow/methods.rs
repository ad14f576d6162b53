//! The dict and the test cookie.

use nuages::prelude::*;
use nuages::serialize::value::{Dict, Value};
use serde_json::{Value as Json, json};

use crate::rows;
use crate::wire::Wire::{self, Deleted, Read, Saved, Untouched};
use crate::wire::{ask, key, site};

/// Does to the session what the path says, and answers what came of it.
async fn dict(request: HttpRequest, step: String) -> Result<HttpResponse> {
    let session = &request.session;
    let said: Json = match step.as_str() {
        "untouched" => json!(null),
        "get" => json!(session.get::<String>("name").await?),
        "get-or" => json!(session.get_or("name", "Guest".to_owned()).await?),
        "get-value" => json!(session.get_value("name").await?),
        "contains-key" => json!(session.contains_key("name").await?),
        "set" => json!(session.set("name", "Sonam").await?),
        "set-value" => {
            json!(session.set_value("nested", Dict::from([("a", Value::from(1)), ("b", Value::None)])).await?)
        }
        "keys" => json!(session.keys().await?),
        "values" => json!(session.values().await?),
        "items" => json!(session.items().await?),
        "dict" => json!(session.dict().await?),
        "update" => json!(session.update([("x", 1), ("name", 2)]).await?),
        "update-nothing" => json!(session.update(Vec::<(String, i64)>::new()).await?),
        "update-values" => json!(session.update_values(Dict::from([("y", 2.5)])).await?),
        "setdefault" => json!(session.setdefault("language", "dzo".to_owned()).await?),
        "setdefault-value" => json!(session.setdefault_value("none", Value::None).await?),
        "modify" => json!(session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?),
        "pop" => json!(session.pop::<i64>("x").await?),
        "pop-value" => json!(session.pop_value("y").await?),
        "remove" => json!(session.remove("nested").await?),
        "clear" => json!(session.clear()?),
        "flush" => json!(session.flush().await?),
        "is-empty" => json!(session.is_empty()),
        "session-key" => json!(session.session_key().is_some()),
        "cookie-age" => json!(session.get_session_cookie_age()?),
        "engine" => json!(session.engine().map(|engine| engine.name().to_owned())),
        "set-test-cookie" => json!(session.set_test_cookie().await?),
        "test-cookie-worked" => json!(session.test_cookie_worked().await?),
        "delete-test-cookie" => json!(session.delete_test_cookie().await?),
        "flags" => {
            let mut flags = vec![session.accessed(), session.modified()];
            session.keys().await?;
            flags.extend([session.accessed(), session.modified()]);
            session.set("flag", 1).await?;
            flags.extend([session.accessed(), session.modified()]);
            json!(flags)
        }
        "set-modified" => {
            session.set_modified(true);
            json!(session.modified())
        }
        "forget-the-change" => {
            session.set("forgotten", 1).await?;
            session.set_modified(false);
            json!(session.get::<i64>("forgotten").await?)
        }
        "forget-the-look" => {
            session.keys().await?;
            session.set_accessed(false);
            json!(session.accessed())
        }
        "save-in-the-view" => {
            session.set("early", 1).await?;
            session.save().await?;
            json!([session.modified(), session.session_key().is_some()])
        }
        "wrong-type" => json!(session.get::<u64>("name").await.is_err()),
        other => return Err(Error::not_found(other)),
    };
    HttpResponse::json(&said)
}

#[tokio::test]
async fn each_method_answers_and_marks_as_djangos_does() {
    let client = site(urls![path("<slug:step>/", dict)]).build().await.unwrap();
    let check = async |step: &str, said: Json, wire: Wire| {
        assert_eq!(ask(&client, &format!("/{step}/")).await, (said, wire), "{step}");
    };
    let nothing = || json!(null);

    // Nobody has stored anything yet: looking costs a Vary, and nothing else.
    check("untouched", nothing(), Untouched).await;
    check("is-empty", json!(true), Untouched).await;
    check("session-key", json!(false), Untouched).await;
    check("cookie-age", json!(1_209_600), Untouched).await;
    check("engine", json!("django.contrib.sessions.backends.db"), Untouched).await;
    check("get", nothing(), Read).await;
    check("get-or", json!("Guest"), Read).await;
    check("contains-key", json!(false), Read).await;
    check("keys", json!([]), Read).await;
    check("pop", nothing(), Read).await;
    check("remove", json!(false), Read).await;
    check("test-cookie-worked", json!(false), Read).await;
    check("delete-test-cookie", json!(false), Read).await;
    check("forget-the-look", json!(false), Untouched).await;
    check("flush", nothing(), Read).await;
    assert_eq!((rows::count(client.project()).await, key(&client)), (0, None));

    // One item.
    check("set", nothing(), Saved).await;
    let first_key = key(&client);
    check("untouched", nothing(), Untouched).await;
    check("is-empty", json!(false), Untouched).await;
    check("session-key", json!(true), Untouched).await;
    check("get", json!("Sonam"), Read).await;
    check("get-or", json!("Sonam"), Read).await;
    check("get-value", json!("Sonam"), Read).await;
    check("contains-key", json!(true), Read).await;
    check("wrong-type", json!(true), Read).await;
    check("set", nothing(), Saved).await;

    // The dict, in its order.
    check("set-value", nothing(), Saved).await;
    check("keys", json!(["name", "nested"]), Read).await;
    check("values", json!(["Sonam", {"a": 1, "b": null}]), Read).await;
    check("items", json!([["name", "Sonam"], ["nested", {"a": 1, "b": null}]]), Read).await;
    check("update", nothing(), Saved).await;
    check("update-values", nothing(), Saved).await;
    check("dict", json!({"name": 2, "nested": {"a": 1, "b": null}, "x": 1, "y": 2.5}), Read).await;
    check("update-nothing", nothing(), Saved).await;
    check("setdefault", json!("dzo"), Saved).await;
    check("setdefault", json!("dzo"), Read).await;
    check("setdefault-value", nothing(), Saved).await;
    check("setdefault-value", nothing(), Read).await;
    check("modify", json!(1), Saved).await;
    check("modify", json!(2), Saved).await;
    check("pop", json!(1), Saved).await;
    check("pop", nothing(), Read).await;
    check("pop-value", json!(2.5), Saved).await;
    check("pop-value", nothing(), Read).await;
    check("remove", json!(true), Saved).await;
    check("remove", json!(false), Read).await;
    check("items", json!([["name", 2], ["language", "dzo"], ["none", null], ["visits", 2]]), Read).await;

    // What the session knows of itself.
    check("flags", json!([false, false, true, false, true, true]), Saved).await;
    check("set-modified", json!(true), Saved).await;
    check("forget-the-change", json!(1), Read).await;
    check("keys", json!(["name", "language", "none", "visits", "flag"]), Read).await;
    check("save-in-the-view", json!([true, true]), Saved).await;
    assert_eq!(key(&client), first_key);

    // Emptied, the session stays; flushed, it goes.
    check("clear", nothing(), Saved).await;
    check("dict", json!({}), Read).await;
    check("is-empty", json!(false), Untouched).await;
    assert_eq!((rows::count(client.project()).await, key(&client)), (1, first_key));
    check("set-test-cookie", nothing(), Saved).await;
    check("dict", json!({"testcookie": "worked"}), Read).await;
    check("test-cookie-worked", json!(true), Read).await;
    check("delete-test-cookie", json!(true), Saved).await;
    check("delete-test-cookie", json!(false), Read).await;
    check("flush", nothing(), Deleted).await;
    assert_eq!((rows::count(client.project()).await, key(&client)), (0, None));
    check("is-empty", json!(true), Untouched).await;
}

#[tokio::test]
async fn without_the_middleware_every_call_says_what_is_missing() {
    let client =
        site(urls![path("<slug:step>/", dict)]).setting("MIDDLEWARE", [""; 0]).build().await.unwrap();
    assert_eq!(ask(&client, "/untouched/").await, (json!(null), Untouched));
    assert_eq!(ask(&client, "/is-empty/").await, (json!(true), Untouched));
    for step in ["get", "set", "clear", "flush", "keys", "modify", "cookie-age", "set-test-cookie"] {
        let raised = client.get(&format!("/{step}/")).await.unwrap_err().to_string();
        for piece in ["no session", "django.contrib.sessions.middleware.SessionMiddleware", "MIDDLEWARE"] {
            assert!(raised.contains(piece), "{step}: {raised}");
        }
    }
}
