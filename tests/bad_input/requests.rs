//! Requests that mean harm: forms, uploads, headers, hosts and redirects (the lines on requests of Django's security releases).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;
use nuages::site::Built;

/// Fields and files, as `name=value` and `name:file name:size`, one a line.
pub(crate) async fn form(request: HttpRequest) -> Result<HttpResponse> {
    let mut lines = String::new();
    for (name, values) in request.post().await?.lists() {
        for value in values {
            lines.push_str(&format!("{name}={value}\n"));
        }
    }
    for (name, files) in request.files().await?.lists() {
        for file in files {
            lines.push_str(&format!("{name}:{}:{}\n", file.name(), file.size()));
        }
    }
    Ok(HttpResponse::text(lines))
}

/// Reads the form a second time, as a view behind a middleware does.
async fn twice(request: HttpRequest) -> Result<HttpResponse> {
    let first = request.post().await.map(|post| post.len());
    let second = request.post().await.map(|post| post.len());
    Ok(HttpResponse::text(format!("{:?} {:?}", first.ok(), second.ok())))
}

pub(crate) async fn body(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.body().await?.len().to_string()))
}

pub(crate) async fn next(request: HttpRequest) -> Result<HttpResponse> {
    HttpResponse::redirect(request.query()?.get("to").unwrap_or_default())
}

/// What a login does with the address that a client names.
pub(crate) async fn guarded_next(request: HttpRequest) -> Result<HttpResponse> {
    let (to, host) = (request.query()?.get("to").unwrap_or_default(), request.get_host()?);
    let safe = url_has_allowed_host_and_scheme(to, &[&host], request.is_secure());
    HttpResponse::redirect(if safe { to } else { "/" })
}

pub(crate) async fn host(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.build_absolute_uri(None)?))
}

async fn forwarded(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.header("x-forwarded-for").unwrap_or("none").to_owned()))
}

