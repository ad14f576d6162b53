use crate::error::BoxError;
use crate::prelude::*;
use crate::test::builder::ClientBuilder;
use crate::test::client::Client;

async fn fine(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.method().to_string()))
}

fn client() -> ClientBuilder {
    let site = Site::new("no-such-folder").urls(urls![path("tunes/", fine)]);
    Client::builder(site)
        .setting("MIDDLEWARE", ["django.middleware.common.CommonMiddleware"])
        .setting("ALLOWED_HOSTS", ["*"])
}

#[tokio::test]
async fn under_debug_a_slash_that_would_lose_a_form_is_asked_for() -> Result<(), BoxError> {
    let client = client().setting("DEBUG", true).build().await?;
    client.raise(false);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = client.request(method.clone(), "/tunes?a=1").header("accept", "text/plain").await?;
        assert_eq!(response.status, 500, "{method}");
        let says = format!("You called this URL via {method}");
        let points = "Change your form to point to testserver/tunes/?a=1 (note the trailing slash)";
        assert!(response.text().contains(&says) && response.text().contains(points), "{}", response.text());
    }
    assert_eq!(client.get("/tunes?a=1").await?.location(), Some("/tunes/?a=1"));
    Ok(())
}

#[tokio::test]
async fn without_debug_every_method_is_redirected() -> Result<(), BoxError> {
    let client = client().build().await?;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let response = client.request(method, "/tunes").await?;
        assert_eq!((response.status.as_u16(), response.location()), (301, Some("/tunes/")));
    }
    Ok(())
}

#[tokio::test]
async fn www_goes_before_the_host() -> Result<(), BoxError> {
    let client = client().setting("PREPEND_WWW", true).build().await?;
    for (url, to) in [
        ("http://example.com/tunes/?a=1", Some("http://www.example.com/tunes/?a=1")),
        ("https://example.com:8000/tunes", Some("https://www.example.com:8000/tunes/")),
        ("http://example.com/nowhere", Some("http://www.example.com/nowhere")),
        ("http://www.example.com/tunes/", None),
    ] {
        let response = client.get(url).await?;
        assert_eq!(response.location(), to, "{url}");
        assert_eq!(response.status.as_u16(), if to.is_some() { 301 } else { 200 }, "{url}");
    }
    let long = |count: usize| format!("http://example.com/{}", "x".repeat(count));
    let before = "http://www.example.com/".len();
    assert_eq!(client.get(&long(16_384 - before)).await?.status, 301);
    assert_eq!(client.get(&long(16_385 - before)).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn unwanted_browsers_are_sent_away() -> Result<(), BoxError> {
    let client = client().setting("DISALLOWED_USER_AGENTS", ["^Bad", "(?i)crawler/[0-9]"]).build().await?;
    for (agent, status) in
        [("BadBot/1", 403), ("A Crawler/2", 403), ("NotBad", 200), ("Mozilla/5.0", 200), ("", 200)]
    {
        assert_eq!(client.get("/tunes/").header("user-agent", agent).await?.status, status, "{agent}");
    }
    assert_eq!(client.get("/tunes/").await?.status, 200);
    Ok(())
}
