use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::*;
use crate::conf::source::SettingsSource;
use crate::decorators::csrf::{csrf_exempt, csrf_protect, ensure_csrf_cookie, requires_csrf_token};
use crate::http::connection::Connection;
use crate::http::vectors;
use crate::prelude::*;
use crate::test::client::Client;

const SECRET: &str = "0123456789abcdefghijklmnopqrstuv";
const SIGNED_COOKIES: &str = "django.contrib.sessions.backends.signed_cookies";
const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";

fn project(settings: &Map<String, Value>) -> Arc<Project> {
    let mut all = json!({"SECRET_KEY": "k", "ALLOWED_HOSTS": ["*"], "SESSION_ENGINE": SIGNED_COOKIES});
    all.as_object_mut().unwrap().extend(settings.clone());
    let Value::Object(all) = all else { unreachable!() };
    let built = Site::new("no-such-folder").build(&SettingsSource::json(all));
    built.unwrap_or_else(|faults| panic!("{faults:?}")).project
}

async fn refusal(request: &HttpRequest) -> Option<String> {
    let protection = protection_of(request).unwrap();
    protection.refusal(request).await.unwrap().map(|reason| reason.to_string())
}

#[tokio::test]
async fn origins_and_referers_are_judged_as_django_judges_them() {
    let mut sites: Vec<(Value, Arc<Project>)> = Vec::new();
    for case in vectors::load("csrf_origins") {
        let settings = &case["settings"];
        let known = sites.iter().find(|(known, _)| known == settings).map(|(_, site)| Arc::clone(site));
        let site = known.unwrap_or_else(|| {
            let made = project(settings.as_object().unwrap());
            sites.push((settings.clone(), Arc::clone(&made)));
            made
        });
        let mut request = Request::post("/")
            .header("host", case["host"].as_str().unwrap())
            .header("cookie", format!("csrftoken={SECRET}"))
            .header("x-csrftoken", SECRET);
        for (name, value) in [("origin", &case["origin_bytes"]), ("referer", &case["referer_bytes"])] {
            if !value.is_null() {
                request = request.header(name, HeaderValue::from_bytes(&vectors::bytes(value)).unwrap());
            }
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let port: u16 = case["port"].as_str().unwrap().parse().unwrap();
        let connection = Connection {
            local: Some(SocketAddr::from(([127, 0, 0, 1], port))),
            tls: case["scheme"] == "https",
            ..Connection::default()
        };
        let request = HttpRequest::new(head, Full::new(Bytes::new()), site).on(connection);
        assert_eq!(refusal(&request).await.as_deref(), case["reason"].as_str(), "{case}");
    }
}

#[tokio::test]
async fn tokens_are_judged_as_django_judges_them() {
    let site = project(&Map::new());
    for case in vectors::load("csrf_tokens") {
        let mut request = Request::builder()
            .method(case["method"].as_str().unwrap())
            .uri("/")
            .header("host", "example.com")
            .header("content-type", "application/x-www-form-urlencoded");
        if !case["cookie_bytes"].is_null() {
            let cookie = [b"csrftoken=".to_vec(), vectors::bytes(&case["cookie_bytes"])].concat();
            request = request.header("cookie", HeaderValue::from_bytes(&cookie).unwrap());
        }
        let mut body = "a=1".to_owned();
        match (case["token"].as_str(), case["where"] == "form") {
            (Some(token), true) => {
                let token =
                    percent_encoding::percent_encode(token.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
                body.push_str(&format!("&csrfmiddlewaretoken={token}"));
            }
            (Some(token), false) => {
                request = request.header("x-csrftoken", HeaderValue::from_bytes(token.as_bytes()).unwrap());
            }
            (None, _) => {}
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let request = HttpRequest::new(head, Full::new(Bytes::from(body)), Arc::clone(&site));
        assert_eq!(refusal(&request).await.as_deref(), case["reason"].as_str(), "{case}");
    }
}

async fn shows_token(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(get_token(&request)?))
}

async fn plain(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("plain"))
}

async fn rotates(request: HttpRequest) -> Result<HttpResponse> {
    rotate_token(&request)?;
    shows_token(request).await
}

async fn fails(request: HttpRequest) -> Result<HttpResponse> {
    get_token(&request)?;
    Err(Error::not_found("but a token was asked for"))
}

fn urls() -> Urls {
    urls![
        path("token/", shows_token),
        path("plain/", plain),
        path("rotate/", rotates),
        path("fails/", fails),
        path("exempt/", csrf_exempt(plain)),
        path("protect/", csrf_protect(shows_token)),
        path("exempt-protect/", csrf_exempt(csrf_protect(plain))),
        path("protect-exempt/", csrf_protect(csrf_exempt(plain))),
        path("ensure/", ensure_csrf_cookie(plain)),
        path("requires/", requires_csrf_token(shows_token)),
    ]
}

async fn client(middleware: &[&str], settings: &[(&str, Value)]) -> Client {
    let site = Site::new("no-such-folder").urls(urls());
    let mut builder = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", middleware);
    for (name, value) in settings {
        builder = builder.setting(name, value);
    }
    let client = builder.build().await.unwrap();
    client.enforce_csrf_checks(true);
    client
}

fn vary(response: &crate::test::response::TestResponse) -> Option<&str> {
    response.header("vary")
}

#[tokio::test]
async fn a_page_without_a_token_gets_no_cookie_and_one_with_it_does() {
    let client = client(&[NAME], &[]).await;
    let plain = client.get("/plain/").await.unwrap();
    assert_eq!((plain.header("set-cookie"), vary(&plain)), (None, None));
    let page = client.get("/token/").await.unwrap();
    let cookie = page.header("set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("csrftoken=") && cookie.contains("Max-Age=31449600"), "{cookie}");
    assert!(cookie.contains("Path=/") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(vary(&page), Some("Cookie"), "a page with a token is one visitor's (CVE-2014-0473)");
    let secret = &cookie["csrftoken=".len()..][..32];
    assert!(token::matches(&page.text(), secret) && page.text() != secret);

    let posted = client.post("/plain/").form([("csrfmiddlewaretoken", &*page.text())]).await.unwrap();
    assert_eq!(posted.status, 200);
    for bad in [secret.to_uppercase(), page.text()[1..].to_owned(), String::new()] {
        assert_eq!(
            client.post("/plain/").form([("csrfmiddlewaretoken", &*bad)]).await.unwrap().status,
            403,
            "{bad}"
        );
    }
    let failed = client.get("/fails/").await.unwrap();
    assert_eq!(failed.status, 404);
    assert!(failed.header("set-cookie").is_some(), "an error page can show a form as well");
}

/// Django's error pages are templates that may show a form; with or without the middleware.
#[tokio::test]
async fn an_error_page_replaces_a_cookie_that_is_no_secret() {
    for middleware in [vec![], vec![NAME]] {
        for (cookie, replaced) in [
            ("csrftoken=x", true),
            ("csrftoken=", true),
            (&*format!("csrftoken={SECRET}"), false),
            ("a=b", false),
        ] {
            let client = client(&middleware, &[]).await;
            let page = client.get("/nowhere/").header("cookie", cookie).await.unwrap();
            let sent = page.header("set-cookie").is_some_and(|sent| sent.starts_with("csrftoken="));
            assert_eq!(
                (page.status.as_u16(), sent, vary(&page)),
                (404, replaced, replaced.then_some("Cookie"))
            );
        }
    }
    for middleware in [vec![], vec![NAME]] {
        let page = client(&middleware, &[]).await.get("/fails/").await.unwrap();
        assert_eq!((page.status.as_u16(), vary(&page)), (404, Some("Cookie")), "the view asked for a token");
        assert!(page.header("set-cookie").is_some_and(|sent| sent.starts_with("csrftoken=")));
    }
    let client = client(&[SESSIONS, NAME], &[("CSRF_USE_SESSIONS", json!(true))]).await;
    let page = client.get("/nowhere/").header("cookie", "csrftoken=x").await.unwrap();
    assert_eq!((page.header("set-cookie"), vary(&page)), (None, Some("Cookie")), "the session was looked at");
}

#[tokio::test]
async fn the_check_stands_at_the_view() {
    let client = client(&[NAME], &[]).await;
    assert_eq!(client.post("/nowhere/").form([("a", "1")]).await.unwrap().status, 404);
    for (path, status) in [
        ("/plain/", 403),
        ("/exempt/", 200),
        ("/exempt-protect/", 403),
        ("/protect-exempt/", 200),
        ("/protect/", 403),
        ("/requires/", 403),
    ] {
        let visitor = client.new_visitor();
        visitor.enforce_csrf_checks(true);
        assert_eq!(visitor.post(path).form([("a", "1")]).await.unwrap().status, status, "{path}");
    }
}

#[tokio::test]
async fn decorators_work_without_the_middleware() {
    let client = client(&[], &[]).await;
    assert_eq!(client.post("/plain/").form([("a", "1")]).await.unwrap().status, 200);
    assert_eq!(client.post("/protect/").form([("a", "1")]).await.unwrap().status, 403);
    assert!(client.get("/ensure/").await.unwrap().header("set-cookie").is_some());
    let token = client.get("/requires/").await.unwrap().text().into_owned();
    assert_eq!(client.post("/protect/").form([("csrfmiddlewaretoken", &*token)]).await.unwrap().status, 200);
    let alone = client.new_visitor().get("/token/").await.unwrap();
    assert_eq!(alone.header("set-cookie"), None, "nobody is there to send it");
}

/// Whoever planted a secret in the browser before the login knows nothing after it (passport CVE-2022-25896).
#[tokio::test]
async fn a_new_secret_ends_the_old_tokens() {
    for settings in [vec![], vec![("CSRF_USE_SESSIONS", json!(true))]] {
        let client = client(&[SESSIONS, NAME], &settings).await;
        let old = client.get("/token/").await.unwrap().text().into_owned();
        assert_eq!(client.post("/plain/").form([("csrfmiddlewaretoken", &*old)]).await.unwrap().status, 200);
        let new = client.get("/rotate/").await.unwrap().text().into_owned();
        assert_eq!(client.post("/plain/").form([("csrfmiddlewaretoken", &*old)]).await.unwrap().status, 403);
        assert_eq!(client.post("/plain/").form([("csrfmiddlewaretoken", &*new)]).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn the_session_keeps_the_secret_under_djangos_key() {
    let client = client(&[SESSIONS, NAME], &[("CSRF_USE_SESSIONS", json!(true))]).await;
    let page = client.get("/token/").await.unwrap();
    let session = client.session().await.unwrap();
    let secret: String = session.get("_csrftoken").await.unwrap().unwrap();
    assert!(token::matches(&page.text(), &secret));
    assert!(!page.header("set-cookie").unwrap().contains("csrftoken"));
}

#[tokio::test]
async fn a_secret_in_a_session_that_is_not_there_stops_the_start() {
    for (middleware, sound) in
        [(vec![NAME], false), (vec![NAME, SESSIONS], false), (vec![SESSIONS, NAME], true)]
    {
        let mut settings = Map::new();
        settings.insert("SECRET_KEY".to_owned(), json!("k"));
        settings.insert("SESSION_ENGINE".to_owned(), json!(SIGNED_COOKIES));
        settings.insert("INSTALLED_APPS".to_owned(), json!(["django.contrib.sessions"]));
        settings.insert("MIDDLEWARE".to_owned(), json!(middleware));
        settings.insert("CSRF_USE_SESSIONS".to_owned(), json!(true));
        let built = Site::new("no-such-folder").build(&SettingsSource::json(settings));
        match built {
            Ok(_) => assert!(sound, "{middleware:?}"),
            Err(faults) => {
                assert!(!sound, "{middleware:?}: {faults:?}");
                assert_eq!(faults[0].id, "nuages.E016");
                assert!(faults[0].message.contains(SESSIONS), "{}", faults[0].message);
            }
        }
    }
}

#[test]
fn an_unknown_failure_view_stops_the_start() {
    let mut settings = Map::new();
    settings.insert("SECRET_KEY".to_owned(), json!("k"));
    settings.insert("SESSION_ENGINE".to_owned(), json!(SIGNED_COOKIES));
    settings.insert("CSRF_FAILURE_VIEW".to_owned(), json!("shop.refused"));
    async fn refused(_request: HttpRequest, reason: String) -> Result<HttpResponse> {
        Ok(HttpResponse::text(reason).with_status(StatusCode::IM_A_TEAPOT))
    }
    let site = || Site::new("no-such-folder").csrf_failure_view("shop.views.refused", refused);
    let faults = site().build(&SettingsSource::json(settings.clone())).unwrap_err();
    assert_eq!(faults[0].id, "nuages.E015");
    assert!(faults[0].hint.as_ref().unwrap().contains("shop.views.refused"), "{faults:?}");
    settings.insert("CSRF_FAILURE_VIEW".to_owned(), json!("shop.views.refused"));
    assert!(site().build(&SettingsSource::json(settings)).is_ok());
}

#[test]
fn nothing_of_the_secret_is_shown() {
    let notes = crate::http::request::notes::Notes::default();
    VisitorSecret::note(&notes, SECRET.to_owned());
    let shown = format!("{notes:?} {:?}", notes.get::<VisitorSecret>().unwrap());
    assert!(!shown.contains(&SECRET[..8]), "{shown}");
}
