//! Templates and shortcuts in a site that answers: context processors, lazy sessions, error pages, redirects.

use std::fs;

use bytes::Bytes;
use http::header::{LOCATION, VARY};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use nuages::conf::source::SettingsSource;
use nuages::context_processors::{self, ContextProcessor};
use nuages::contrib::messages;
use nuages::prelude::*;
use nuages::site::Built;
use nuages::template::processor::ContextProcessorDef;
use nuages::template::uses::Uses;
use nuages::test::client::Client;
use tempfile::TempDir;

/// Renders the template whose name is in the path.
async fn page(request: HttpRequest, name: String) -> Result<HttpResponse> {
    render(&request, ["no-such.html", &name], context! { given: "by the view", mood: "the view's" }).await
}

/// A page with messages of its own, of which the visitor has one waiting.
async fn own_messages(request: HttpRequest) -> Result<HttpResponse> {
    messages::success(&request, "Saved.")?;
    render(&request, "messages.html", context! { messages: ["the view's"], csrf_token: "the view's" }).await
}

async fn shows_messages(request: HttpRequest) -> Result<HttpResponse> {
    render(&request, "messages.html", context! { csrf_token: "" }).await
}

/// Redirects to what the query says.
async fn away(request: HttpRequest) -> Result<HttpResponse> {
    let to = request.query()?.get("to").unwrap_or_default();
    match request.query()?.get("slug") {
        Some(slug) => redirect(&request, (to, kwargs! { slug: slug })),
        None => redirect(&request, to),
    }
}

async fn archive(request: HttpRequest, slug: String) -> Result<HttpResponse> {
    let found = (slug == "there").then_some(slug).or_404("no such archive")?;
    render_with_status(&request, StatusCode::CREATED, "instance.html", context! { found }).await
}

fn archives() -> Urls {
    urls![path("<slug:slug>/", archive).name("archive")].app_name("archives")
}

/// An app with a context processor.
struct Weather;

impl App for Weather {
    fn name(&self) -> &'static str {
        "weather"
    }

    fn context_processors(&self) -> &'static [ContextProcessorDef] {
        const ALL: &[ContextProcessorDef] = &[context_processors::of::<Mood>()];
        ALL
    }
}

/// A context processor that is a function.
async fn address(request: &HttpRequest) -> Result<Context> {
    Ok(context! { address: format!("{}!", request.path()) })
}

struct Mood;

impl ContextProcessor for Mood {
    const NAME: &'static str = "weather.context_processors.mood";

    async fn process(_request: &HttpRequest, uses: &Uses) -> Result<Context> {
        match uses.name("storm") {
            true => Err(Error::permission_denied("it thunders")),
            false => Ok(context! { mood: "the app's", sky: "cloudy" }),
        }
    }
}

