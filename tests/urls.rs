//! From a path through the URLconf to the view, on a real site; and what is said of a URLconf that is wrong.
#![allow(missing_docs, reason = "tests")]

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use nuages::checks::{CheckMessage, Level};
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;
use nuages::routes::converter::{Converter, Kind};
use nuages::serialize::value::Value;
use nuages::site::Built;
use nuages::urls::class::{ClassView, view};
use nuages::urls::compile::compile;
use nuages::urls::declare::{re_include, re_path};
use serde_json::json;

fn site(urls: Urls) -> Built {
    let settings = json!({
        "SECRET_KEY": "for tests alone",
        "ALLOWED_HOSTS": ["*"],
        "MIDDLEWARE": [],
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    });
    let serde_json::Value::Object(settings) = settings else { unreachable!("made above") };
    let base_dir = env!("CARGO_MANIFEST_DIR");
    let built = Site::new(base_dir).urls(urls).build(&SettingsSource::json(settings).in_dir(base_dir));
    built.unwrap_or_else(|faults| panic!("{faults:?}"))
}

async fn ask(site: &Built, method: Method, path: &str) -> HttpResponse {
    let head = http::Request::builder().method(method).uri(path).body(Full::<Bytes>::default()).unwrap();
    let (parts, body) = head.into_parts();
    site.onion.respond(HttpRequest::new(parts, body, site.project.clone())).await
}

/// Status and body of a GET.
async fn get(site: &Built, path: &str) -> (u16, String) {
    let response = ask(site, Method::GET, path).await;
    let body = response.content().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    (response.status.as_u16(), body)
}

/// What the view was given, and by which route.
fn said(request: &HttpRequest, given: &str) -> Result<HttpResponse> {
    let found = request.resolver_match().ok_or_else(|| Error::internal("no match"))?;
    Ok(HttpResponse::new(format!("{}: {given}", found.view_name())))
}

async fn nothing(request: HttpRequest) -> Result<HttpResponse> {
    said(&request, "")
}
async fn byte(request: HttpRequest, n: u8) -> Result<HttpResponse> {
    said(&request, &n.to_string())
}
async fn big(request: HttpRequest, n: Value) -> Result<HttpResponse> {
    said(&request, &format!("{n:?}"))
}
async fn text(request: HttpRequest, text: String) -> Result<HttpResponse> {
    said(&request, &text)
}
async fn page(request: HttpRequest, page: Option<String>) -> Result<HttpResponse> {
    said(&request, &format!("{page:?}"))
}
async fn post(request: HttpRequest, tenant: i64, slug: String) -> Result<HttpResponse> {
    said(&request, &format!("{tenant} {slug}"))
}
async fn six(request: HttpRequest, a: u8, b: u16, c: u32, d: u64, e: i8, f: usize) -> Result<HttpResponse> {
    said(&request, &format!("{a} {b} {c} {d} {e} {f}"))
}

/// `<month:m>`: `13` is refused.
struct Month;

impl Converter for Month {
    fn regex(&self) -> &str {
        "[0-9]{2}"
    }
    fn kind(&self) -> Kind {
        Kind::Int
    }
    fn to_value(&self, text: &str) -> Option<Value> {
        text.parse().ok().filter(|month| (1..=12).contains(month)).map(Value::Int)
    }
    fn to_url(&self, value: &Value) -> Option<String> {
        value.as_i64().map(|month| format!("{month:02}"))
    }
}

async fn two(request: HttpRequest, a: String, b: String) -> Result<HttpResponse> {
    said(&request, &format!("{a} {b}"))
}

