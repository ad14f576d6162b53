//! The demo site, visited without a socket.

use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::test::response::TestResponse;
use time::OffsetDateTime;

async fn visitor() -> Client {
    Client::new(crate::site()).await.unwrap()
}

/// Sends a page's form, follows the redirect, and gives the page.
async fn submit(client: &Client, url: &str, form: &[(&str, &str)]) -> TestResponse {
    let response = client.post(url).form(form.iter().copied()).follow(true).await.unwrap();
    assert_eq!(response.status, StatusCode::OK, "{url}: {}", response.text());
    response
}

async fn page(client: &Client, url: &str) -> String {
    let response = client.get(url).await.unwrap();
    assert_eq!(response.status, StatusCode::OK, "{url}: {}", response.text());
    response.text().into_owned()
}

/// Every page of the site that needs no argument, and one of each that does.
const PAGES: &[&str] = &[
    "/",
    "/student/",
    "/student/set/",
    "/student/engines/",
    "/student/get/",
    "/student/delete/",
    "/student/keys/",
    "/student/items/",
    "/student/setdefault/",
    "/student/clear/",
    "/student/flush/",
    "/student/cycle-key/",
    "/student/cookie-age/",
    "/student/expiry-age/",
    "/student/expiry-date/",
    "/student/browser-close/",
    "/student/set-expiry/",
    "/student/clear-expired/",
    "/student/test-cookie/",
    "/student/test-cookie/worked/",
    "/student/test-cookie/delete/",
    "/student/settings/",
    "/student/1940/nuages/",
    "/shop/",
    "/shop/nuages-78/",
    "/shop/cart/",
    "/shop/thanks/",
];

#[tokio::test]
async fn looking_around_stores_nothing() {
    let client = visitor().await;
    for url in PAGES {
        page(&client, url).await;
    }
    assert!(client.cookies().get("sessionid").is_none());
    assert!(client.cookies().get("csrftoken").is_some(), "there were forms");
}

#[tokio::test]
async fn pages_without_a_session_do_not_vary() {
    let client = visitor().await;
    let pages = [
        ("/", None),
        ("/shop/", None),
        // It has a form, whose token goes with a cookie.
        ("/shop/songbook/", Some("Cookie")),
        ("/student/", Some("Cookie")),
    ];
    for (url, vary) in pages {
        assert_eq!(client.get(url).await.unwrap().header("vary"), vary, "{url}");
    }
}

/// The tour runs on every engine, and its page of engines says which.
#[tokio::test]
async fn every_engine_shows_itself() {
    let folder = tempfile::tempdir().unwrap();
    for engine in ["db", "cached_db", "cache", "file", "signed_cookies"] {
        let name = format!("django.contrib.sessions.backends.{engine}");
        let client = Client::builder(crate::site())
            .setting("SESSION_ENGINE", &name)
            .setting("SESSION_FILE_PATH", folder.path())
            .build()
            .await
            .unwrap();
        submit(&client, "/student/set/", &[("name", "Dechen")]).await;
        assert!(page(&client, "/student/get/").await.contains("Hello, Dechen!"), "{engine}");
        let shown = page(&client, "/student/engines/").await;
        assert!(shown.contains(&format!("<p class=\"big\">{engine}</p>")), "{engine} in {shown}");
        let row = format!("<tr aria-current=\"true\">\n  <th scope=\"row\"><code>{engine}</code>");
        assert!(shown.contains(&row) && shown.contains(&name), "{engine} in {shown}");
        assert_eq!(shown.matches("in force</span>").count(), 1, "{engine}");
    }
}

#[tokio::test]
async fn set_get_delete() {
    let client = visitor().await;
    let set = submit(&client, "/student/set/", &[("name", "Dorji <3")]).await.text().into_owned();
    let row = [
        "Stored.",
        "&quot;name&quot;: &quot;Dorji &lt;3&quot;",
        "session_data in django_session",
        "pub</span> <span",
    ];
    for shown in row {
        assert!(set.contains(shown), "{shown} in {set}");
    }
    let get = page(&client, "/student/get/").await;
    assert!(
        get.contains("Hello, Dorji &lt;3!")
            && get.contains("<code>request.session.name</code>: Dorji &lt;3."),
        "{get}"
    );
    assert!(submit(&client, "/student/delete/", &[]).await.text().contains("The name is gone"));
    assert!(submit(&client, "/student/delete/", &[]).await.text().contains("There was no name"));
    assert!(page(&client, "/student/get/").await.contains("Hello, Guest!"));
}

#[tokio::test]
async fn the_dict() {
    let client = visitor().await;
    submit(&client, "/student/set/", &[("name", "Sonam")]).await;
    assert!(submit(&client, "/student/setdefault/", &[]).await.text().contains("was stored"));
    assert!(
        submit(&client, "/student/setdefault/", &[]).await.text().contains("There was a language already")
    );
    let keys = page(&client, "/student/keys/").await;
    assert!(keys.contains("<li><code>name</code></li><li><code>language</code></li>"), "{keys}");
    assert!(page(&client, "/student/items/").await.contains("<td><code>Sonam</code></td>"));
    assert!(submit(&client, "/student/clear/", &[]).await.text().contains("Everything is gone"));
    assert!(client.session().await.unwrap().keys().await.unwrap().is_empty());
    assert!(client.cookies().get("sessionid").is_some());
}