fn site(settings: &str) -> Built {
    let settings = format!(
        r#"SECRET_KEY = "a key for tests alone"
        ALLOWED_HOSTS = ["localhost", ".example.com"]
        MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
        {settings}
        [DATABASES.default]
        ENGINE = "django.db.backends.sqlite3"
        NAME = ":memory:""#
    );
    let urls = urls![
        path("form/", form),
        path("twice/", twice),
        path("body/", body),
        path("next/", next),
        path("guarded-next/", guarded_next),
        path("host/", host),
        path("forwarded/", forwarded),
    ];
    let source = SettingsSource::text("settings.toml", settings);
    Site::new("no-such-folder").urls(urls).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

async fn respond(site: &Built, head: http::request::Builder, bytes: impl Into<Bytes>) -> HttpResponse {
    let (head, body) = head.body(Full::new(bytes.into())).unwrap().into_parts();
    site.onion.respond(HttpRequest::new(head, body, Arc::clone(&site.project))).await
}

fn said(response: &HttpResponse) -> (u16, String) {
    let text = response.content().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    (response.status.as_u16(), text)
}

fn multipart(path: &str) -> http::request::Builder {
    Request::post(path).header("host", "localhost").header("content-type", "multipart/form-data; boundary=B")
}

pub(crate) fn part(disposition: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
}

#[tokio::test]
async fn upload_names_lead_nowhere() {
    let site = site("");
    for (sent, kept) in [
        ("../../etc/passwd", Some("passwd")),
        ("/etc/passwd", Some("passwd")),
        (r"..\\..\\boot.ini", Some("boot.ini")),
        ("&#x2F;etc&#x2F;shadow", Some("shadow")),
        ("..&sol;..&sol;x", Some("x")),
        ("a\u{0}b.txt", Some("ab.txt")),
        ("a\u{202e}txt.exe", Some("atxt.exe")),
        (".", None),
        ("..", None),
        ("dir/", None),
    ] {
        let sent = part(&format!("name=f; filename=\"{sent}\""), "hi") + "--B--\r\n";
        let answer = said(&respond(&site, multipart("/form/"), sent).await);
        let expected = kept.map(|name| format!("f:{name}:2\n")).unwrap_or_default();
        assert_eq!(answer, (200, expected));
    }
}

#[tokio::test]
async fn multipart_bombs_are_refused() {
    let site = site("");
    let check = async |body: String, status: u16| {
        let start = Instant::now();
        let answer = said(&respond(&site, multipart("/form/"), body).await);
        assert_eq!(answer.0, status, "{:.80}", answer.1);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    };
    let end = "--B--\r\n";
    check(part("name=a", "").repeat(10_000) + end, 400).await;
    check(part("name=f; filename=x", "").repeat(10_000) + end, 400).await;
    check("--B".repeat(100_000) + end, 400).await;
    check(part("name=a", &"x".repeat(3_000_000)) + end, 400).await;
    check(format!("--B\r\nX: {}\r\n\r\n1\r\n{end}", "y".repeat(100_000)), 400).await;
    check(format!("--B\r\nContent-Disposition: form-data{}\r\n\r\n1\r\n{end}", ";".repeat(900)), 200).await;
    // Base64 with any amount of white space in it.
    let spaces = "Content-Transfer-Encoding: base64\r\n\r\n".to_owned() + &"aGVs \r\n ".repeat(100_000);
    let head = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n";
    check(format!("{head}{spaces}\r\n{end}"), 200).await;
    check(format!("{head}Content-Transfer-Encoding: base64\r\n\r\naGVsbG8\r\n{end}"), 400).await;
}

#[tokio::test]
async fn boundaries_are_checked() {
    let site = site("");
    for kind in [
        "multipart/form-data".to_owned(),
        "multipart/form-data; boundary=".to_owned(),
        format!("multipart/form-data; boundary={}", "x".repeat(300)),
        "Multipart/Form-Data; boundary=B".to_owned(),
    ] {
        let head = Request::post("/form/").header("host", "localhost").header("content-type", &kind);
        assert_eq!(respond(&site, head, "--B--").await.status, 400, "{kind}");
    }
    // Parameters without end take linear time.
    let evil = format!("multipart/form-data{}; boundary=B", ";".repeat(30_000));
    let head = Request::post("/form/").header("host", "localhost").header("content-type", evil);
    let start = Instant::now();
    respond(&site, head, "--B--").await;
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// A body that says no length, piece by piece.
async fn in_chunks(site: &Built, head: http::request::Builder, chunk: &'static [u8], count: usize) -> u16 {
    let chunks = (0..count).map(move |_| Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(chunk))));
    let (head, body) = head.body(StreamBody::new(stream::iter(chunks))).unwrap().into_parts();
    let request = HttpRequest::new(head, body, Arc::clone(&site.project));
    site.onion.respond(request).await.status.as_u16()
}

#[tokio::test]
async fn limits_hold_without_a_length() {
    let site = site("DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000");
    let plain = || Request::post("/body/").header("host", "localhost");
    assert_eq!(in_chunks(&site, plain(), &[b'x'; 1000], 100).await, 200);
    assert_eq!(in_chunks(&site, plain(), &[b'x'; 1000], 1_000_000).await, 400);
    let form = || {
        Request::post("/form/")
            .header("host", "localhost")
            .header("content-type", "application/x-www-form-urlencoded")
    };
    assert_eq!(in_chunks(&site, form(), b"a=1&", 900).await, 200);
    assert_eq!(in_chunks(&site, form(), b"a=1&", 2000).await, 400);
    assert_eq!(in_chunks(&site, multipart("/form/"), b"--B\r\n\r\n", 1_000_000).await, 400);
    let field = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
    assert_eq!(in_chunks(&site, multipart("/form/"), field, 500).await, 200);
    assert_eq!(in_chunks(&site, multipart("/form/"), field, 1_000_000).await, 400);
}

