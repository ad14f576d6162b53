//! Expiry in all its forms, as the cookie and the next request show it.

use nuages::prelude::*;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::value::Value;
use nuages::session::expiry::Expiry;
use nuages::test::client::Client;
use serde_json::{Value as Json, json};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::rows;
use crate::wire::Wire::{Deleted, Read, Untouched};
use crate::wire::{ask, key, site};

const TWO_WEEKS: i64 = 1_209_600;

fn naive_tomorrow() -> PrimitiveDateTime {
    let tomorrow = OffsetDateTime::now_utc() + Duration::DAY;
    PrimitiveDateTime::new(tomorrow.date(), tomorrow.time())
}

async fn set_expiry(request: HttpRequest, kind: String) -> Result<HttpResponse> {
    let now = OffsetDateTime::now_utc();
    let expiry: Expiry = match kind.as_str() {
        "seconds" => 300.into(),
        "past" => (-10).into(),
        "span" => Duration::days(10).into(),
        "std-span" => std::time::Duration::from_secs(600).into(),
        "long-ago" => Duration::days(-10).into(),
        "time" => (now + Duration::DAY).into(),
        "elsewhere" => (now + Duration::DAY).to_offset(time::macros::offset!(+6)).into(),
        "naive" => naive_tomorrow().into(),
        "close" => Expiry::AtBrowserClose,
        "zero" => 0.into(),
        "default" => Expiry::Default,
        "none" => None::<i64>.into(),
        "float" => Expiry::Other(Value::Float(90.5)),
        "words" => Expiry::Other(Value::from("2999-01-01T00:00:00+00:00")),
        "nonsense" => Expiry::Other(Value::from("tomorrow")),
        "never" => Expiry::Seconds(i64::MAX),
        other => return Err(Error::not_found(other)),
    };
    request.session.set_expiry(expiry).await?;
    HttpResponse::json(&request.session.contains_key("_session_expiry").await?)
}

async fn show(request: HttpRequest) -> Result<HttpResponse> {
    let session = &request.session;
    let age = session.get_expiry_age().await?;
    let date = session.get_expiry_date().await?;
    HttpResponse::json(&json!([age, date.isoformat(), session.get_expire_at_browser_close().await?]))
}

/// `get_expiry_age(…)` and `get_expiry_date(…)` of given values: they load nothing.
async fn given(request: HttpRequest) -> Result<HttpResponse> {
    let at = |text| DateTime::fromisoformat(text).expect("the test's own time");
    let modification = at("2026-11-22T12:00:00+00:00");
    let session = &request.session;
    let of = |expiry: Option<Value>| -> Result<Json> {
        let age = session.expiry_age_of(expiry.as_ref(), Some(modification))?;
        let date = session.expiry_date_of(expiry.as_ref(), Some(modification))?;
        Ok(json!([age, date.isoformat()]))
    };
    HttpResponse::json(&json!([
        of(None)?,
        of(Some(Value::Int(60)))?,
        of(Some(Value::from("2026-11-22T12:10:00.500000+00:00")))?,
    ]))
}

fn pages() -> Urls {
    urls![path("set/<slug:kind>/", set_expiry), path("show/", show), path("given/", given)]
}

/// Sets that expiry; then the cookie's Max-Age and its date must be that many seconds away, or both absent.
async fn check(client: &Client, kind: &str, seconds: Option<i64>) {
    let response = client.get(&format!("/set/{kind}/")).await.unwrap();
    assert_eq!(response.status, StatusCode::OK, "{kind}");
    let cookie = response.cookie("sessionid").unwrap();
    let age = cookie.max_age().map(Duration::whole_seconds);
    let date = cookie.expires_datetime().map(|at| (at - OffsetDateTime::now_utc()).whole_seconds());
    match seconds {
        None => assert_eq!((age, date), (None, None), "{kind}"),
        Some(seconds) => {
            let near = |got: Option<i64>| got.is_some_and(|got| (seconds - 5..=seconds).contains(&got));
            assert!(near(age) && near(date), "{kind}: {age:?} {date:?}");
        }
    }
}

