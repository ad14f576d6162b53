use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::decorators::cache::{cache_control, cache_page, cache_page_with, never_cache};
use crate::decorators::vary::vary_on_cookie;
use crate::http::cache_control::Directive;
use crate::middleware::csrf::get_token;
use crate::prelude::*;
use crate::test::client::Client;

const UPDATE: &str = "django.middleware.cache.UpdateCacheMiddleware";
const BOTH: &str = "django.middleware.cache.CacheMiddleware";
const FETCH: &str = "django.middleware.cache.FetchFromCacheMiddleware";
const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";
const CSRF: &str = "django.middleware.csrf.CsrfViewMiddleware";

/// Pages that count how often they are made.
fn urls(count: &Arc<AtomicU32>) -> Urls {
    let next = || {
        let count = Arc::clone(count);
        move || count.fetch_add(1, Ordering::Relaxed).to_string()
    };
    let plain = || {
        let next = next();
        move |_: HttpRequest| std::future::ready(Ok(HttpResponse::text(next())))
    };
    let (with_cookie, private, loud) = (next(), next(), next());
    let sets_cookie = move |_: HttpRequest| {
        let response = HttpResponse::text(with_cookie()).with_cookie(SetCookie::new("seat", "12"));
        std::future::ready(response.map_err(Error::from))
    };
    let from_session = move |request: HttpRequest| {
        let text = private();
        async move {
            let name = request.session.get_or("name", "nobody".to_owned()).await?;
            Ok(HttpResponse::text(format!("{name} {text}")))
        }
    };
    let into_session = |request: HttpRequest, name: String| async move {
        request.session.set("name", name).await?;
        Ok(HttpResponse::text("set"))
    };
    let shows_token = |request: HttpRequest| async move { Ok(HttpResponse::text(get_token(&request)?)) };
    let shouts = move |_: HttpRequest| {
        let response = HttpResponse::text(loud()).with_header("Cache-Control", "PRIVATE");
        std::future::ready(response.map_err(Error::from))
    };
    urls![
        path("bare/", plain()),
        path("page/", cache_page(60, plain())),
        path("short/", cache_page(1, plain())),
        path("zero/", cache_page(0, plain())),
        path("other/", cache_page_with(60, "default", "other", plain())),
        path("cookie/", cache_page(60, vary_on_cookie(plain()))),
        path("never/", cache_page(60, never_cache(plain()))),
        path("private/", cache_page(60, cache_control(&[Directive::Flag("private")], plain()))),
        path("shouts/", cache_page(60, shouts)),
        path("sets-cookie/", cache_page(60, sets_cookie)),
        path("session/", cache_page(60, from_session)),
        path("session/<name>/", cache_page(60, into_session)),
        path("token/", cache_page(60, shows_token)),
    ]
}

async fn client(middleware: &[&str]) -> Client {
    let site = Site::new("no-such-folder").urls(urls(&Arc::default()));
    let client = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", middleware)
        .setting("CACHE_MIDDLEWARE_SECONDS", 300)
        .build();
    client.await.unwrap()
}

/// Whether a second visitor is given the page that a first one was.
async fn is_kept(client: &Client, path: &str) -> bool {
    let first = client.new_visitor().get(path).await.unwrap();
    let second = client.new_visitor().get(path).await.unwrap();
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    first.text() == second.text()
}

#[tokio::test]
async fn what_is_kept_and_what_is_not() {
    let client = client(&[SESSIONS, CSRF]).await;
    for (path, kept) in [
        ("/bare/", false),
        ("/page/", true),
        ("/other/", true),
        ("/zero/", false),
        ("/cookie/", true),
        ("/never/", false),
        ("/private/", false),
        // Case does not count (CVE-2026-8404).
        ("/shouts/", false),
        // A cookie is one visitor's, also where nothing says that the page varies on it (CVE-2026-48588).
        ("/sets-cookie/", false),
        ("/token/", false),
        // Neither of the two has a cookie, so they may see the same.
        ("/session/", true),
    ] {
        assert_eq!(is_kept(&client, path).await, kept, "{path}");
    }
}

