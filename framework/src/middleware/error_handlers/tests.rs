use std::sync::Arc;

use tempfile::TempDir;

use crate::prelude::*;
use crate::session::error::SessionError;
use crate::test::builder::ClientBuilder;
use crate::test::client::Client;
use crate::test::error::ClientError;

async fn fail(request: HttpRequest, how: String) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Err(match how.as_str() {
        "missing" => Error::not_found("no such <tune>"),
        "forbidden" => Error::permission_denied("members & friends"),
        "bad" => Error::bad_request("no such key"),
        "suspicious" => Error::suspicious("SuspiciousOperation", "somebody tries"),
        "deleted" => SessionError::Interrupted.into(),
        "panic" => panic!("the string broke"),
        _ => Error::internal("the wheel came off"),
    })
}

/// The site with these templates.
fn site(templates: &[(&str, &str)]) -> (TempDir, Site) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for (name, text) in templates {
        std::fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let site = Site::new(folder.path()).urls(urls![path("fail/<how>/", fail)]);
    (folder, site)
}

fn client(site: Site) -> ClientBuilder {
    Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies")
}

/// Asks and says status and body.
async fn ask(client: &Client, path: &str) -> (u16, String) {
    client.raise(false);
    let response = client.get(path).await.unwrap();
    (response.status.as_u16(), response.text().into_owned())
}

const TEMPLATES: [(&str, &str); 4] = [
    ("400.html", "400 {{ exception | default(value='-') }}"),
    ("403.html", "403 {{ exception }}"),
    ("404.html", "404 {{ request_path }} {{ exception }}"),
    ("500.html", "500"),
];

