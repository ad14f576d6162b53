//! What the log `django.request` says of a request: a line for each answer that is an error, under the request's id, and
//! never one that a client wrote.

use nuages::decorators::http::require_post;
use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::urls::class::ClassView;

use crate::logged::Log;

#[derive(serde::Deserialize, Debug)]
enum Shape {
    #[serde(rename = "round")]
    Round,
}

/// Hands what the client says to one of the ways to fail, or answers with an error.
async fn answer(request: HttpRequest, how: String) -> Result<HttpResponse> {
    let said = request.query()?.get("said").unwrap_or_default().to_owned();
    let status = |status| Ok(HttpResponse::text("").with_status(status));
    match how.as_str() {
        "json" => {
            let Shape::Round = request.json().await?;
            status(StatusCode::OK)
        }
        "internal" => Err(Error::internal(format!("no such tune: {said}"))),
        "chain" => Err(std::io::Error::other(said).into()),
        "panic" => panic!("no such tune: {said}"),
        "forbidden" => Err(Error::permission_denied(said)),
        "bad" => Err(Error::bad_request(said)),
        "suspicious" => Err(Error::suspicious("SuspiciousOperation", said)),
        "missing" => Err(Error::not_found(said)),
        "returned-404" => status(StatusCode::NOT_FOUND),
        "returned-503" => status(StatusCode::SERVICE_UNAVAILABLE),
        "reason" => Ok(status(StatusCode::CONFLICT)?.with_reason("Too \"late\"")?),
        _ => status(StatusCode::OK),
    }
}

#[derive(Clone)]
struct Methods;

impl ClassView for Methods {
    type Params = ();

    async fn post(self, _request: HttpRequest, (): ()) -> Result<HttpResponse> {
        Ok(HttpResponse::text("posted"))
    }
}

async fn client() -> Client {
    let site = Site::new("no-such-folder").urls(urls![
        path("answer/<how>/", answer),
        path("post/", require_post(async |_: HttpRequest| Ok(HttpResponse::text("posted")))),
        path("class/", nuages::urls::class::view(Methods)),
    ]);
    let middleware =
        ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"];
    let client = Client::builder(site).setting("MIDDLEWARE", middleware).build().await.unwrap();
    client.raise(false);
    client
}

const WAYS: [(&str, u16, usize); 12] = [
    ("json", 400, 1),
    ("internal", 500, 1),
    ("chain", 500, 1),
    ("panic", 500, 1),
    ("forbidden", 403, 1),
    ("bad", 400, 1),
    // As in Django: one for the security log, one for the answer.
    ("suspicious", 400, 2),
    ("missing", 404, 1),
    ("returned-404", 404, 1),
    ("returned-503", 503, 1),
    ("reason", 409, 1),
    ("fine", 200, 0),
];

#[tokio::test]
async fn no_client_writes_a_line() {
    let (log, client) = (Log::begin(), client().await);
    for (how, status, count) in WAYS {
        for evil in ["a%0A2026-01-01%20ERROR%20forged", "%0D%0Aforged", "%1b%5B31m", "%C2%85x", "%E2%80%AEx"]
        {
            let json = "\"a\\r\\n2026 ERROR forged\\u001b[31m\\u202e\"";
            let response = client
                .post(&format!("/answer/{how}/?said={evil}"))
                .body("application/json", json)
                .await
                .unwrap();
            assert_eq!(response.status.as_u16(), status, "{how}");
            let lines = log.take();
            assert_eq!(lines.len(), count, "{how}: {lines:?}");
            for line in lines {
                let forges = |letter: char| letter.is_control() || letter == '\u{202e}';
                assert!(!line.contains(forges), "{how}: {line:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_line_names_the_request() {
    let (log, client) = (Log::begin(), client().await);
    client.always("x-request-id", "abc-1").unwrap();
    for (how, _, _) in WAYS {
        client.post(&format!("/answer/{how}/")).body("application/json", "{}").await.unwrap();
        for line in log.take() {
            assert!(line.contains("request_id=\"abc-1\""), "{how}: {line}");
            let tells = line.contains(&format!("\"/answer/{how}/\"")) || line.contains("django.security");
            assert!(tells, "{how}: {line}");
            // What nobody foresaw has a place.
            let place = line.contains("at=tests/bad_input/request_log.rs:")
                || line.contains("at=bad_input/request_log.rs:");
            assert_eq!(place, matches!(how, "internal" | "chain" | "panic"), "{how}: {line}");
        }
    }
    client.enforce_csrf_checks(true);
    for (request, says) in [
        (client.get("/post/"), "Method Not Allowed (GET): \"/post/\""),
        (client.get("/class/"), "Method Not Allowed (GET): \"/class/\""),
        (client.post("/post/"), "Forbidden (\"CSRF cookie not set.\"): \"/post/\""),
        (client.get("/nowhere/"), "Not Found: \"/nowhere/\""),
    ] {
        request.await.unwrap();
        let lines = log.take();
        assert!(
            lines.len() == 1 && lines[0].contains(says) && lines[0].contains("request_id=\"abc-1\""),
            "{says}: {lines:?}"
        );
    }
    // A 404 that becomes a redirect is none, and an id that is no id is replaced.
    assert_eq!(client.get("/post").await.unwrap().status.as_u16(), 301);
    assert_eq!(log.take(), [""; 0]);
    client.always("x-request-id", "a b").unwrap();
    client.get("/nowhere/").await.unwrap();
    let lines = log.take();
    assert!(lines.len() == 1 && !lines[0].contains("a b") && lines[0].contains("request_id="), "{lines:?}");
}
