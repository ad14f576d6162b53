use serde_json::{Value, json};

use crate::prelude::*;
use crate::test::client::Client;

async fn plain(_: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("plain"))
}

/// A view that says it all itself.
async fn own(_: HttpRequest) -> Result<HttpResponse> {
    let mut response = HttpResponse::text("own");
    for name in [
        "strict-transport-security",
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-opener-policy",
    ] {
        response.set_header(name, "own")?;
    }
    Ok(response)
}

async fn client(settings: &[(&str, Value)]) -> Client {
    let site = Site::new("no-such-folder").urls(urls![
        path("", plain),
        path("own/", own),
        re_path("^plain/.*$", plain),
    ]);
    let mut builder =
        Client::builder(site).setting("MIDDLEWARE", ["django.middleware.security.SecurityMiddleware"]);
    for (name, value) in settings {
        builder = builder.setting(name, value);
    }
    builder.build().await.unwrap()
}

#[tokio::test]
async fn an_empty_ssl_host_is_none() {
    for (host, location) in [("", "https://testserver/a/?b=c"), ("tls.example", "https://tls.example/a/?b=c")]
    {
        let client = client(&[("SECURE_SSL_REDIRECT", true.into()), ("SECURE_SSL_HOST", host.into())]).await;
        let response = client.get("/a/?b=c").await.unwrap();
        assert_eq!((response.status.as_u16(), response.location()), (301, Some(location)));
    }
}

/// As Django's `SecurityMiddlewareTest` has them.
#[tokio::test]
async fn headers_say_what_the_settings_say() {
    let hsts = |seconds: i64, subdomains: bool, preload: bool| {
        vec![
            ("SECURE_HSTS_SECONDS", json!(seconds)),
            ("SECURE_HSTS_INCLUDE_SUBDOMAINS", json!(subdomains)),
            ("SECURE_HSTS_PRELOAD", json!(preload)),
        ]
    };
    const HSTS: &str = "strict-transport-security";
    const NOSNIFF: &str = "x-content-type-options";
    const REFERRER: &str = "referrer-policy";
    const OPENER: &str = "cross-origin-opener-policy";
    let one = |name, value: Value| vec![(name, value)];
    for (settings, name, expected) in [
        (hsts(3600, false, false), HSTS, Some("max-age=3600")),
        (hsts(3600, true, false), HSTS, Some("max-age=3600; includeSubDomains")),
        (hsts(3600, false, true), HSTS, Some("max-age=3600; preload")),
        (hsts(10_886_400, true, true), HSTS, Some("max-age=10886400; includeSubDomains; preload")),
        (hsts(0, true, true), HSTS, None),
        (one("SECURE_CONTENT_TYPE_NOSNIFF", json!(true)), NOSNIFF, Some("nosniff")),
        (one("SECURE_CONTENT_TYPE_NOSNIFF", json!(false)), NOSNIFF, None),
        (Vec::new(), REFERRER, Some("same-origin")),
        (one("SECURE_REFERRER_POLICY", json!(false)), REFERRER, None),
        (
            one("SECURE_REFERRER_POLICY", json!("strict-origin, same-origin")),
            REFERRER,
            Some("strict-origin,same-origin"),
        ),
        (
            one("SECURE_REFERRER_POLICY", json!(["no-referrer", "strict-origin"])),
            REFERRER,
            Some("no-referrer,strict-origin"),
        ),
        (Vec::new(), OPENER, Some("same-origin")),
        (one("SECURE_CROSS_ORIGIN_OPENER_POLICY", json!("unsafe-none")), OPENER, Some("unsafe-none")),
        (one("SECURE_CROSS_ORIGIN_OPENER_POLICY", json!(false)), OPENER, None),
    ] {
        let client = client(&settings).await;
        let response = client.get("https://testserver/").await.unwrap();
        assert_eq!(response.header(name), expected, "{settings:?}");
        // A redirect or a 404 of another layer carries them, too; what a view says stays.
        let missing = client.get("https://testserver/nothing/").await.unwrap();
        assert_eq!((missing.status.as_u16(), missing.header(name)), (404, expected), "{settings:?}");
        let own = client.get("https://testserver/own/").await.unwrap();
        assert_eq!(own.header(name), Some("own"), "{settings:?}");
        if name == HSTS {
            assert_eq!(client.get("/").await.unwrap().header(HSTS), None, "not over HTTP");
        }
    }
}

#[tokio::test]
async fn what_is_exempt_stays_on_http() {
    let settings = [
        ("SECURE_SSL_REDIRECT", json!(true)),
        ("SECURE_REDIRECT_EXEMPT", json!(["^plain/open/", "/health/$"])),
    ];
    let client = client(&settings).await;
    for (path, status) in [
        ("/plain/open/a/", 200),
        ("/plain/health/", 200),
        ("/plain/health/more/", 301),
        ("/plain/a/plain/open/", 301),
        ("/plain/open", 301),
        ("/", 301),
        ("https://testserver/", 200),
    ] {
        assert_eq!(client.get(path).await.unwrap().status.as_u16(), status, "{path}");
    }
    // It is the whole address that leads on, with its query, for other methods, too.
    let response = client.post("/plain/x/?a=1&b=%20").await.unwrap();
    assert_eq!(
        (response.status.as_u16(), response.location()),
        (301, Some("https://testserver/plain/x/?a=1&b=%20"))
    );
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
}