#[tokio::test]
async fn each_kind_of_expiry() {
    let client = site(pages()).build().await.unwrap();
    for (kind, seconds, kept) in [
        ("seconds", Some(300), 300),
        ("span", Some(864_000), 864_000),
        ("std-span", Some(600), 600),
        ("time", Some(86_400), 86_400),
        ("elsewhere", Some(86_400), 86_400),
        ("float", Some(90), 90),
        ("close", None, TWO_WEEKS),
        ("zero", None, TWO_WEEKS),
        ("default", Some(TWO_WEEKS), TWO_WEEKS),
        ("seconds", Some(300), 300),
        ("none", Some(TWO_WEEKS), TWO_WEEKS),
    ] {
        check(&client, kind, seconds).await;
        let (said, wire) = ask(&client, "/show/").await;
        let age = said[0].as_i64().unwrap();
        assert!((kept - 5..=kept).contains(&age), "{kind}: {said}");
        let date = said[1].as_str().unwrap();
        assert!(date.ends_with("+00:00") || kind == "elsewhere", "{kind}: {said}");
        assert_eq!((&said[2], wire), (&json!(seconds.is_none()), Read), "{kind}");
    }
    assert_eq!(ask(&client, "/set/words/").await.0, json!(true));
    assert_eq!(ask(&client, "/show/").await.0[1], json!("2999-01-01T00:00:00+00:00"));
}

#[tokio::test]
async fn a_session_that_has_expired_is_an_anonymous_visitors() {
    for (kind, age) in [("past", -10), ("long-ago", -864_000)] {
        let client = site(pages()).build().await.unwrap();
        let response = client.get(&format!("/set/{kind}/")).await.unwrap();
        let line = response.header("set-cookie").unwrap();
        let (_, rest) = line.split_once("Max-Age=").unwrap();
        let got: i64 = rest.split(';').next().unwrap().parse().unwrap();
        assert!((age - 5..=age).contains(&got), "{line}");
        assert_eq!(key(&client), None, "the browser drops it at once");
        let kept = line.strip_prefix("sessionid=").unwrap().split(';').next().unwrap();
        client.cookies().set("sessionid", kept, "testserver");
        let (said, wire) = ask(&client, "/show/").await;
        assert!(said[0].as_i64().unwrap() > TWO_WEEKS - 5, "{said}");
        assert_eq!(wire, Deleted);
        assert_eq!(rows::count(client.project()).await, 1, "clearsessions takes the row, not a visit");
    }
}

#[tokio::test]
async fn an_expiry_that_makes_no_sense_is_a_500_that_stores_nothing() {
    for (use_tz, kind) in
        [(true, "naive"), (false, "time"), (true, "nonsense"), (false, "nonsense"), (true, "never")]
    {
        let client = site(pages()).setting("USE_TZ", use_tz).build().await.unwrap();
        client.raise(false);
        let response = client.get(&format!("/set/{kind}/")).await.unwrap();
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR, "{use_tz} {kind}");
        assert_eq!(
            (response.cookies().count(), rows::count(client.project()).await),
            (0, 0),
            "{use_tz} {kind}"
        );
    }
}

#[tokio::test]
async fn without_use_tz_times_are_naive() {
    let client = site(pages()).setting("USE_TZ", false).setting("TIME_ZONE", "UTC").build().await.unwrap();
    for (kind, seconds) in [("naive", 86_400), ("span", 864_000), ("seconds", 300)] {
        check(&client, kind, Some(seconds)).await;
        let (said, _) = ask(&client, "/show/").await;
        assert!(!said[1].as_str().unwrap().contains('+'), "{kind}: {said}");
        let age = said[0].as_i64().unwrap();
        assert!((seconds - 5..=seconds).contains(&age), "{kind}: {said}");
    }
}

#[tokio::test]
async fn of_given_values_nothing_is_loaded() {
    let client = site(pages()).build().await.unwrap();
    let expected = json!([
        [TWO_WEEKS, "2026-12-06T12:00:00+00:00"],
        [60, "2026-11-22T12:01:00+00:00"],
        [600, "2026-11-22T12:10:00.500000+00:00"],
    ]);
    assert_eq!(ask(&client, "/given/").await, (expected, Untouched));
}

#[tokio::test]
async fn a_sliding_age_slides_and_a_fixed_end_stays() {
    let client = site(pages()).setting("SESSION_SAVE_EVERY_REQUEST", true).build().await.unwrap();
    let ends = async || client.get("/show/").await.unwrap().cookie("sessionid").unwrap().max_age().unwrap();
    check(&client, "seconds", Some(300)).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(ends().await, Duration::seconds(300));
    check(&client, "std-span", Some(600)).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert!(ends().await < Duration::seconds(599));
}
