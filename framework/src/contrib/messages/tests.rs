use std::sync::{Arc, Mutex, Weak};

use serde_json::json;

use super::message::Message;
use super::*;
use crate::conf::source::SettingsSource;
use crate::contrib::messages::settings::StorageKind;
use crate::prelude::*;
use crate::test::client::Client;

const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";
const MESSAGES: &str = super::middleware::NAME;

async fn add_one(request: HttpRequest, text: String) -> Result<HttpResponse> {
    success(&request, text)?;
    Ok(HttpResponse::text("added"))
}

async fn shown(request: HttpRequest) -> Result<HttpResponse> {
    let messages = get_messages(&request).read().await?;
    let texts: Vec<String> = messages.iter().map(|one| format!("{}:{}", one.tags(), one.text())).collect();
    Ok(HttpResponse::text(texts.join(",")))
}

async fn counted(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(get_messages(&request).len().await?.to_string()))
}

async fn untouched(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("untouched"))
}

async fn adds_and_fails(request: HttpRequest) -> Result<HttpResponse> {
    error(&request, "it failed")?;
    Err(Error::not_found("but this is said with the next page"))
}

fn urls() -> Urls {
    urls![
        path("add/<text>/", add_one),
        path("read/", shown),
        path("count/", counted),
        path("untouched/", untouched),
        path("fails/", adds_and_fails),
    ]
}

async fn client(storage: StorageKind) -> Client {
    let site = Site::new("no-such-folder").urls(urls());
    let builder = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions", "django.contrib.messages"])
        .setting("MIDDLEWARE", [SESSIONS, MESSAGES])
        .setting("MESSAGE_STORAGE", storage.as_str());
    builder.build().await.unwrap()
}

#[tokio::test]
async fn a_message_waits_for_the_next_page_and_is_shown_once() {
    for storage in StorageKind::ALL {
        let client = client(*storage).await;
        client.get("/add/one/").await.unwrap();
        client.get("/untouched/").await.unwrap();
        client.get("/add/two/").await.unwrap();
        assert_eq!(client.get("/count/").await.unwrap().text(), "2", "{storage}");
        assert_eq!(client.get("/read/").await.unwrap().text(), "success:one,success:two", "{storage}");
        assert_eq!(client.get("/read/").await.unwrap().text(), "", "{storage}");
        assert_eq!(client.get("/fails/").await.unwrap().status, 404);
        assert_eq!(client.get("/read/").await.unwrap().text(), "error:it failed", "{storage}");
        assert_eq!(client.new_visitor().get("/read/").await.unwrap().text(), "");
    }
}

#[tokio::test]
async fn nothing_of_a_request_is_left_when_it_is_answered() {
    struct Note;
    static NOTES: Mutex<Vec<Weak<Note>>> = Mutex::new(Vec::new());
    async fn noted(request: HttpRequest) -> Result<HttpResponse> {
        let note = request.notes().get_or_insert_with(|| Note);
        NOTES.lock().unwrap().push(Arc::downgrade(&note));
        success(&request, "one")?;
        Ok(HttpResponse::text(get_messages(&request).read().await?.len().to_string()))
    }
    let site = Site::new("no-such-folder").urls(urls![path("", noted)]);
    let layers = [
        "django.middleware.security.SecurityMiddleware",
        SESSIONS,
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        MESSAGES,
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ];
    let builder = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions", "django.contrib.messages"])
        .setting("MIDDLEWARE", layers);
    let client = builder.build().await.unwrap();
    assert_eq!(client.get("/").await.unwrap().text(), "1");
    let notes = std::mem::take(&mut *NOTES.lock().unwrap());
    assert!(notes.len() == 1 && notes.iter().all(|note| note.strong_count() == 0));
}

#[tokio::test]
async fn a_page_without_messages_costs_nothing() {
    for storage in StorageKind::ALL {
        let client = client(*storage).await;
        let response = client.get("/untouched/").await.unwrap();
        assert_eq!((response.header("set-cookie"), response.header("vary")), (None, None), "{storage}");
    }
}