/// A site with those templates, and the folder it lives in.
fn site(debug: bool, templates: &[(&str, &str)]) -> (Built, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("templates")).unwrap();
    for (name, text) in
        templates.iter().chain(&[("instance.html", "{{ url(name='archives:archive', slug=found) }}")])
    {
        fs::write(dir.path().join("templates").join(name), text).unwrap();
    }
    let settings = format!(
        r#"
        DEBUG = {debug}
        SECRET_KEY = "a key for tests alone"
        ALLOWED_HOSTS = ["*"]
        INSTALLED_APPS = ["django.contrib.sessions", "weather"]
        MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
        STATIC_URL = "static/"
        MEDIA_URL = "/media/"
        TIME_ZONE = "Asia/Thimphu"
        DATABASES = {{ default = {{ ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3" }} }}
        [[TEMPLATES]]
        OPTIONS.context_processors = [
            "django.template.context_processors.debug",
            "django.template.context_processors.request",
            "weather.context_processors.mood",
            "django.template.context_processors.csrf",
            "django.template.context_processors.static",
            "django.template.context_processors.media",
            "django.template.context_processors.tz",
            "shop.context_processors.address",
        ]
        "#
    );
    let urls = urls![
        path("page/<str:name>", page).name("page"),
        path("away/", away),
        include("one/", archives()),
        include("two/", archives().namespace("second")),
    ];
    let source = SettingsSource::text("settings.toml", settings).in_dir(dir.path());
    let address = context_processors::function("shop.context_processors.address", &address);
    let site = Site::new(dir.path()).app(Weather).context_processor(address).urls(urls).build(&source);
    (site.unwrap_or_else(|faults| panic!("{faults:#?}")), dir)
}

async fn get(site: &Built, target: &str) -> HttpResponse {
    let request = Request::get(target)
        .header("host", "example.com")
        .header("cookie", "a=1")
        .header("user-agent", "<x>");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let request = HttpRequest::new(head, Full::new(Bytes::new()), site.project.clone());
    site.onion.respond(request).await
}

fn text(response: &HttpResponse) -> &str {
    std::str::from_utf8(response.content().unwrap()).unwrap()
}

/// What that template becomes for `GET /page/t.html?q=1&q=2`.
async fn check(template: &str, expected: &str) {
    let (site, _dir) = site(true, &[("t.html", template)]);
    let response = get(&site, "/page/t.html?q=1&q=2").await;
    assert_eq!(text(&response), expected, "{template}");
}

#[tokio::test]
async fn the_request_in_templates() {
    check("{{ request.method }} {{ request.scheme }} {{ request.get_host }}", "GET http example.com").await;
    check("{{ request.path }} {{ request.get_full_path }}", "/page/t.html /page/t.html?q=1&amp;q=2").await;
    check("{{ request.GET.q }}{{ request.COOKIES.a }}{{ request.headers['user-agent'] }}", "21&lt;x&gt;")
        .await;
    check(
        "{{ request.resolver_match.view_name }} {{ request.resolver_match.route }}",
        "page page/&lt;str:name&gt;",
    )
    .await;
    check("{{ request.resolver_match.kwargs.name }} {{ request.resolver_match.args | length }}", "t.html 0")
        .await;
    check(
        "{{ request.resolver_match.app_names | length }}{{ request.resolver_match.namespaces | length }}",
        "00",
    )
    .await;
    check("{{ request.get_port }} {{ request.encoding | default_if_none(value='none') }}", "80 none").await;
    check("{% set r = request %}{{ r.method }}{{ r.is_secure }}{{ r.session | length }}", "GETfalse0").await;
}

#[tokio::test]
async fn processors_lie_under_the_views_context() {
    check("{{ given }}, {{ sky }}, {{ mood }}", "by the view, cloudy, the view&#x27;s").await;
}

#[tokio::test]
async fn django_s_own_processors_are_known_and_a_function_is_one() {
    check("{{ STATIC_URL }} {{ MEDIA_URL }} {{ TIME_ZONE }}", "/static/ /media/ Asia/Thimphu").await;
    check("{{ get_static_prefix() }} {{ get_media_prefix() }}", "/static/ /media/").await;
    check("{{ address }}", "/page/t.html!").await;
}

#[tokio::test]
async fn debug_speaks_to_internal_ips_alone() {
    check("{% if debug %}debug{% else %}nothing{% endif %}", "nothing").await;
}

#[tokio::test]
async fn a_processor_may_refuse() {
    let (site, _dir) = site(false, &[("t.html", "{{ storm }}")]);
    assert_eq!(get(&site, "/page/t.html").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_session_is_asked_for_by_templates_that_mention_it() {
    let templates = [
        ("with.html", "{% include 'part.html' %}"),
        ("part.html", "{{ request.session | length }}"),
        ("without.html", "x"),
    ];
    let (site, _dir) = site(false, &templates);
    let vary = |response: &HttpResponse| response.headers.get(VARY).cloned();
    assert_eq!(vary(&get(&site, "/page/with.html").await).unwrap(), "Cookie");
    assert_eq!(vary(&get(&site, "/page/without.html").await), None);
}

#[tokio::test]
async fn faults_are_pages_under_debug_and_a_plain_500_otherwise() {
    let templates = [("t.html", "line one\n{{ nobody.knows }}")];
    for (target, shown) in [
        ("/page/gone.html", "there is no template `no-such.html, gone.html`"),
        ("/page/t.html", "t.html, line 2, column 4"),
    ] {
        let ((open, _open_dir), (closed, _closed_dir)) = (site(true, &templates), site(false, &templates));
        let (developer, visitor) = (get(&open, target).await, get(&closed, target).await);
        assert_eq!(
            (developer.status, visitor.status),
            (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::INTERNAL_SERVER_ERROR)
        );
        assert!(text(&developer).contains(shown), "{}", text(&developer));
        assert!(
            !text(&visitor).contains("html`") && !text(&visitor).contains("line 2"),
            "{}",
            text(&visitor)
        );
    }
}

#[tokio::test]
async fn redirects() {
    let (site, _dir) = site(false, &[]);
    for (query, expected) in [
        ("to=archives:archive&slug=a", Some("/one/a/")),
        ("to=second:archive&slug=a", Some("/two/a/")),
        ("to=/over/there", Some("/over/there")),
        ("to=https://example.org/", Some("https://example.org/")),
        ("to=%3Fdid=set", Some("?did=set")),
        ("to=../up", Some("../up")),
        ("to=nowhere", None),
        ("to=archives:archive", None),
        ("to=archives:archive&slug=a%20b", None),
    ] {
        let response = get(&site, &format!("/away/?{query}")).await;
        let location = response.headers.get(LOCATION).map(|location| location.to_str().unwrap());
        assert_eq!(location, expected, "{query}");
        let status = if expected.is_some() { StatusCode::FOUND } else { StatusCode::INTERNAL_SERVER_ERROR };
        assert_eq!(response.status, status, "{query}");
    }
    assert_eq!(get(&site, "/away/?to=javascript:alert(1).x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn url_stays_in_the_requests_instance() {
    let (site, _dir) = site(false, &[]);
    for (target, expected) in [("/one/there/", "/one/there/"), ("/two/there/", "/two/there/")] {
        let response = get(&site, target).await;
        assert_eq!((response.status, text(&response)), (StatusCode::CREATED, expected));
    }
    assert_eq!(get(&site, "/one/gone/").await.status, StatusCode::NOT_FOUND);
}

/// The debug page tells what went wrong and where, and hides what is secret; nothing on it is markup of a client's.
#[tokio::test]
async fn debug_pages_tell_all_but_secrets() {
    let (site, _folder) = site(true, &[("t.html", "one\n{{ nope }}\nthree")]);
    // Put together here: the page shows source, this file's among it.
    let secret = ["hunt", "er2"].concat();
    let request = || {
        Request::get(format!("/page/t.html?q=%3Cscript%3Ealert(1)%3C/script%3E&api_key={secret}"))
            .header("host", "localhost")
            .header("cookie", format!("theme=dark; sessionid={secret}{secret}; csrftoken={secret}"))
            .header("authorization", format!("Basic {secret}"))
            .header("x-note", HeaderValue::from_bytes(b"<i>\xe9").unwrap())
    };
    let answer = async |request: http::request::Builder| {
        let (head, body) = request.body(Full::new(Bytes::new())).unwrap().into_parts();
        let response = site.onion.respond(HttpRequest::new(head, body, site.project.clone())).await;
        (response.status, String::from_utf8(response.content().unwrap().to_vec()).unwrap(), response)
    };
    let (status, page, _) = answer(request()).await;
    assert_eq!(status, 500);
    for part in [
        "TemplateError",
        "`nope` is not defined",
        "t.html, line 2",
        "class=\"here\"",
        "three",
        "SESSION_COOKIE_AGE",
        "theme",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for hidden in [secret.as_str(), "<script>alert", "<i>\u{fffd}"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    let key = site.project.core().secret_key.expose();
    assert!(!page.contains(key));

    let (status, text, response) = answer(request().header("accept", "application/json")).await;
    assert_eq!((status.as_u16(), response.header("content-type")), (500, Some("text/plain; charset=utf-8")));
    assert!(text.contains("`nope` is not defined") && text.contains(">     2 | {{ nope }}"), "{text}");
    assert!(!text.contains(&secret), "{text}");

    let (status, page, _) = answer(Request::get("/nothing/%3Cx%3E?a").header("host", "localhost")).await;
    assert_eq!(status, 404);
    assert!(
        page.contains("didn’t match any of these") && page.contains("&lt;x&gt;") && !page.contains("<x>"),
        "{page}"
    );
}

/// A component of tera has no context but its arguments.
#[tokio::test]
async fn components_know_the_request() {
    let templates = [
        (
            "parts.html",
            "{% component Next() %}{{ querystring(page=2) }} {{ url(name='archives:archive', slug='a') }}{% endcomponent Next %}",
        ),
        ("t.html", "{{ <Next /> }}"),
    ];
    let (site, _dir) = site(false, &templates);
    assert_eq!(text(&get(&site, "/page/t.html?q=1").await), "?q=1&amp;page=2 /one/a/");
}

#[tokio::test]
async fn suspicious_texts_are_a_400() {
    let (site, _dir) = site(false, &[("t.html", "{{ request.GET.q | striptags }}")]);
    let target = format!("/page/t.html?q={}", "%3Ca".repeat(600));
    assert_eq!(get(&site, &target).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(text(&get(&site, "/page/t.html?q=%3Ci%3Ea").await), "a");
}

/// What the view shows in the place of the messages has not shown them.
#[tokio::test]
async fn messages_wait_where_the_view_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("templates")).unwrap();
    let template = "{{ csrf_token }}{% for message in messages %}{{ message.message | default(value=message) }}{% endfor %}";
    fs::write(dir.path().join("templates/messages.html"), template).unwrap();
    let site = Site::new(dir.path()).urls(urls![path("own/", own_messages), path("show/", shows_messages)]);
    let client = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.messages"])
        .setting("MIDDLEWARE", ["django.contrib.messages.middleware.MessageMiddleware"])
        .setting("MESSAGE_STORAGE", "django.contrib.messages.storage.cookie.CookieStorage")
        .setting(
            "TEMPLATES",
            serde_json::json!([{"OPTIONS": {"context_processors": ["django.contrib.messages.context_processors.messages"]}}]),
        )
        .build()
        .await
        .unwrap();
    let own = client.get("/own/").await.unwrap();
    assert!(own.text().contains("the view") && !own.text().contains("Saved."), "{}", own.text());
    assert_eq!(own.header("vary"), None, "no token was asked for");
    assert_eq!(client.get("/show/").await.unwrap().text(), "Saved.");
    assert_eq!(client.get("/show/").await.unwrap().text(), "");
}

/// The site's own page in the place of Django's.
#[tokio::test]
async fn a_forged_form_may_have_a_page_of_the_sites_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("templates")).unwrap();
    fs::write(dir.path().join("templates/403_csrf.html"), "Please load {{ request.path }} again.").unwrap();
    let site = Site::new(dir.path()).urls(urls![path("away/", away)]);
    let client = Client::builder(site)
        .setting("MIDDLEWARE", ["django.middleware.csrf.CsrfViewMiddleware"])
        .build()
        .await
        .unwrap();
    client.enforce_csrf_checks(true);
    let refused = client.post("/away/").await.unwrap();
    assert_eq!((refused.status.as_u16(), &*refused.text()), (403, "Please load /away/ again."));
}
