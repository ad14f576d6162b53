//! Every parser of what a request says, on what chance writes: an answer or a refusal, never a 500, and the same however the
//! bytes come in pieces.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use nuages::conf::source::SettingsSource;
use nuages::decorators::csrf::csrf_exempt;
use nuages::http::accept::MediaType;
use nuages::http::conditional::{Preconditions, Verdict, parse_etags, quote_etag};
use nuages::http::content_disposition::content_disposition;
use nuages::http::cookies::RequestCookies;
use nuages::http::date::{http_date, moment_at, parse_http_date};
use nuages::http::file_response::FileResponse;
use nuages::http::header_parameters::HeaderParameters;
use nuages::http::host::{split_domain_port, validate_host};
use nuages::http::range::{Part, part};
use nuages::prelude::*;
use nuages::site::Built;
use proptest::prelude::*;

use crate::decoders::fuzz;
use crate::requests::form;

/// A view that asks whatever can be asked of a request.
async fn everything(request: HttpRequest) -> Result<HttpResponse> {
    let mut text = format!("{} {} {}\n", request.path(), request.get_full_path(), request.is_secure());
    text += &format!("{:?} {:?}\n", request.get_host().ok(), request.get_port());
    text += &format!("{:?}\n", request.build_absolute_uri(None).ok());
    text +=
        &format!("{:?} {:?}\n", request.accepts("text/html"), request.get_preferred_type(&["a/b", "text/*"]));
    text += &format!(
        "{} {:?} {:?}\n",
        request.content_type(),
        request.content_params().count(),
        request.encoding()
    );
    text += &format!("{:?}\n", request.cookies().iter().collect::<Vec<_>>());
    text += &format!("{:?}\n", request.query().map(|query| query.urlencode()).ok());
    text += &format!("{:?}\n", request.get_signed_cookie("k", "", None).ok());
    FileResponse::bytes("page.txt", text).last_modified(1_000_000_000).respond(&request).await
}

fn site() -> Built {
    let settings = r#"SECRET_KEY = "a key for tests alone"
        ALLOWED_HOSTS = ["localhost", ".example.com", "[::1]"]
        SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
        USE_X_FORWARDED_HOST = true
        USE_X_FORWARDED_PORT = true
        SECURE_PROXY_SSL_HEADER = ["HTTP_X_FORWARDED_PROTO", "https"]
        FILE_UPLOAD_MAX_MEMORY_SIZE = 100
        MIDDLEWARE = [
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.gzip.GZipMiddleware",
            "django.middleware.http.ConditionalGetMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ]"#;
    let urls =
        urls![path("", csrf_exempt(everything)), path("form/", csrf_exempt(form)), path("guarded/", form),];
    let source = SettingsSource::text("settings.toml", settings.to_owned());
    Site::new("no-such-folder").urls(urls).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Status and body of the answer to a request whose body comes in those pieces.
async fn ask(site: &Built, head: http::request::Builder, pieces: Vec<Bytes>) -> (u16, String) {
    let frames = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Frame::data(piece)));
    let (head, body) = head.body(StreamBody::new(stream::iter(frames))).unwrap().into_parts();
    let response = site.onion.respond(HttpRequest::new(head, body, Arc::clone(&site.project))).await;
    let body = response.content().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    (response.status.as_u16(), body)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Words that headers are made of, and what breaks them.
fn header_text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "bytes=",
        "0-",
        "-1",
        ",",
        ";",
        "=",
        "\"",
        "W/",
        "*",
        "q=0.5",
        "q=",
        "q=nan",
        "text/html",
        "*/*",
        "gzip",
        "identity",
        "br",
        "localhost",
        "www.example.com",
        ":8000",
        ":",
        "[::1]",
        "@",
        "/",
        "https",
        "http://",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "\"a\"",
        "multipart/form-data",
        "boundary=",
        "B",
        "application/x-www-form-urlencoded",
        "charset=",
        "utf-8",
        "latin-1",
        "%41",
        "%",
        "csrftoken=",
        "abcdefghijklmnopqrstuvwxyzABCDEF",
        "abcdefghijklmnopqrstuvwxyzABCDEFabcdefghijklmnopqrstuvwxyzABCDEF",
        "k=v",
        "\\",
        "\t",
        " ",
        "99999999999999999999",
    ]);
    let word = prop_oneof![
        8 => word.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(0x80_u8.., 1..4),
        1 => "[ -~]{0,6}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(word, 0..10).prop_map(|words| words.concat())
}

const HEADERS: [&str; 19] = [
    "host",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "accept",
    "accept-encoding",
    "cookie",
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "content-type",
    "content-length",
    "referer",
    "origin",
    "user-agent",
    "x-csrftoken",
];