#[tokio::test]
async fn what_does_not_fit_into_the_cookie_goes_into_the_session() {
    let client = client(StorageKind::Fallback).await;
    let noise = |seed: u64| -> String {
        (1..15)
            .map(|step| ((seed * 31 + step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20).to_string())
            .collect()
    };
    let long: Vec<String> = (0..40).map(noise).collect();
    for text in &long {
        client.get(&format!("/add/{text}/")).await.unwrap();
    }
    let kept: Option<String> = client.session().await.unwrap().get("_messages").await.unwrap();
    assert!(kept.unwrap().starts_with(r#"[["__json_message", 0, 25, "#));
    let read = client.get("/read/").await.unwrap().text().into_owned();
    let expected: Vec<String> = long.iter().map(|text| format!("success:{text}")).collect();
    assert_eq!(read, expected.join(","), "in order, and all of them");
    assert_eq!(client.get("/read/").await.unwrap().text(), "");
}

/// D.2, D.4: what a visitor makes of the cookie is no message, no error, and no other cookie's value.
#[tokio::test]
async fn a_cookie_that_was_tampered_with_is_dropped() {
    for storage in [StorageKind::Cookie, StorageKind::Fallback] {
        let client = client(storage).await;
        client.get("/add/mine/").await.unwrap();
        let value = client.cookies().get("messages").unwrap().value.clone();
        for at in (0..value.len()).step_by(7) {
            let mut bytes = value.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let torn = format!("messages={}", String::from_utf8(bytes).unwrap());
            let response = client.new_visitor().get("/read/").header("cookie", &torn).await.unwrap();
            assert_eq!((response.status.as_u16(), &*response.text()), (200, ""), "{torn}");
        }
        for torn in ["", ":", "a:b:c", "\"", "\u{fffd}", &"x".repeat(4000)] {
            let cookie = format!("messages={torn}");
            let request = client.new_visitor().get("/read/");
            let Ok(response) = request.header("cookie", &cookie).await else { continue };
            assert_eq!((response.status.as_u16(), &*response.text()), (200, ""), "{torn}");
        }
    }
}

#[tokio::test]
async fn without_the_middleware_adding_fails_and_reading_finds_none() {
    let client = Client::new(Site::new("no-such-folder").urls(urls())).await.unwrap();
    client.raise(false);
    assert_eq!(client.get("/add/one/").await.unwrap().status, 500);
    assert_eq!(client.get("/read/").await.unwrap().text(), "");
}

#[test]
fn a_storage_without_its_session_stops_the_start() {
    for (storage, middleware, sound) in [
        (StorageKind::Fallback, vec![MESSAGES], false),
        (StorageKind::Session, vec![MESSAGES, SESSIONS], false),
        (StorageKind::Cookie, vec![MESSAGES], true),
        (StorageKind::Fallback, vec![SESSIONS, MESSAGES], true),
    ] {
        let settings = json!({
            "SECRET_KEY": "k",
            "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
            "INSTALLED_APPS": ["django.contrib.sessions", "django.contrib.messages"],
            "MIDDLEWARE": middleware,
            "MESSAGE_STORAGE": storage.as_str(),
        });
        let serde_json::Value::Object(settings) = settings else { unreachable!() };
        match Site::new("no-such-folder").build(&SettingsSource::json(settings)) {
            Ok(_) => assert!(sound, "{storage} {middleware:?}"),
            Err(faults) => {
                assert!(!sound, "{storage} {middleware:?}: {faults:?}");
                assert_eq!(faults[0].id, "nuages.E018");
                assert!(faults[0].message.contains(SESSIONS), "{}", faults[0].message);
            }
        }
    }
}

#[tokio::test]
async fn templates_show_them_and_escape_what_is_not_safe() {
    async fn page(request: HttpRequest) -> Result<HttpResponse> {
        add(&request, Message::new(INFO, "<b>now</b>").extra_tags("x").safe())?;
        warning(&request, "<i>text</i>")?;
        render(&request, "messages.html", context! {}).await
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(
        folder.path().join("templates/messages.html"),
        "{% for m in messages %}[{{ m.tags }}|{{ m.message }}|{{ m.level == DEFAULT_MESSAGE_LEVELS.INFO }}]{% endfor %}",
    )
    .unwrap();
    let processors = ["django.contrib.messages.context_processors.messages"];
    let client = Client::builder(Site::new(folder.path()).urls(urls![path("", page)]))
        .setting("INSTALLED_APPS", ["django.contrib.sessions", "django.contrib.messages"])
        .setting("MIDDLEWARE", [SESSIONS, MESSAGES])
        .setting("MESSAGE_TAGS", json!({"20": "note"}))
        .setting("TEMPLATES", json!([{"OPTIONS": {"context_processors": processors}}]))
        .build()
        .await
        .unwrap();
    assert_eq!(
        client.get("/").await.unwrap().text(),
        "[x note|<b>now</b>|true][warning|&lt;i&gt;text&lt;/i&gt;|false]"
    );
}
