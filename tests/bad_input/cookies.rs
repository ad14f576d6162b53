//! Cookies that name no session: garbage, oversized, duplicate, foreign, of a deleted session, and thousands of guesses.

use std::sync::Arc;

use nuages::prelude::*;
use nuages::session::key::SessionKey;
use nuages::test::client::Client;
use proptest::prelude::*;
use tokio::sync::Barrier;

use crate::rows;
use crate::site::Asked;

/// What other sites, frameworks and attackers send.
const STRANGE: &[&str] = &[
    "sessionid=",
    "sessionid",
    "=sessionid",
    "sessionid=\"\"",
    "sessionid=x",
    "sessionid=1234567",
    "sessionid=12345678",
    "sessionid=n8x4n4ev0rmm1xqfmyndtdinzbjttnsz",
    "sessionid=../../../../etc/passwd",
    "sessionid=' OR 1=1 --",
    "sessionid='; DROP TABLE django_session; --",
    "sessionid=%00%0d%0aSet-Cookie:x=y",
    "sessionid=\"\\012\\000\\377long enough\"",
    "sessionid=\"unclosed and long enough",
    "sessionid=éééééééé",
    "sessionid=🎸🎸🎸🎸🎸🎸🎸🎸",
    "sessionid=a b c d e f g h",
    "sessionid=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "sessionid=.eJxVjDsOwjAQBe_iGlnx_iBz1iewiGfxRbFRw:1tMW0p:3Ze1x7LEU0nVv2wKmnr5iZkzFZ3dd8cJ3sfQ",
    "sessionid=s%3A0ZoLmnbZ.Kp0dJ6C4lyRFTkDrBd8yTjIVgAJN/zp0Jgw8bSVb3Cg",
    "sessionid=Tzo4OiJzdGRDbGFzcyI6MDp7fQ==",
    ";;;;====;;; ; = ; ==",
];

/// Cookies of somebody else, and none of ours.
const FOREIGN: &str = "PHPSESSID=l2o3f0d6cbd4lrfdo5tdr1fsg5; connect.sid=s%3Aabcdefgh.ijkl; JSESSIONID=1A530637289A03B07199A44E8D531427; \
    csrftoken=0123456789abcdef0123456789abcdef; __Host-session=abcdefghijkl; Sessionid=abcdefghijkl; sessionid2=abcdefghijkl; \
    xsessionid=abcdefghijkl; _ga=GA1.2.3.4";

#[tokio::test]
async fn strange_cookies_are_anonymous_visitors_and_leave_nothing() {
    let site = Asked::new("").await;
    for cookie in STRANGE {
        for (path, body) in [("/untouched/", "hello"), ("/read/", "nobody"), ("/logout/", "bye")] {
            let answer = site.get(path, &[cookie.as_bytes()]).await;
            assert_eq!((answer.status, &*answer.body), (StatusCode::OK, body), "{cookie} {path}");
            assert!(answer.cookie.is_none() || answer.is_deletion(), "{cookie} {path}: {answer:?}");
        }
    }
    assert_eq!(rows::count(site.project()).await, 0);
}

#[tokio::test]
async fn a_cookie_that_names_nothing_is_taken_back_once_somebody_looks() {
    let site = Asked::new("").await;
    let check = async |cookie: &str, path: &str, deleted: bool| {
        assert_eq!(site.get(path, &[cookie.as_bytes()]).await.is_deletion(), deleted, "{cookie} {path}");
    };
    // Too short for a key: it is known to be empty without asking the store.
    check("sessionid=1234567", "/untouched/", true).await;
    check("sessionid=", "/untouched/", true).await;
    check("sessionid=12345678", "/untouched/", false).await;
    check("sessionid=12345678", "/read/", true).await;
    check(FOREIGN, "/read/", false).await;
}

#[tokio::test]
async fn foreign_cookies_are_not_ours() {
    let site = Asked::new("").await;
    let answer = site.get("/untouched/", &[FOREIGN.as_bytes()]).await;
    assert_eq!((answer.cookie.as_deref(), answer.varies), (None, false));
    let answer = site.get("/set/", &[FOREIGN.as_bytes()]).await;
    let key = answer.key().unwrap();
    let answer = site.get("/read/", &[FOREIGN.as_bytes(), format!("sessionid={key}").as_bytes()]).await;
    assert_eq!(answer.body, r#"{"name":"Sonam"}"#);
}

#[tokio::test]
async fn of_several_cookies_of_one_name_the_last_one_counts() {
    let site = Asked::new("").await;
    let key = site.known().await;
    let (good, bad) = (format!("sessionid={key}"), "sessionid=n8x4n4ev0rmm1xqfmyndtdinzbjttnsz");
    let check = async |cookies: &[&str], body: &str| {
        let cookies: Vec<&[u8]> = cookies.iter().map(|cookie| cookie.as_bytes()).collect();
        assert_eq!(site.get("/read/", &cookies).await.body, body, "{cookies:?}");
    };
    let known = r#"{"name":"Sonam"}"#;
    check(&[&good], known).await;
    check(&[&format!("{bad}; {good}")], known).await;
    check(&[&format!("{good}; {bad}")], "nobody").await;
    check(&[&format!("{good}; sessionid=")], "nobody").await;
    check(&[bad, &good], known).await;
    check(&[&good, bad], "nobody").await;
    check(&[&format!(" ;; sessionid = \"{key}\" ;")], known).await;
}

#[tokio::test]
async fn oversized_cookies() {
    let site = Asked::new("").await;
    for size in [5_000, 100_000, 2_000_000] {
        let answer = site.get_as("/read/", &"a".repeat(size)).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "nobody"), "{size} bytes");
        let answer = site.get_as("/set/", &"a".repeat(size)).await;
        assert_eq!(answer.key().map(str::len), Some(32), "{size} bytes");
    }
    let many = (0..50_000).map(|n| format!("c{n}={n}")).collect::<Vec<_>>().join("; ");
    let begun = std::time::Instant::now();
    assert_eq!(site.get("/read/", &[many.as_bytes()]).await.body, "nobody");
    assert!(begun.elapsed().as_secs() < 5, "many cookies take time in proportion: {:?}", begun.elapsed());
}