#[tokio::test]
async fn a_form_that_was_refused_stays_refused() {
    let site = site("");
    let torn = "--B\r\nX: ".to_owned() + &"y".repeat(2000);
    assert_eq!(said(&respond(&site, multipart("/twice/"), torn).await), (200, "None None".to_owned()));
    let whole = part("name=a", "1") + "--B--\r\n";
    assert_eq!(said(&respond(&site, multipart("/twice/"), whole).await), (200, "Some(1) Some(1)".to_owned()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_400() {
    let site = site("");
    let chunks = stream::iter([
        Ok(Frame::data(Bytes::from_static(b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx"))),
        Err(std::io::Error::other("reset")),
    ]);
    let (head, body) = multipart("/form/").body(StreamBody::new(chunks)).unwrap().into_parts();
    let request = HttpRequest::new(head, body, Arc::clone(&site.project));
    assert_eq!(site.onion.respond(request).await.status, 400);
    // An upload whose end is missing is no upload.
    let cut = part("name=f; filename=x", "half");
    assert_eq!(said(&respond(&site, multipart("/form/"), cut).await), (200, String::new()));
}

#[tokio::test]
async fn redirects_lead_to_pages() {
    let site = site("");
    for (to, status) in [
        ("/there/", 302),
        ("https://example.org/", 302),
        ("javascript:alert(1)", 400),
        ("JavaScript:alert(1)", 400),
        ("data:text/html,x", 400),
        ("file:///etc/passwd", 400),
        ("%0D%0ASet-Cookie:%20a=b", 400),
        ("/there/%0D%0ASet-Cookie:%20a=b", 302),
    ] {
        let head = Request::get(format!("/next/?to={to}")).header("host", "localhost");
        let response = respond(&site, head, "").await;
        assert_eq!(response.status, status, "{to}");
        assert!(!response.has_header("set-cookie"), "{to}");
        if let Some(location) = response.url() {
            assert!(!location.contains(['\r', '\n']), "{location:?}");
        }
    }
    let long = Request::get(format!("/next/?to=/{}", "x".repeat(20_000))).header("host", "localhost");
    assert_eq!(respond(&site, long, "").await.status, 400);
    // The slash that is appended leads to no other host.
    for path in ["//evil.example/form", "//form", "/\\evil.example/form"] {
        let head = Request::get(path.replace('\\', "%5C")).header("host", "localhost");
        let response = respond(&site, head, "").await;
        assert!(response.url().is_none_or(|location| !location.starts_with("//")), "{path}");
    }
}

/// What browsers make of an address: `\` is `/`, line ends and tabs are nothing, control characters before it neither, and any
/// number of slashes begins a host.
fn browsers_host(address: &str) -> Option<String> {
    let clean: String =
        address.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect::<String>().replace('\\', "/");
    let clean = clean.trim_start_matches(|c: char| c <= ' ');
    let after = match clean.split_once(':') {
        Some((scheme, after)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => after,
        _ => clean.starts_with("//").then_some(clean)?,
    };
    Some(after.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_guarded_redirect_stays_here() {
    let site = site("");
    let location = async |to: &str| {
        let head = Request::get(format!("/guarded-next/?to={to}")).header("host", "localhost");
        let response = respond(&site, head, "").await;
        assert_eq!(response.status, 302, "{to}");
        response.url().unwrap().to_owned()
    };
    for (to, there) in [
        ("/cart/?a=1", "/cart/?a=1"),
        ("http://localhost/cart/", "http://localhost/cart/"),
        ("cart/", "cart/"),
        ("?page=2", "?page=2"),
    ] {
        assert_eq!(location(&to.replace('?', "%3F")).await, there);
    }
    for evil in [
        "https://evil.example/",
        "http:evil.example",
        "http:/evil.example",
        "http:///evil.example",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "%5C%5Cevil.example",
        "/%5Cevil.example",
        "%5C/evil.example",
        "%5C%5C%5Cevil.example",
        "%09//evil.example",
        "/%09/evil.example",
        "/%0A/evil.example",
        "%08//evil.example",
        "%00//evil.example",
        "%C2%AD//evil.example",
        "%E2%80%8B//evil.example",
        "%20//evil.example",
        "http://localhost@evil.example/",
        "http://localhost:80@evil.example/",
        "http://evil.example%5C@localhost/",
        "http://evil.example%23@localhost/",
        "http://localhost.evil.example/",
        "http://LOCALHOST.evil.example/",
        "http://[::1/",
        "ftp://localhost/",
        "javascript:alert(1)",
        "jav%09ascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        let there = location(evil).await;
        let host = browsers_host(&there);
        assert!(host.is_none_or(|host| host == "localhost"), "{evil}: {there}");
        assert!(!there.to_ascii_lowercase().starts_with("javascript"), "{evil}: {there}");
    }
}

#[tokio::test]
async fn hosts_are_checked() {
    let site = site("");
    for (host, status) in [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("www.example.com", 200),
        ("EXAMPLE.COM.", 200),
        ("evil.org", 400),
        ("localhost@evil.org", 400),
        ("localhost:80@evil.org", 400),
        ("example.com.evil.org", 400),
        ("evil-example.com", 400),
        ("localhost:x", 400),
        ("localhost/evil", 400),
        ("[::1]", 400),
        ("local\thost", 400),
        ("", 400),
    ] {
        let response = respond(&site, Request::get("/host/").header("host", host), "").await;
        assert_eq!(response.status, status, "{host:?}");
    }
    // Nobody asked to trust a proxy.
    let head = Request::get("/host/").header("host", "localhost").header("x-forwarded-host", "evil.org");
    assert_eq!(said(&respond(&site, head, "").await), (200, "http://localhost/host/".to_owned()));
    let trusting = self::site("USE_X_FORWARDED_HOST = true");
    let head = Request::get("/host/").header("host", "localhost").header("x-forwarded-host", "evil.org");
    assert_eq!(respond(&trusting, head, "").await.status, 400);
    let two =
        Request::get("/host/").header("x-forwarded-host", "localhost").header("x-forwarded-host", "evil.org");
    assert_eq!(respond(&trusting, two, "").await.status, 400);
}

#[tokio::test]
async fn headers_are_what_they_say() {
    let site = site("");
    // An underscore is no hyphen.
    let head = Request::get("/forwarded/").header("host", "localhost").header("x_forwarded_for", "1.2.3.4");
    assert_eq!(said(&respond(&site, head, "").await).1, "none");
    // Ten thousand of one name are joined in linear time.
    let mut head = Request::get("/forwarded/").header("host", "localhost").body(()).unwrap().into_parts().0;
    for _ in 0..10_000 {
        head.headers.append("x-forwarded-for", HeaderValue::from_static("1.2.3.4"));
    }
    let start = Instant::now();
    let request = HttpRequest::new(head, Full::<Bytes>::default(), Arc::clone(&site.project));
    let answer = said(&site.onion.respond(request).await);
    assert_eq!(answer.1.split(',').count(), 10_000);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn nothing_ends_a_header() {
    let evil = "a\r\nSet-Cookie: b=c";
    let mut response = HttpResponse::new("");
    assert!(response.set_header("X-A", evil).is_err());
    assert!(response.set_header(evil, "a").is_err());
    assert!(response.set_default_header("X-A", evil).is_err());
    assert!(response.set_cookie(SetCookie::new(evil, "v")).is_err());
    assert!(response.set_cookie(SetCookie::new("k", "v").path("/; Domain=evil.org")).is_err());
    assert!(response.set_cookie(SetCookie::new("k", "v").domain(evil)).is_err());
    assert!(response.set_cookie(SetCookie::new("k", evil)).is_ok(), "a value is escaped");
    assert!(HttpResponse::new("").with_reason(evil).is_err());
    assert!(HttpResponse::new("").with_content_type(evil).is_err());
    let sent = response.into_http();
    let lines: Vec<_> = sent.headers().get_all("set-cookie").iter().collect();
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n')));
}

#[tokio::test]
async fn a_files_name_ends_no_header() {
    use nuages::http::file_response::FileResponse;
    for name in ["a\"; filename=\"evil.exe", "a\r\nX: y", "é\n.txt", "a\\"] {
        let file = FileResponse::bytes("x", "abc").filename(name).as_attachment(true);
        let response = file.into_response().await.unwrap();
        let value = response.headers.get("content-disposition").unwrap().to_str().unwrap().to_owned();
        assert!(!value.contains(['\r', '\n']) && !value.contains("; filename=\"evil"), "{value:?}");
    }
}