#[tokio::test]
async fn the_key() {
    let client = visitor().await;
    submit(&client, "/student/set/", &[("name", "Sonam")]).await;
    let key = || client.cookies().get("sessionid").map(|cookie| cookie.value.clone());
    let before = key().unwrap();
    submit(&client, "/student/cycle-key/", &[]).await;
    assert_ne!(key().unwrap(), before);
    assert!(page(&client, "/student/get/").await.contains("Hello, Sonam!"));
    assert!(submit(&client, "/student/flush/", &[]).await.text().contains("The row was deleted"));
    assert_eq!(key(), None);
}

#[tokio::test]
async fn each_kind_of_expiry() {
    let client = visitor().await;
    for (kind, seconds) in [
        ("seconds", Some(300)),
        ("timedelta", Some(7 * 86_400)),
        ("datetime", Some(86_400)),
        ("close", None),
        ("policy", Some(1_209_600)),
    ] {
        submit(&client, "/student/set-expiry/", &[("expiry", kind)]).await;
        let age = client
            .cookies()
            .get("sessionid")
            .unwrap()
            .age(OffsetDateTime::now_utc())
            .map(|age| age.whole_seconds());
        match (age, seconds) {
            (Some(age), Some(seconds)) => assert!((seconds - 5..=seconds).contains(&age), "{kind}: {age}"),
            (age, seconds) => assert_eq!(age, seconds, "{kind}"),
        }
        let closes =
            page(&client, "/student/browser-close/").await.contains("Yes: the cookie ends with the browser");
        assert_eq!(closes, seconds.is_none(), "{kind}");
    }
}

#[tokio::test]
async fn expired_sessions_are_cleared() {
    let client = visitor().await;
    let other = client.new_visitor();
    submit(&other, "/student/set/", &[("name", "Sonam")]).await;
    let session = other.session().await.unwrap();
    session.set_expiry(-10).await.unwrap();
    session.save().await.unwrap();
    assert!(
        submit(&client, "/student/clear-expired/", &[])
            .await
            .text()
            .contains("Expired sessions were deleted: 1.")
    );
    assert!(
        submit(&client, "/student/clear-expired/", &[])
            .await
            .text()
            .contains("Expired sessions were deleted: 0.")
    );
}

#[tokio::test]
async fn the_test_cookie() {
    let client = visitor().await;
    assert!(page(&client, "/student/test-cookie/worked/").await.contains("No test value came back"));
    submit(&client, "/student/test-cookie/", &[]).await;
    assert!(page(&client, "/student/test-cookie/worked/").await.contains("Yes, this browser takes cookies"));
    assert!(
        submit(&client, "/student/test-cookie/delete/", &[]).await.text().contains("The test value is gone")
    );
    assert!(
        submit(&client, "/student/test-cookie/delete/", &[]).await.text().contains("There was no test value")
    );
}

#[tokio::test]
async fn the_counter_loses_no_visit() {
    let client = visitor().await;
    assert!(page(&client, "/student/counter/").await.contains("You have been here 1 time<"));
    let visits: Vec<_> =
        (0..20).map(|_| tokio::spawn(client.get("/student/counter/").into_future())).collect();
    for visit in visits {
        assert_eq!(visit.await.unwrap().unwrap().status, StatusCode::OK);
    }
    assert!(page(&client, "/student/counter/").await.contains("You have been here 22 times<"));
}

#[tokio::test]
async fn settings_in_force() {
    let client = Client::builder(crate::site()).setting("SESSION_COOKIE_AGE", 60).build().await.unwrap();
    let settings = page(&client, "/student/settings/").await;
    assert!(settings.contains("<td><code>60</code></td>\n  <td><code>1209600</code></td>"), "{settings}");
}

#[tokio::test]
async fn a_purchase() {
    let client = visitor().await;
    assert!(page(&client, "/shop/").await.contains("6 things"));
    assert!(
        submit(&client, "/shop/cart/nuages-78/add/", &[("quantity", "2")]).await.text().contains("€76.00")
    );
    assert!(
        submit(&client, "/shop/cart/plectrum/add/", &[("quantity", "1")]).await.text().contains("€85.50")
    );
    assert!(
        submit(&client, "/shop/cart/nuages-78/change/", &[("quantity", "1")]).await.text().contains("€47.50")
    );
    assert!(submit(&client, "/shop/cart/plectrum/remove/", &[]).await.text().contains("€38.00"));
    assert!(submit(&client, "/shop/checkout/", &[]).await.text().contains("for €38.00 in all"));
    assert!(page(&client, "/shop/thanks/").await.contains("There was nothing in your cart"));
    assert!(page(&client, "/shop/cart/").await.contains("Nothing in it yet"));
}

#[tokio::test]
async fn what_the_shop_refuses() {
    let client = visitor().await;
    let check = async |url: &str, quantity: &str, status: StatusCode| {
        let response = client.post(url).form([("quantity", quantity)]).await.unwrap();
        assert_eq!(response.status, status, "{url} {quantity}");
    };
    check("/shop/cart/plectrum/add/", "many", StatusCode::BAD_REQUEST).await;
    check("/shop/cart/plectrum/add/", "-1", StatusCode::BAD_REQUEST).await;
    check("/shop/cart/no-such-thing/add/", "1", StatusCode::NOT_FOUND).await;
    for url in ["/shop/cart/plectrum/add/", "/shop/cart/plectrum/remove/", "/shop/checkout/"] {
        assert_eq!(client.get(url).await.unwrap().status, StatusCode::METHOD_NOT_ALLOWED, "{url}");
    }
    assert_eq!(client.get("/shop/no-such-thing/").await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(client.cookies().iter().count(), 0);
}