#[tokio::test]
async fn a_cookie_is_never_kept_for_a_visitor_with_other_cookies() {
    for middleware in [vec![], vec![UPDATE, FETCH], vec![UPDATE, SESSIONS, CSRF, FETCH]] {
        let client = client(&middleware).await;
        let first = client.get("/sets-cookie/").header("cookie", "analytics=1").await.unwrap();
        let second = client.get("/sets-cookie/").header("cookie", "analytics=2").await.unwrap();
        assert!(first.cookie("seat").is_some() && second.cookie("seat").is_some());
        assert_ne!(first.text(), second.text(), "{middleware:?}");
    }
}

#[tokio::test]
async fn a_session_makes_a_page_for_each_visitor() {
    for middleware in [vec![SESSIONS], vec![UPDATE, SESSIONS, FETCH]] {
        let client = client(&middleware).await;
        let (sonam, tashi) = (client.new_visitor(), client.new_visitor());
        for (visitor, name) in [(&sonam, "sonam"), (&tashi, "tashi")] {
            // The second time, too: a page that changes the session is not kept.
            for _ in 0..2 {
                assert!(visitor.get(&format!("/session/{name}/")).await.unwrap().text().contains("set"));
            }
        }
        for (visitor, name) in [(&sonam, "sonam"), (&tashi, "tashi"), (&sonam, "sonam")] {
            assert!(visitor.get("/session/").await.unwrap().text().starts_with(name), "{middleware:?}");
        }
        let stranger = client.new_visitor().get("/session/").await.unwrap();
        assert!(stranger.text().starts_with("nobody"), "{middleware:?}: {}", stranger.text());
    }
}

#[tokio::test]
async fn the_whole_site() {
    let client = client(&[UPDATE, "django.middleware.common.CommonMiddleware", FETCH]).await;
    let first = client.get("/bare/").await.unwrap();
    assert_eq!((first.header("cache-control"), first.header("age")), (Some("max-age=300"), None));
    let second = client.get("/bare/").await.unwrap();
    assert_eq!((second.text(), second.header("age")), (first.text(), Some("0")));
    assert_eq!(client.head("/bare/").await.unwrap().header("age"), Some("0"));
    assert_ne!(client.get("/bare/?a=1").await.unwrap().text(), first.text());
    assert_ne!(client.post("/bare/").await.unwrap().text(), first.text());
    assert_eq!(client.get("/nowhere/").await.unwrap().header("cache-control"), None);
}

#[tokio::test]
async fn a_request_with_credentials_has_pages_of_its_own() {
    let client = client(&[]).await;
    let ask = |credentials: &'static str| client.get("/page/").header("authorization", credentials);
    let one = ask("Basic eA==").await.unwrap();
    assert_eq!(one.header("vary"), Some("Authorization"));
    assert_eq!(ask("Basic eA==").await.unwrap().text(), one.text());
    assert_ne!(ask("Basic eQ==").await.unwrap().text(), one.text());
    assert_ne!(client.get("/page/").await.unwrap().text(), one.text());
}

#[tokio::test]
async fn a_bad_host_is_refused_and_not_kept() {
    let site = Site::new("no-such-folder").urls(urls(&Arc::default()));
    let client = Client::new(site).await.unwrap();
    assert_eq!(client.get("/page/").header("host", "evil.example").await.unwrap().status, 400);
}

#[tokio::test]
async fn a_torn_entry_is_as_none() {
    let client = client(&[]).await;
    let first = client.get("/page/").await.unwrap();
    client.project().caches().get("default").unwrap().backend().clear().await.unwrap();
    assert_ne!(client.get("/page/").await.unwrap().text(), first.text());
}

#[tokio::test]
async fn one_layer_does_the_work_of_both() {
    let client = client(&[BOTH, SESSIONS, CSRF]).await;
    for (path, kept) in [("/bare/", true), ("/sets-cookie/", false), ("/token/", false), ("/never/", false)] {
        assert_eq!(is_kept(&client, path).await, kept, "{path}");
    }
    let kept = client.get("/bare/").await.unwrap();
    assert_eq!(kept.header("cache-control"), Some("max-age=300"));
}