#[test]
fn no_header_is_a_fault_of_ours() {
    let (runtime, site) = (runtime(), site());
    let headers = prop::collection::vec((prop::sample::select(HEADERS.to_vec()), header_text()), 0..6);
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "OPTIONS"]);
    let target = "/(form/|guarded/)?(\\?[a-c%&;=+0-9]{0,12})?";
    fuzz("headers", (method, target, headers), |(method, target, headers)| {
        let Ok(mut head) =
            Request::builder().method(method).uri(&target).header("host", "localhost").body(())
        else {
            return;
        };
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                head.headers_mut().insert(name, value);
            }
        }
        let mut builder = Request::builder().method(head.method()).uri(head.uri());
        *builder.headers_mut().unwrap() = head.headers().clone();
        let (status, _) = runtime.block_on(ask(&site, builder, vec![Bytes::from_static(b"a=1&b=2")]));
        assert!(
            matches!(status, 200 | 206 | 301 | 304 | 400 | 403 | 404 | 405 | 412 | 416),
            "{status}: {head:?}"
        );
    });
}

/// Cut at those places.
fn cut(body: &[u8], at: &[prop::sample::Index]) -> Vec<Bytes> {
    let mut places: Vec<usize> = at.iter().map(|place| place.index(body.len() + 1)).collect();
    places.sort_unstable();
    let (mut pieces, mut from) = (Vec::new(), 0);
    for place in places.into_iter().chain([body.len()]) {
        pieces.push(Bytes::copy_from_slice(&body[from..place]));
        from = place;
    }
    pieces
}

