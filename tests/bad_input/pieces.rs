//! Forms in the smallest pieces and of many equal names, paths of chance's making through a whole site, and messages that somebody with
//! the key wrote and no site would.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::StreamBody;
use hyper::body::Frame;
use nuages::contrib::messages::get_messages;
use nuages::prelude::*;
use nuages::signing::codec::SignedCodec;
use nuages::signing::keys::SigningKeys;
use nuages::test::client::Client;
use nuages::test::error::ClientError;
use proptest::prelude::*;

use crate::decoders::fuzz;

const PATIENCE: Duration = Duration::from_secs(10);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A form, in pieces of so many bytes.
fn form_in_pieces(client: &Client, body: &str, size: usize) -> HttpRequest {
    let pieces: Vec<_> = body
        .as_bytes()
        .chunks(size)
        .map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::copy_from_slice(piece))))
        .collect();
    let head = Request::post("/")
        .header("host", "testserver")
        .header("content-type", "multipart/form-data; boundary=B");
    let (head, body) = head.body(StreamBody::new(stream::iter(pieces))).unwrap().into_parts();
    HttpRequest::new(head, body, Arc::clone(client.project()))
}

/// CVE-2026-33033, CVE-2026-108147.
#[tokio::test]
async fn base64_full_of_spaces_byte_by_byte_takes_linear_time() {
    let client = Client::new(Site::new("no-such-folder")).await.unwrap();
    let head = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    for (filling, words) in [("aGVs \r\n ", 12_500), ("aGVs", 25_000)] {
        let body = format!("{head}{}\r\n--B--\r\n", filling.repeat(words));
        let begun = Instant::now();
        let request = form_in_pieces(&client, &body, 1);
        let files = request.files().await.unwrap();
        assert_eq!(files.get("f").unwrap().size(), 3 * words as u64);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
    // Nothing but spaces.
    let body = format!("{head}{}\r\n--B--\r\n", " ".repeat(100_000));
    let begun = Instant::now();
    let request = form_in_pieces(&client, &body, 1);
    assert_eq!(request.files().await.unwrap().get("f").map(|file| file.size()), Some(0));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

/// CVE-2014-0481.
#[tokio::test]
async fn many_uploads_of_one_name_each_find_a_place() {
    const COUNT: usize = 1_000;
    let client = Client::builder(Site::new("no-such-folder"))
        .setting("DATA_UPLOAD_MAX_NUMBER_FILES", COUNT)
        .build()
        .await
        .unwrap();
    let mut body = String::new();
    for number in 0..COUNT {
        body +=
            &format!("--B\r\nContent-Disposition: form-data; name=f; filename=tune.txt\r\n\r\n{number}\r\n");
    }
    body += "--B--\r\n";
    let request = form_in_pieces(&client, &body, 4096);
    let files = request.files().await.unwrap().getlist("f");
    assert_eq!(files.len(), COUNT);
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut places = BTreeSet::new();
    for (number, file) in files.iter().enumerate() {
        let place = file.save_in(folder.path()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), number.to_string());
        places.insert(place);
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(places.len(), COUNT);
    assert!(places.iter().all(|place| place.parent() == Some(folder.path())));
}

async fn shows(request: HttpRequest, rest: String) -> Result<HttpResponse> {
    let again = reverse(&request, "shows", args![rest.clone()])?;
    Ok(HttpResponse::text(format!("{rest} {again} {}", request.build_absolute_uri(None)?)))
}

async fn number(_request: HttpRequest, number: u64) -> Result<HttpResponse> {
    Ok(HttpResponse::text(number.to_string()))
}

/// Paths through every layer: each gets an answer, no view fails, and no redirect leads away.
#[test]
fn any_path_gets_an_answer() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.txt"), "hidden").unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    let site = Site::new(folder.path()).urls(urls![
        path("n/<int:number>/", number).name("number"),
        path("p/<path:rest>/", shows).name("shows")
    ]);
    let client = runtime.block_on(async {
        Client::builder(site)
            .setting(
                "INSTALLED_APPS",
                ["django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"],
            )
            .setting("STATICFILES_DIRS", ["assets"])
            .setting("STATIC_URL", "static/")
            .setting(
                "MIDDLEWARE",
                [
                    "django.middleware.security.SecurityMiddleware",
                    "django.middleware.gzip.GZipMiddleware",
                    "django.middleware.http.ConditionalGetMiddleware",
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware",
                    "django.middleware.clickjacking.XFrameOptionsMiddleware",
                ],
            )
            .build()
            .await
            .unwrap()
    });
    let word = prop::sample::select(vec![
        "/",
        "//",
        "n",
        "p",
        "static",
        "secret.txt",
        "..",
        ".",
        "%2e%2e",
        "%2F",
        "%5C",
        "\\",
        "%00",
        "%0A",
        "%0D%0A",
        "%",
        "%f",
        "%FF",
        "%C3%A9",
        "é",
        "0",
        "1",
        "99999999999999999999999",
        "-1",
        ";",
        "=",
        "&",
        "?",
        "@",
        "evil.example",
        ":",
        "//evil.example",
        "http:",
        "http:999999999",
        "http:///x",
        "<",
        "\"",
        "'",
        "{{",
        "%25",
        "+",
        "~",
        "*",
    ]);
    let path = prop::collection::vec(word, 0..12).prop_map(|words| format!("/{}", words.concat()));
    fuzz("any path", path, |path| {
        let answer = runtime.block_on(async { client.get(&path).await });
        match answer {
            Ok(response) => {
                assert!(
                    matches!(response.status.as_u16(), 200 | 301 | 302 | 400 | 404 | 414),
                    "{path:?}: {}",
                    response.status
                );
                assert!(!response.text().contains("hidden"), "{path:?}");
                if let Some(to) = response.location() {
                    assert!(
                        to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"),
                        "{path:?}: {to:?}"
                    );
                }
            }
            // What is no target of HTTP is not sent.
            Err(ClientError::Request { .. }) => {}
            Err(error) => panic!("{path:?}: {error}"),
        }
    });
}