#[tokio::test]
async fn the_clients_key_is_never_adopted() {
    let site = Asked::new("").await;
    let planted = "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz";
    let answer = site.get_as("/set/", planted).await;
    assert!(answer.key().is_some_and(|key| key != planted && key.len() == 32), "{answer:?}");
    assert_eq!(rows::text(site.project(), planted).await, None);
    assert_eq!(rows::count(site.project()).await, 1);
    assert_eq!(site.get_as("/read/", planted).await.body, "nobody");
}

#[tokio::test]
async fn ten_thousand_guesses_make_no_row() {
    let site = Asked::new("").await;
    for round in 0..10_000 {
        let key = SessionKey::generate().unwrap();
        let path = ["/read/", "/untouched/", "/logout/"][round % 3];
        let answer = site.get_as(path, key.as_str()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.key().is_none());
    }
    assert_eq!(rows::count(site.project()).await, 0);
}

#[tokio::test]
async fn anonymous_logouts_make_no_row() {
    let site = Asked::new("").await;
    for _ in 0..100 {
        let answer = site.get("/logout/", &[]).await;
        assert_eq!((answer.status, answer.cookie.as_deref()), (StatusCode::OK, None));
    }
    assert_eq!(rows::count(site.project()).await, 0);
}

#[tokio::test]
async fn the_cookie_of_a_deleted_session_is_an_anonymous_visitors() {
    let site = Asked::new("").await;
    let key = site.known().await;
    assert!(site.get_as("/logout/", &key).await.is_deletion());
    // Somebody kept the cookie, and comes again.
    let answer = site.get_as("/read/", &key).await;
    assert_eq!((&*answer.body, answer.is_deletion()), ("nobody", true));
    let answer = site.get_as("/set/", &key).await;
    assert!(answer.key().is_some_and(|new| new != key), "{answer:?}");
    assert_eq!(rows::text(site.project(), &key).await, None, "a logout stays a logout");
}

/// A session that is deleted while another request of it is under way.
#[tokio::test]
async fn a_logout_in_between_interrupts_a_request_that_saves() {
    for debug in [false, true] {
        let (loaded, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (in_view, in_view_go) = (Arc::clone(&loaded), Arc::clone(&go));
        let slow = move |request: HttpRequest, change: bool| {
            let (loaded, go) = (Arc::clone(&in_view), Arc::clone(&in_view_go));
            async move {
                let name: Option<String> = request.session.get("name").await?;
                loaded.wait().await;
                go.wait().await;
                if change {
                    request.session.set("late", true).await?;
                }
                Ok(HttpResponse::text(name.unwrap_or_default()))
            }
        };
        let (reading, writing) = (slow.clone(), slow);
        let urls = urls![
            path("reads/", move |request: HttpRequest| reading(request, false)),
            path("writes/", move |request: HttpRequest| writing(request, true)),
            path("logout/", async |request: HttpRequest| {
                request.session.flush().await?;
                Ok(HttpResponse::text("bye"))
            }),
        ];
        let client = Client::builder(Site::new("no-such-folder").urls(urls))
            .setting("INSTALLED_APPS", ["django.contrib.sessions"])
            .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
            .setting("DEBUG", debug)
            .build()
            .await
            .unwrap();
        for (path, status) in [("/reads/", StatusCode::OK), ("/writes/", StatusCode::BAD_REQUEST)] {
            let session = client.session().await.unwrap();
            session.set("name", "Sonam").await.unwrap();
            session.save().await.unwrap();
            let other_tab = client.new_visitor();
            let key = client.cookies().get("sessionid").unwrap().value.clone();
            other_tab.cookies().set("sessionid", &key, "testserver");

            let under_way = tokio::spawn(std::future::IntoFuture::into_future(other_tab.get(path)));
            loaded.wait().await;
            assert_eq!(client.get("/logout/").await.unwrap().text(), "bye");
            go.wait().await;
            let response = under_way.await.unwrap().unwrap();
            assert_eq!(response.status, status, "{path}");
            assert_eq!(response.cookies().count(), 0, "{path}: {:?}", response.headers);
            let told = response.text().contains("session was deleted before the request completed");
            assert_eq!(told, debug && status == StatusCode::BAD_REQUEST, "{}", response.text());
            assert_eq!(rows::count(client.project()).await, 0, "{path}: a logout stays a logout");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes a header can hold, and whatever follows the cookie's name in it.
    #[test]
    fn no_cookie_fails_or_stores(
        bytes in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..0x7f, 0x80_u8..=0xff], 0..200),
        ours in any::<bool>(),
    ) {
        let mut header = if ours { b"a=b; sessionid=".to_vec() } else { Vec::new() };
        header.extend(bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Asked::new("").await;
            for path in ["/untouched/", "/read/", "/expiry/", "/logout/"] {
                let answer = site.get(path, &[&header]).await;
                assert_eq!(answer.status, StatusCode::OK);
                assert!(answer.key().is_none(), "{answer:?}");
            }
            assert_eq!(rows::count(site.project()).await, 0);
            let answer = site.get("/set/", &[&header]).await;
            assert!(answer.key().is_some_and(|key| SessionKey::parse(key).unwrap().is_plain()), "{answer:?}");
            assert_eq!(rows::count(site.project()).await, 1);
        });
    }
}