#[tokio::test]
async fn views_get_what_their_routes_capture() {
    let greeting = "Hello".to_owned();
    let urls = urls![
        path("", nothing).name("home"),
        path("n/<int:n>/", byte).name("byte"),
        path("n/<int:n>/", big).name("big"),
        path("s/<path:rest>/end/", text),
        path("six/<int:a>/<int:b>/<int:c>/<int:d>/<int:e>/<int:f>/", six).name("six"),
        path("month/<month:m>/", byte).name("month"),
        path("month/<slug:m>/", text).name("not-a-month"),
        path("pages/", page).name("pages"),
        re_path("^paged/(?:(?P<page>[a-z]+)/)?$", page).name("paged"),
        path("hello/<name>/", move |_: HttpRequest, name: String| {
            let said = format!("{greeting}, {name}");
            async move { Ok(HttpResponse::new(said)) }
        }),
        re_include("^t([0-9])/", urls![re_path("^([a-z]+)/$", two).name("two")]),
        include("b/<int:tenant>/", urls![path("<slug:s>/", post).name("post")].app_name("blog")),
        include("c/<slug:x>/", urls![path("", text).name("given")].app_name("shop").namespace("c"))
            .kwarg("x", "y"),
    ];
    let site = site(urls.converter("month", Month));
    let check = async |path: &str, answer: &str| {
        assert_eq!(get(&site, path).await, (200, answer.to_owned()), "{path}");
    };
    check("/", "home: ").await;
    check("/n/255/", "byte: 255").await;
    check("/n/256/", "big: Int(256)").await;
    check("/s/a/b/end/", "s/<path:rest>/end/: a/b").await;
    check("/six/1/2/3/4/5/6/", "six: 1 2 3 4 5 6").await;
    check("/month/12/", "month: 12").await;
    check("/month/13/", "not-a-month: 13").await;
    check("/pages/", "pages: None").await;
    check("/paged/", "paged: None").await;
    check("/paged/a/", "paged: Some(\"a\")").await;
    check("/hello/J%C3%BCrgen/", "Hello, Jürgen").await;
    check("/t7/ab/", "two: 7 ab").await;
    check("/b/7/x-y/", "blog:post: 7 x-y").await;
    check("/c/any/", "c:given: y").await;
    for missing in ["/n/x/", "/n/1", "/six/1/2/3/4/128/6/", "/month/1 /", "/b/99999999999999999999/x/"] {
        assert_eq!(get(&site, &missing.replace(' ', "%20")).await.0, 404, "{missing}");
    }
}

/// GET and PUT, and nothing else.
#[derive(Clone)]
struct Item {
    shelf: &'static str,
}

impl ClassView for Item {
    type Params = (u32,);

    async fn get(self, request: HttpRequest, (id,): (u32,)) -> Result<HttpResponse> {
        said(&request, &format!("{} {id}", self.shelf))
    }

    async fn put(self, _: HttpRequest, (id,): (u32,)) -> Result<HttpResponse> {
        if id == 0 { Err(Error::bad_request("no such item")) } else { Ok(HttpResponse::new("put")) }
    }
}

/// HEAD and OPTIONS of its own, and no GET.
#[derive(Clone)]
struct Probe;

impl ClassView for Probe {
    type Params = ();

    async fn head(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        Ok(HttpResponse::new("").with_header("X-Probe", "1")?)
    }

    async fn options(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        Ok(HttpResponse::new("mine"))
    }
}

#[tokio::test]
async fn class_based_views_answer_by_method() {
    let site = site(urls![
        path("<int:id>/", view(Item { shelf: "top" })).name("item"),
        path("probe/", view(Probe)).name("probe"),
    ]);
    let check = async |method: Method, path: &str, status: u16, allow: Option<&str>, body: &str| {
        let response = ask(&site, method.clone(), path).await;
        let got =
            (response.status.as_u16(), response.header("Allow"), response.content().map(|body| &body[..]));
        assert_eq!(got, (status, allow, Some(body.as_bytes())), "{method} {path}");
    };
    let allow = Some("GET, PUT, HEAD, OPTIONS");
    check(Method::GET, "/7/", 200, None, "item: top 7").await;
    check(Method::HEAD, "/7/", 200, None, "item: top 7").await;
    check(Method::PUT, "/7/", 200, None, "put").await;
    check(Method::POST, "/7/", 405, allow, "").await;
    check(Method::DELETE, "/7/", 405, allow, "").await;
    check(Method::TRACE, "/7/", 405, allow, "").await;
    check(Method::OPTIONS, "/7/", 200, allow, "").await;
    check(Method::GET, "/probe/", 405, Some("HEAD, OPTIONS"), "").await;
    check(Method::OPTIONS, "/probe/", 200, None, "mine").await;
    assert_eq!(ask(&site, Method::HEAD, "/probe/").await.header("X-Probe"), Some("1"));
    assert_eq!(ask(&site, Method::PUT, "/0/").await.status, StatusCode::BAD_REQUEST);
}

/// The messages as `id message`, and the line of the first.
fn messages(urls: Urls) -> Vec<CheckMessage> {
    compile(urls).messages
}