async fn read(request: HttpRequest) -> Result<HttpResponse> {
    let messages = get_messages(&request).read().await?;
    Ok(HttpResponse::text(messages.iter().map(|message| message.tags()).collect::<Vec<_>>().join(" ")))
}

/// Only somebody with the key can write these; the site says that they are no messages, and goes on.
#[test]
fn signed_words_that_are_no_messages_break_nothing() {
    let runtime = runtime();
    let site = Site::new("no-such-folder").urls(urls![path("", read)]);
    let client = runtime.block_on(async {
        Client::builder(site)
            .setting("INSTALLED_APPS", ["django.contrib.messages"])
            .setting("MIDDLEWARE", ["django.contrib.messages.middleware.MessageMiddleware"])
            .setting("MESSAGE_STORAGE", "django.contrib.messages.storage.cookie.CookieStorage")
            .build()
            .await
            .unwrap()
    });
    let keys = SigningKeys::of(client.project().core()).prefixed(b"django.http.cookies");
    let codec = SignedCodec::new(&keys, "django.contrib.messages");
    let word = prop::sample::select(vec![
        "[",
        "]",
        ",",
        "\"__json_message\"",
        "\"__messagesnotfinished__\"",
        "0",
        "1",
        "25",
        "-1",
        "1e400",
        "9999999999999999999999",
        "\"saved\"",
        "\"\"",
        "\"\\ud800\"",
        "null",
        "true",
        "{",
        "}",
        "\"a\":",
        "NaN",
        "[\"__json_message\",0,25,\"saved\",\"tag\"]",
        "[\"__json_message\",1,\"25\",[],{}]",
        "[[[[[[[[",
    ]);
    let words = prop_oneof![
        4 => prop::collection::vec(word, 0..10).prop_map(|words| words.concat().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (1..30_000_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ];
    fuzz("signed messages", (words, any::<bool>()), |(words, compressed)| {
        client.cookies().set("messages", codec.dumps(&words, compressed), "testserver");
        match runtime.block_on(async { client.get("/").await }) {
            Ok(response) => assert_eq!(response.status, StatusCode::OK),
            Err(ClientError::Raised { reason, .. }) => {
                assert!(!reason.contains("panicked"), "{:?}: {reason}", String::from_utf8_lossy(&words));
            }
            Err(error) => panic!("{error}"),
        }
    });
}
