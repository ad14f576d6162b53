//! What a session leaves on a response.

use nuages::prelude::*;
use nuages::test::builder::ClientBuilder;
use nuages::test::client::Client;
use nuages::test::response::TestResponse;

/// Nothing, `Vary: Cookie` alone, or with it a cookie that is set or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Untouched,
    Read,
    Saved,
    Deleted,
}

impl Wire {
    /// Reads it off. A cookie without `Vary: Cookie` is none of these.
    #[track_caller]
    pub(crate) fn of(response: &TestResponse, cookie: &str) -> Self {
        let varies = response.header("vary") == Some("Cookie");
        let cookie = response.cookie(cookie);
        let deleted = cookie.as_ref().and_then(|cookie| cookie.max_age()) == Some(time::Duration::ZERO);
        match (varies, cookie) {
            (false, None) => Self::Untouched,
            (true, None) => Self::Read,
            (true, Some(_)) if deleted => Self::Deleted,
            (true, Some(_)) => Self::Saved,
            (false, Some(cookie)) => panic!("{cookie} without Vary: Cookie"),
        }
    }
}

/// A site of these URLs with sessions.
pub(crate) fn site(urls: Urls) -> ClientBuilder {
    Client::builder(Site::new("no-such-folder").urls(urls))
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
}

/// The visitor's key, as the cookie has it.
pub(crate) fn key(client: &Client) -> Option<String> {
    client.cookies().get("sessionid").map(|cookie| cookie.value.clone())
}

/// A GET that must be answered 200: its body as JSON, and what is on the wire.
pub(crate) async fn ask(client: &Client, url: &str) -> (serde_json::Value, Wire) {
    let response = client.get(url).await.unwrap();
    assert_eq!(response.status, StatusCode::OK, "{url}");
    (response.json().unwrap(), Wire::of(&response, "sessionid"))
}