#[test]
fn all_faults_are_told_at_once_each_with_its_line() {
    let first = line!() + 3;
    let found = messages(
        urls![
            path("<int: year>/", byte),
            path("<number:n>/", byte).name("number"),
            path("<int:n>/<n>/", text),
            path("<int:year>/<slug:slug>/", byte).name("archive"),
            path("<slug:n>/", byte),
            path("plain/", byte),
            path("<uuid:id>/", text),
            path("pages/", page),
            re_path("^(", nothing),
            re_path("^(?P<x>[0-9]+)/$", byte),
            include("a/", urls![path("", byte)].namespace("a")),
        ]
        .converter("int", Month),
    );
    let told: Vec<String> = found.iter().map(|one| format!("{} {}", one.id, one.message)).collect();
    let has = |start: &str, line: u32| {
        let at = told
            .iter()
            .position(|one| one.starts_with(start))
            .unwrap_or_else(|| panic!("{start}: {told:#?}"));
        assert_eq!(found[at].object.as_deref(), Some(&*format!("{}:{line}", file!())), "{start}");
        assert_eq!(found[at].level, Level::Error, "{start}");
    };
    has("nuages.E204 Converter 'int' is already registered.", first + 12);
    has("nuages.E201 URL route '<int: year>/' cannot contain whitespace in angle brackets <…>.", first);
    has("nuages.E201 URL route '<number:n>/' uses invalid converter 'number' (the converters are", first + 1);
    has("nuages.E201 URL route '<int:n>/<n>/' uses parameter name 'n' more than once.", first + 2);
    let archive = "nuages.E203 The route '<int:year>/<slug:slug>/' [name='archive'] captures (year: int, slug: str), \
                   but its view takes (u8).";
    has(archive, first + 3);
    has("nuages.E203 The route '<slug:n>/' captures (n: str), but its view takes (u8).", first + 4);
    has("nuages.E203 The route 'plain/' captures nothing, but its view takes (u8).", first + 5);
    has("nuages.E203 The route '<uuid:id>/' captures (id: uuid), but its view takes (String).", first + 6);
    has("nuages.E201 '(' is not a valid regular expression: ", first + 8);
    has("nuages.E203 The route '^(?P<x>[0-9]+)/$' captures (x: str), but its view takes (u8).", first + 9);
    has("nuages.E202 The include 'a/' has the namespace 'a' without an app_name.", first + 10);
    has("nuages.E203 The route 'a/' captures nothing, but its view takes (u8).", first + 10);
    assert_eq!(found.len(), 12, "{told:#?}");
    let hint = found.iter().find(|one| one.message.contains("archive")).and_then(|one| one.hint.clone());
    let right = "A view of this route is `async fn(request: HttpRequest, year: i64, slug: String) -> Result<HttpResponse>`.";
    assert_eq!(hint.as_deref(), Some(right));
}

#[test]
fn warnings_are_djangos() {
    let check = |urls: Urls, wanted: &[&str]| {
        let found = messages(urls);
        let told: Vec<String> = found.iter().map(|one| format!("{} {}", one.id, one.message)).collect();
        assert_eq!(told, wanted);
        assert!(found.iter().all(|one| one.level == Level::Warning));
    };
    let slash = "has a route beginning with a '/'. Remove this slash as it is unnecessary. If this pattern is targeted \
                 in an include(), ensure the include() pattern has a trailing '/'.";
    check(
        urls![
            path("/a/", nothing).name("a"),
            include("/b/", urls![path("", nothing)]),
            re_path("^/c$", nothing)
        ],
        &[
            &format!("urls.W002 Your URL pattern '/a/' [name='a'] {slash}"),
            &format!("urls.W002 Your URL pattern '^/c$' {slash}"),
        ],
    );
    check(
        urls![path("a/", nothing).name("a:b")],
        &[
            "urls.W003 Your URL pattern 'a/' [name='a:b'] has a name including a ':'. Remove the colon, to avoid \
           ambiguous namespace references.",
        ],
    );
    check(
        urls![path("<int:a", nothing), path("b>", nothing)],
        &[
            "urls.W010 Your URL pattern '<int:a' has an unmatched '<' bracket.",
            "urls.W010 Your URL pattern 'b>' has an unmatched '>' bracket.",
        ],
    );
    check(
        urls![path("^a$", nothing)],
        &[
            "2_0.W001 Your URL pattern '^a$' has a route that contains '(?P<', begins with a '^', or ends with a '$'. \
           This was likely an oversight when migrating to django.urls.path().",
        ],
    );
    check(
        urls![re_include("^a/$", urls![path("", nothing)])],
        &[
            "urls.W001 Your URL pattern '^a/$' uses include with a route ending with a '$'. Remove the dollar from the \
           route to avoid problems including URLs.",
        ],
    );
    let blog = || urls![path("", nothing)].app_name("blog");
    check(
        urls![include("a/", blog()), include("b/", blog()), include("c/", blog().namespace("c"))],
        &[
            "urls.W005 URL namespace 'blog' isn't unique. You may not be able to reverse all URLs in this namespace",
        ],
    );
}