#[test]
fn a_form_is_the_same_in_any_pieces() {
    let (runtime, site) = (runtime(), site());
    let disposition = prop::sample::select(vec![
        "name=a",
        "name=\"b\"",
        "name=f; filename=x.txt",
        "name=f; filename=\"a/b\"",
        "name=",
        "filename=y",
        "name=csrfmiddlewaretoken",
        "name*=utf-8''%C3%A9",
        "name=f; filename*=utf-8''%2e%2e%2fx",
    ]);
    let more = prop::sample::select(vec![
        "",
        "Content-Type: text/plain; charset=latin-1\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Type: multipart/mixed; boundary=C\r\n",
        "X-A: b\r\n",
    ]);
    let content = prop_oneof![
        "[a-z\r\n-]{0,30}".prop_map(String::into_bytes),
        Just(b"aGVsbG8gd29ybGQ=".to_vec()),
        Just(b"--C\r\nContent-Disposition: form-data; name=inner\r\n\r\nx\r\n--C--".to_vec()),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    let part = (disposition, more, content).prop_map(|(disposition, more, content)| {
        let head = format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n");
        [head.as_bytes(), &content, b"\r\n"].concat()
    });
    let end = prop::sample::select(vec!["--B--\r\n", "--B", "", "--B--\r\nepilogue"]);
    let multipart = (prop::collection::vec(part, 0..5), end).prop_map(|(parts, end)| {
        ("multipart/form-data; boundary=B", [parts.concat(), end.as_bytes().to_vec()].concat())
    });
    let urlencoded =
        "[a-c%&;=+0-9é]{0,60}".prop_map(|text| ("application/x-www-form-urlencoded", text.into_bytes()));
    let body = prop_oneof![3 => multipart, 1 => urlencoded];
    let places = prop::collection::vec(any::<prop::sample::Index>(), 0..12);
    fuzz("forms", (body, places), |((kind, body), places)| {
        let head = || Request::post("/form/").header("host", "localhost").header("content-type", kind);
        let whole = runtime.block_on(ask(&site, head(), vec![Bytes::copy_from_slice(&body)]));
        assert!(matches!(whole.0, 200 | 400), "{whole:?}");
        let pieces = runtime.block_on(ask(&site, head(), cut(&body, &places)));
        assert_eq!(pieces, whole);
        let bytes = body.chunks(1).map(Bytes::copy_from_slice).collect();
        assert_eq!(runtime.block_on(ask(&site, head(), bytes)), whole);
        // Behind the middleware that looks for a token in it, it is refused, for its form or for want of a token.
        let guarded = Request::post("/guarded/")
            .header("host", "localhost")
            .header("content-type", kind)
            .header("cookie", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF");
        let guarded = runtime.block_on(ask(&site, guarded, cut(&body, &places)));
        assert!(matches!(guarded.0, 400 | 403), "{guarded:?}");
    });
}

#[test]
fn cookies_come_back_and_nobody_adds_one() {
    let value = "[ -~\\x00-\\x1f\u{80}-\u{ff}]{0,30}";
    fuzz("cookies", (value, "[;=\"\\\\ a-c,]{0,20}"), |(value, noise)| {
        let mut response = HttpResponse::new("");
        response.set_cookie(SetCookie::new("k", &value)).unwrap();
        let sent = response.into_http();
        let line = sent.headers()["set-cookie"].to_str().unwrap();
        let pair = line.split("; ").next().unwrap();
        let read = RequestCookies::parse(pair);
        assert_eq!((read.len(), read.get("k")), (1, Some(value.as_str())), "{line:?}");
        // What another page of the domain puts before it takes its name only if it says the name.
        let both = RequestCookies::parse(&format!("{noise}; {pair}"));
        assert_eq!(both.get("k"), Some(value.as_str()), "{noise:?}");
        assert!(both.iter().all(|(name, _)| !name.contains([';', '='])), "{noise:?}");
    });
}

#[test]
fn etags_dates_and_ranges_keep_their_rules() {
    fuzz("etags", ("[ -~é]{0,20}", header_text(), any::<bool>()), |(text, list, weak)| {
        let quoted = quote_etag(&text);
        if !text.contains(['"', ',']) {
            let etag = if weak && !quoted.starts_with("W/") {
                format!("W/{quoted}")
            } else {
                quoted.clone().into_owned()
            };
            assert_eq!(parse_etags(&etag), [etag.as_str()]);
            let mut headers = HeaderMap::new();
            headers.insert("if-none-match", HeaderValue::from_bytes(etag.as_bytes()).unwrap());
            // HeaderMap's bytes are latin-1, the text is not: only ASCII is told from itself for sure.
            if etag.is_ascii() {
                assert_eq!(
                    Preconditions::of(&Method::GET, &headers).verdict(Some(&etag), None),
                    Verdict::NotModified
                );
                assert_eq!(
                    Preconditions::of(&Method::PUT, &headers).verdict(Some(&etag), None),
                    Verdict::Failed
                );
            }
        }
        let list = String::from_utf8_lossy(&list);
        for etag in parse_etags(&list) {
            assert!(
                etag == "*" || etag.trim_start_matches("W/").starts_with('"') && etag.ends_with('"'),
                "{etag}"
            );
        }
    });
    fuzz("dates", header_text(), |text| {
        if let Some(seconds) = parse_http_date(&String::from_utf8_lossy(&text)) {
            let written =
                moment_at(seconds as f64).map(http_date).expect("a date that was read can be written");
            assert_eq!(parse_http_date(&written), Some(seconds));
        }
    });
    fuzz("ranges", (header_text(), header_text(), 0..1_000_u64), |(range, if_range, length)| {
        let (range, if_range) = (String::from_utf8_lossy(&range), String::from_utf8_lossy(&if_range));
        match part(Some(&range), None, None, None, length) {
            Part::Of(range) => assert!(range.start < range.end && range.end <= length, "{range:?}"),
            Part::Beyond | Part::Whole => {}
        }
        // Whoever holds another state of the file gets all of it.
        assert_eq!(part(Some(&range), Some(&if_range), Some("\"other state\""), None, length), Part::Whole);
    });
}

#[test]
fn media_types_and_parameters_keep_their_rules() {
    let project = site().project;
    fuzz("accept", header_text(), |text| {
        let Ok(value) = HeaderValue::from_bytes(&text) else { return };
        let (head, body) =
            Request::get("/").header("accept", value).body(Full::<Bytes>::default()).unwrap().into_parts();
        let request = HttpRequest::new(head, body, Arc::clone(&project));
        let taken: Vec<&MediaType> = request.accepted().iter().collect();
        assert!(taken.iter().all(|range| range.quality() != 0.0), "{request:?}");
        for asked in ["text/html", "a/b", "*/*", ""] {
            let wanted = MediaType::parse(asked);
            assert_eq!(
                request.accepts(asked),
                taken.iter().any(|range| wanted.matches(range)),
                "{asked}: {taken:?}"
            );
            assert!(request.get_preferred_type(&[asked]).is_none() || request.accepts(asked));
        }
    });
    fuzz("parameters", ("[a-c]{1,8}", "[ -\\[\\]-~]{0,30}", header_text()), |(name, value, text)| {
        let _ = HeaderParameters::parse(&String::from_utf8_lossy(&text));
        let escaped = value.replace('"', "\\\"");
        let header = HeaderParameters::parse(&format!("x/y; {name}=\"{escaped}\"; z=1")).unwrap();
        assert_eq!(header.parameters.get(&name), Some(&value), "{header:?}");
        assert_eq!(header.parameters.get("z").map(String::as_str), Some("1"));
        // What is written for a download's name is read as that name.
        if let Some(written) = content_disposition(true, &value).filter(|_| !value.is_empty()) {
            let read = HeaderParameters::parse(&written).unwrap();
            assert_eq!(read.parameters.get("filename"), Some(&value), "{written}");
        }
    });
}

#[test]
fn hosts_that_are_let_in_are_hosts() {
    fuzz("hosts", header_text(), |text| {
        let host = String::from_utf8_lossy(&text).into_owned();
        let Some((domain, port)) = split_domain_port(&host) else { return };
        assert!(port.bytes().all(|byte| byte.is_ascii_digit()), "{host:?}");
        assert!(!domain.contains(['@', '/', '\\', ' ', '\t', '\r', '\n', '?', '#', ',']), "{host:?}");
        if validate_host(domain, ["localhost", ".example.com"].into_iter()) {
            assert!(
                domain == "localhost" || domain == "example.com" || domain.ends_with(".example.com"),
                "{host:?}"
            );
        }
    });
}
