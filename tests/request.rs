//! Requests of a real site, against Django's vectors and by hand.
#![allow(missing_docs, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, Uri};
use http_body_util::Full;
use nuages::conf::source::SettingsSource;
use nuages::error::Error;
use nuages::http::connection::Connection;
use nuages::http::quote::{Safe, quote};
use nuages::http::request::HttpRequest;
use nuages::project::Project;
use nuages::site::Site;
use serde_json::{Value, json};

/// The cases of `tests/vectors/<name>.json`.
fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let list = if file["cases"].is_array() { "cases" } else { "vectors" };
    match file[list].take() {
        Value::Array(cases) if !cases.is_empty() => cases,
        _ => panic!("{path} has no cases"),
    }
}

/// A site with those settings, which anyone may ask unless they say otherwise.
fn project(settings: &Value) -> Arc<Project> {
    let mut all = json!({
        "SECRET_KEY": "for tests alone",
        "ALLOWED_HOSTS": ["*"],
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let Value::Object(all) = all else { unreachable!("made above") };
    let base_dir = env!("CARGO_MANIFEST_DIR");
    let built = Site::new(base_dir).build(&SettingsSource::json(all).in_dir(base_dir));
    built.unwrap_or_else(|faults| panic!("{settings}: {faults:?}")).project
}

fn request(head: http::request::Builder, body: &'static str) -> HttpRequest {
    request_with(head, body, &json!({}))
}

fn request_with(head: http::request::Builder, body: &'static str, settings: &Value) -> HttpRequest {
    let (parts, body) = head.body(Full::from(body)).unwrap().into_parts();
    HttpRequest::new(parts, body, project(settings))
}

fn get(target: &str) -> http::request::Builder {
    http::Request::get(target)
}

#[test]
fn the_method_is_in_upper_case() {
    for (sent, method) in [("GET", Method::GET), ("get", Method::GET), ("Patch", Method::PATCH)] {
        assert_eq!(request(get("/").method(sent), "").method(), method);
    }
}

#[test]
fn paths_come_unescaped_and_go_escaped() {
    for (target, path, full) in [
        ("/", "/", "/"),
        ("/a%20b/", "/a b/", "/a%20b/"),
        ("/x%ff/?a=%ff", "/x%FF/", "/x%25FF/?a=%ff"),
        ("//a/../b", "//a/../b", "//a/../b"),
        ("/a=b;c?d=[]'", "/a=b;c", "/a%3Db%3Bc?d=[]'"),
        ("*", "/*", "/*"),
        ("http://host.example/x?", "/x", "/x"),
        ("http://host.example", "/", "/"),
    ] {
        let request = request(get(target), "");
        assert_eq!((request.path(), request.get_full_path().as_str()), (path, full), "{target}");
    }
    let request = request_with(get("/cart"), "", &json!({"FORCE_SCRIPT_NAME": "/shop/"}));
    assert_eq!((request.path(), request.path_info()), ("/shop/cart", "/cart"));
    assert_eq!(
        (request.get_full_path(), request.get_full_path_info()),
        ("/shop/cart".into(), "/cart".into())
    );
    assert_eq!(request.get_full_path_with_slash(), "/shop/cart/");
}

#[test]
fn the_query_has_its_limit_and_its_charset() {
    let plain = request(get("/?a=1&a=2&b"), "");
    assert_eq!(plain.query().unwrap().getlist("a"), ["1", "2"]);
    let latin1 = request(get("/?a=%e9").header("content-type", "text/plain; charset=latin-1"), "");
    assert_eq!(latin1.query().unwrap().get("a"), Some("é"));
    let many = request_with(get("/?a&b&c"), "", &json!({"DATA_UPLOAD_MAX_NUMBER_FIELDS": 2}));
    for _ in 0..2 {
        let error = many.query().unwrap_err();
        assert!(matches!(error, Error::Suspicious { kind: "TooManyFieldsSent", .. }), "{error}");
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn only_a_posted_form_fills_post() {
    for (method, content_type, sent, expected) in [
        ("POST", FORM, "a=1&b=é", Ok("a=1&b=%C3%A9")),
        ("post", "Application/X-WWW-Form-URLencoded; charset=UTF-8", "a=1", Ok("a=1")),
        ("PUT", FORM, "a=1", Ok("")),
        ("POST", "text/plain", "a=1", Ok("")),
        ("POST", "", "a=1", Ok("")),
        ("POST", "application/x-www-form-urlencoded; charset=bogus", "a=1", Ok("a=1")),
        ("POST", "application/x-www-form-urlencoded; charset=utf8", "a=1", Err(())),
        ("POST", "application/x-www-form-urlencoded; charset=latin-1", "a=1", Err(())),
    ] {
        let request = request(get("/").method(method).header("content-type", content_type), sent);
        match (request.post().await, expected) {
            (Ok(post), Ok(expected)) => assert_eq!(post.urlencode(), expected, "{method} {content_type}"),
            (Err(error), Err(())) => assert_eq!(error.status(), 400, "{error}"),
            (got, expected) => panic!("{method} {content_type}: {got:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn the_body_is_read_within_its_limit() {
    let three = &json!({"DATA_UPLOAD_MAX_MEMORY_SIZE": 3});
    let small = request_with(get("/").method("POST"), "abc", three);
    assert_eq!((small.body().await.unwrap(), small.body().await.unwrap()), ("abc".into(), "abc".into()));
    let form = request_with(get("/").method("POST").header("content-type", FORM), "a=12", three);
    for _ in 0..2 {
        let error = form.post().await.unwrap_err();
        assert!(matches!(error, Error::Suspicious { kind: "RequestDataTooBig", .. }), "{error}");
    }
    let said = request_with(get("/").header("content-length", "4"), "abc", three);
    assert_eq!(said.body().await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn json_is_read_or_refused() {
    let request = |body| request(get("/").method("POST"), body);
    assert_eq!(request(r#"{"a": [1, "é"]}"#).json::<Value>().await.unwrap(), json!({"a": [1, "é"]}));
    assert_eq!(request("{").json::<Value>().await.unwrap_err().status(), 400);
    assert_eq!(request(r#"{"a": 1}"#).json::<Vec<u8>>().await.unwrap_err().status(), 400);
}

/// The settings among the members of a case.
fn settings(case: &Value) -> Value {
    let known =
        ["ALLOWED_HOSTS", "DEBUG", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT", "SECURE_PROXY_SSL_HEADER"];
    let members = case
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| known.contains(&name.as_str()) && !value.is_null());
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn header_name(wsgi: &str) -> String {
    wsgi.trim_start_matches("HTTP_").replace('_', "-").to_ascii_lowercase()
}

/// A request as a WSGI server describes it; `None` for one that hyper would not let through.
fn from_environ(environ: &Value, settings: &Value) -> Option<HttpRequest> {
    let mut head = get("/");
    let mut connection = Connection { server_name: Some("testserver".into()), ..Connection::default() };
    for (name, value) in environ.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = &*value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            "SERVER_NAME" => connection.server_name = Some(text.into()),
            "SERVER_PORT" => {
                connection.local = Some(SocketAddr::from(([127, 0, 0, 1], text.parse().unwrap())));
            }
            "wsgi.url_scheme" => connection.tls = text == "https",
            _ if name.starts_with("HTTP_") => {
                let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>()?;
                head = head.header(header_name(name), HeaderValue::from_bytes(&bytes).ok()?);
            }
            other => panic!("unknown variable {other}"),
        }
    }
    let (parts, body) = head.body(Full::from("")).unwrap().into_parts();
    Some(HttpRequest::new(parts, body, project(settings)).on(connection))
}

fn check_host(request: &HttpRequest, expected: &Value, case: &Value) {
    match request.get_host() {
        Ok(host) => assert_eq!(
            host,
            expected.as_str().unwrap_or_else(|| panic!("{host} is allowed: {case}")),
            "{case}"
        ),
        Err(error) => {
            assert!(matches!(error, Error::Suspicious { kind: "DisallowedHost", .. }), "{error}");
            assert_eq!(expected["error"], "DisallowedHost", "{case}");
        }
    }
}

#[test]
fn hosts_are_judged_as_django_judges_them() {
    for case in vectors("host").into_iter().filter(|case| case["fn"] == "get_host") {
        let environ = match &case["META"] {
            Value::Null => json!({"HTTP_HOST": case["HTTP_HOST"]}),
            meta => meta.clone(),
        };
        let Some(request) = from_environ(&environ, &settings(&case)) else { continue };
        check_host(&request, &case["out"], &case);
    }
    for case in vectors("request_hosts") {
        let mut environ = json!({"HTTP_HOST": "example.com"});
        environ.as_object_mut().unwrap().extend(case["environ"].as_object().unwrap().clone());
        let Some(request) = from_environ(&environ, &settings(&case["settings"])) else { continue };
        let expected = if case["host"]["out"].is_null() { &case["host"] } else { &case["host"]["out"] };
        check_host(&request, expected, &case);
        assert_eq!(request.get_port(), case["port"].as_str().unwrap(), "{case}");
        assert_eq!(request.scheme(), case["scheme"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn http2_names_the_host_in_the_address() {
    assert_eq!(request(get("http://host.example:8000/x"), "").get_host().unwrap(), "host.example:8000");
}

#[test]
fn absolute_addresses_are_djangos() {
    let site = project(&json!({}));
    for case in vectors("absolute_uris") {
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        let mut target = quote(text("path"), Safe::PATH).into_owned();
        if !text("query").is_empty() {
            // Here the query is given as text, where a request has bytes.
            if !text("query").is_ascii() {
                continue;
            }
            target = format!("{target}?{}", text("query"));
        }
        let Ok(uri) = target.parse::<Uri>() else { continue };
        let (parts, body) =
            http::Request::get(uri).header("host", text("host")).body(Full::from("")).unwrap().into_parts();
        let connection = Connection { tls: text("scheme") == "https", ..Connection::default() };
        let request = HttpRequest::new(parts, body, Arc::clone(&site)).on(connection);
        if !case["full_path"].is_null() {
            assert_eq!(request.get_full_path(), text("full_path"), "{case}");
            assert_eq!(request.get_full_path_with_slash(), text("full_path_slash"), "{case}");
        }
        match request.build_absolute_uri(case["location"].as_str()) {
            Ok(absolute) => assert_eq!(absolute, text("out"), "{case}"),
            Err(error) => assert_eq!(case["error"], "ValueError", "{case}: {error}"),
        }
    }
}

#[test]
fn content_types_are_read_as_django_reads_them() {
    for case in vectors("content_types") {
        let sent: Vec<u8> = case["in"].as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
        let request = request(get("/").header("content-type", HeaderValue::from_bytes(&sent).unwrap()), "");
        let parameters: serde_json::Map<_, _> =
            request.content_params().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        assert_eq!(request.content_type(), case["content_type"].as_str().unwrap(), "{case}");
        assert_eq!(Value::Object(parameters), case["content_params"], "{case}");
        assert_eq!(request.encoding().is_some(), case["encoding"].is_string(), "{case}");
    }
}

#[test]
fn what_is_noted_on_a_request_stays_with_it() {
    #[derive(Debug, Clone, PartialEq)]
    struct Tenant(u32);
    let mut request = request(get("/"), "");
    request.extensions_mut().insert(Tenant(7));
    assert_eq!(request.extensions().get(), Some(&Tenant(7)));
}

#[test]
fn debug_shows_no_secret() {
    let request = request(get("/x?token=secret").header("cookie", "sessionid=secret"), "secret");
    assert_eq!(format!("{request:?}"), r#"HttpRequest { method: GET, path: "/x", .. }"#);
}