#[tokio::test]
async fn templates_make_the_pages() {
    let (_folder, site) = site(&TEMPLATES);
    let client = client(site).build().await.unwrap();
    for (path, status, body) in [
        ("/fail/missing/", 404, "404 /fail/missing/ no such &lt;tune&gt;"),
        ("/n%C3%A9%3Cb%3E/", 404, "404 /n%C3%A9%3Cb%3E/ no route matches the path"),
        ("/fail/forbidden/", 403, "403 members &amp; friends"),
        ("/fail/bad/", 400, "400 -"),
        ("/fail/suspicious/", 400, "400 -"),
        ("/fail/deleted/", 400, "400 -"),
        ("/fail/panic/", 500, "500"),
        ("/fail/otherwise/", 500, "500"),
    ] {
        assert_eq!(ask(&client, path).await, (status, body.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_page_without_a_template_is_plain() {
    let (_folder, site) = site(&TEMPLATES[3..]);
    let client = client(site).build().await.unwrap();
    for (path, status, title) in [
        ("/fail/missing/", 404, "Not Found"),
        ("/fail/forbidden/", 403, "403 Forbidden"),
        ("/fail/bad/", 400, "Bad Request (400)"),
    ] {
        let (found, page) = ask(&client, path).await;
        assert!(found == status && page.contains(&format!("<h1>{title}</h1>")), "{path}: {found} {page}");
    }
    assert_eq!(ask(&client, "/fail/otherwise/").await, (500, "500".to_owned()));
}

/// What a handler finds of the request that the view took.
async fn tell(request: HttpRequest, error: Error) -> Result<HttpResponse> {
    let name: Option<String> = request.session.get("name").await?;
    let route = request.resolver_match().map(|found| found.route());
    let text = format!("{} {error} {name:?} {route:?}", request.path());
    Ok(HttpResponse::text(text).with_status(error.status()))
}

#[tokio::test]
async fn handlers_are_given_the_request_and_the_error() {
    let (_folder, site) = site(&TEMPLATES);
    let site =
        site.handler400(tell).handler403(tell).handler404(tell).handler500(async |request: HttpRequest| {
            Ok(HttpResponse::text(format!("500 of {}", request.path()))
                .with_status(StatusCode::INTERNAL_SERVER_ERROR))
        });
    let client = client(site).build().await.unwrap();
    let of_view =
        |error: &str, how: &str| format!("/fail/{how}/ {error} Some(\"Sonam\") Some(\"fail/<how>/\")");
    for (how, status, body) in [
        ("missing", 404, of_view("no such <tune>", "missing")),
        ("forbidden", 403, of_view("members & friends", "forbidden")),
        ("bad", 400, of_view("no such key", "bad")),
        ("suspicious", 400, of_view("SuspiciousOperation: somebody tries", "suspicious")),
        ("otherwise", 500, "500 of /fail/otherwise/".to_owned()),
    ] {
        assert_eq!(ask(&client, &format!("/fail/{how}/")).await, (status, body), "{how}");
    }
    assert_eq!(
        ask(&client.new_visitor(), "/nowhere/").await,
        (404, "/nowhere/ no route matches the path None None".to_owned())
    );
    // Whatever the handler answers, a test is told of the error.
    client.raise(true);
    assert!(matches!(client.get("/fail/otherwise/").await, Err(ClientError::Raised { .. })));
}

async fn fails(_request: HttpRequest, _error: Error) -> Result<HttpResponse> {
    Err(Error::not_found("the handler looks for something, too"))
}

async fn fails_as_well(_request: HttpRequest) -> Result<HttpResponse> {
    panic!("nothing helps")
}

#[tokio::test]
async fn a_handler_that_fails_is_a_500() {
    let (_folder, site) = site(&TEMPLATES);
    let client = client(site.handler404(fails)).build().await.unwrap();
    assert_eq!(ask(&client, "/nowhere/").await, (500, "500".to_owned()));
    let (_folder, site) = self::site(&TEMPLATES);
    let client = self::client(site.handler404(fails).handler500(fails_as_well)).build().await.unwrap();
    for path in ["/nowhere/", "/fail/otherwise/"] {
        let (status, page) = ask(&client, path).await;
        assert!(status == 500 && page.contains("<h1>Server Error (500)</h1>"), "{path}: {status} {page}");
    }
}

#[tokio::test]
async fn debug_has_pages_of_its_own_but_for_403() {
    let (_folder, site) = site(&TEMPLATES);
    let client =
        client(site.handler404(tell).handler500(fails_as_well)).setting("DEBUG", true).build().await.unwrap();
    for (path, status, piece) in [
        ("/fail/missing/", 404, "<small>(404) at /fail/missing/</small>"),
        ("/fail/bad/", 400, "<small>(400) at /fail/bad/</small>"),
        ("/fail/otherwise/", 500, "the wheel came off"),
    ] {
        let (found, page) = ask(&client, path).await;
        assert!(found == status && page.contains(piece), "{path}: {found} {page}");
    }
    assert_eq!(ask(&client, "/fail/forbidden/").await, (403, "403 members &amp; friends".to_owned()));
}

struct Marked;

impl FromProject for Marked {
    fn from_project(_project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self)
    }
}

#[async_trait]
impl Middleware for Marked {
    async fn handle(&self, mut request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        request.extensions_mut().insert(Arc::new("a tenant"));
        let response = next.run(request).await;
        Ok(response.with_header("x-marked", "yes")?)
    }
}

#[tokio::test]
async fn layers_see_the_page_and_handlers_what_layers_said() {
    let (_folder, site) = site(&[]);
    let site = site.middleware(MiddlewareDef::of::<Marked>("tests.marked")).handler404(
        async |request: HttpRequest, _error: Error| {
            let tenant = request.extensions().get::<Arc<&str>>();
            Ok(HttpResponse::text(format!("{tenant:?}")).with_status(StatusCode::NOT_FOUND))
        },
    );
    let client = client(site).setting("MIDDLEWARE", ["tests.marked"]).build().await.unwrap();
    let response = client.get("/nowhere/").await.unwrap();
    assert_eq!((&*response.text(), response.header("x-marked")), ("Some(\"a tenant\")", Some("yes")));
}
