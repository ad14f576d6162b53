//! The pages as a visitor gets them.

use std::fs;

use crate::prelude::*;
use crate::test::client::Client;
use crate::test::multipart::FormFile;
use crate::test::response::TestResponse;

/// Put together here, because the pages show this file's lines.
fn secret() -> String {
    ["hunt", "er2"].concat()
}

#[derive(Debug, thiserror::Error)]
#[error("the <wheel> came off")]
struct Wheel(#[source] std::num::ParseIntError);

fn roll() -> Result<u8> {
    let number: Result<u8, _> = "many".parse();
    Ok(number.map_err(Wheel)?)
}

async fn broken(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST && request.header("x-unread").is_none() {
        request.post().await?;
    }
    roll()?;
    Ok(HttpResponse::new(""))
}

async fn remembers(request: HttpRequest) -> Result<HttpResponse> {
    let secret = secret();
    request.session.set("colour", "blue").await?;
    let nested =
        serde_json::json!({"user": {"name": "Ada", "api_key": secret}, "all": [[{"password": secret}]]});
    request.session.set("login", nested).await?;
    request.session.set("token", secret).await?;
    Err(Error::internal("it remembers"))
}

async fn gone(_request: HttpRequest) -> Result<HttpResponse> {
    Err(Error::not_found("no <such> book"))
}

async fn page(request: HttpRequest, name: String) -> Result<HttpResponse> {
    render(&request, &name, context! {}).await
}

async fn client(settings: &[(&str, toml::Value)], folder: &str) -> Client {
    let site = Site::new(folder).urls(urls![
        path("broken/", broken).name("broken"),
        path("decorated/", crate::decorators::cache::never_cache(broken)),
        path("remembers/", remembers),
        path("gone/", gone),
        path("page/<name>/", page),
    ]);
    let mut builder = Client::builder(site)
        .setting("DEBUG", true)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"]);
    for (name, value) in settings {
        builder = builder.setting(name, value.clone());
    }
    let client = builder.build().await.unwrap();
    client.raise(false);
    client
}

/// What stands in the section of that title.
fn section(response: &TestResponse, title: &str) -> String {
    let text = response.text();
    let (_, after) =
        text.split_once(&format!("<h2>{title}</h2>")).unwrap_or_else(|| panic!("no {title}: {text}"));
    after.split("<h2>").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_failure_is_shown_with_its_causes_its_source_and_its_calls() {
    let client = client(&[], env!("CARGO_MANIFEST_DIR")).await;
    for url in ["/broken/", "/decorated/"] {
        let page = client.get(url).await.unwrap();
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (500, Some("text/html; charset=utf-8"))
        );
        let text = page.text();
        assert!(
            text.contains("<pre>the &lt;wheel&gt; came off</pre>") && !text.contains("<wheel>"),
            "{text}"
        );
        assert!(text.contains(&format!("::Wheel <small>(500) at {url}</small>")), "{text}");
        assert!(section(&page, "Because of").contains("invalid digit found in string"), "{text}");
        let raised = section(&page, "Where it was raised");
        let here =
            raised.lines().find(|line| line.contains("class=\"here\"")).unwrap_or_else(|| panic!("{raised}"));
        assert!(here.ends_with("Ok(number.map_err(Wheel)?)</li>"), "{here}");
        assert!(raised.contains("fn roll() -&gt; Result&lt;u8&gt; {"), "{raised}");
        // Without RUST_BACKTRACE, too: the call of `roll` with its line.
        let calls = section(&page, "Called by, innermost first");
        assert!(calls.contains("<li class=\"here\"><span>28</span>    roll()?;</li>"), "{calls}");
        let during = "<dt>Raised during</dt><dd><code>nuages::middleware::technical::tests::broken</code>";
        assert!(text.contains(during), "{text}");
    }
}

#[tokio::test]
async fn without_debug_nothing_is_shown_and_no_call_is_noted() {
    let client = client(&[("DEBUG", false.into())], env!("CARGO_MANIFEST_DIR")).await;
    let page = client.get("/broken/").await.unwrap();
    assert_eq!(page.status, 500);
    assert!(!page.text().contains("wheel") && page.body.len() < 500, "{}", page.text());
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        let Err(Error::Internal(inner)) = roll() else { panic!("it rolls") };
        assert!(inner.backtrace().is_none());
    }
}

#[tokio::test]
async fn the_form_that_was_read_is_shown_without_its_secrets() {
    let client = client(&[], env!("CARGO_MANIFEST_DIR")).await;
    let secret = secret();
    let page = client.post("/broken/").form([("book", "<i>"), ("password", &secret)]).await.unwrap();
    let post = section(&page, "POST");
    assert!(post.contains("<th>book</th><td><pre>&lt;i&gt;</pre>"), "{post}");
    assert!(post.contains("<th>password</th><td><pre>*****"), "{post}");
    assert!(section(&page, "FILES").contains("Nothing."));
    assert!(!page.text().contains(&secret));

    let file = FormFile::new("cover.png", secret.as_bytes());
    let page = client.post("/broken/").multipart([("book", "x")], [("cover", file)]).await.unwrap();
    assert!(
        section(&page, "FILES").contains("<th>cover</th><td><pre>cover.png, 7 bytes</pre>"),
        "{}",
        page.text()
    );
    assert!(section(&page, "POST").contains("<th>book</th>") && !page.text().contains(&secret));

    // The page itself reads nothing.
    let unread = client.post("/broken/").header("x-unread", "1").form([("book", "x")]).await.unwrap();
    assert!(section(&unread, "POST").contains("The form was not read."), "{}", unread.text());
    assert!(!client.get("/broken/").await.unwrap().text().contains("<h2>POST</h2>"));
}

#[tokio::test]
async fn the_session_is_shown_without_its_secrets() {
    let client = client(&[], env!("CARGO_MANIFEST_DIR")).await;
    let page = client.get("/remembers/").await.unwrap();
    let session = section(&page, "Session");
    assert!(session.contains("<th>colour</th><td><pre>&#x27;blue&#x27;</pre>"), "{session}");
    assert!(session.contains("Ada") && session.contains("<th>token</th>"), "{session}");
    assert_eq!(session.matches("********************").count(), 3, "{session}");
    assert!(!page.text().contains(&secret()));
    assert!(section(&client.get("/broken/").await.unwrap(), "Session").contains("It was not loaded."));
}

#[tokio::test]
async fn the_page_of_a_404_says_what_was_tried() {
    for script in [None, Some("/mounted")] {
        let settings: Vec<_> = script.map(|name| ("FORCE_SCRIPT_NAME", name.into())).into_iter().collect();
        let client = client(&settings, env!("CARGO_MANIFEST_DIR")).await;
        let page = client.get("/nothing/%3Ci%3E/").await.unwrap();
        let text = page.text();
        assert_eq!(page.status, 404);
        assert!(
            text.contains("<h1>Page not found <small>(404) at /nothing/&lt;i&gt;/</small>"),
            "{script:?} {text}"
        );
        assert!(text.contains("<li><code>broken/</code> <i>[name='broken']</i></li>"), "{text}");
        assert!(
            text.contains("<code>nothing/&lt;i&gt;/</code>, didn’t match any of these"),
            "{script:?} {text}"
        );
        let url = format!("http://testserver{}/nothing/%3Ci%3E/", script.unwrap_or_default());
        assert!(text.contains(&format!("<dd><code>{url}</code>")), "{text}");
        assert!(!text.contains("Raised during"), "{text}");

        let page = client.get("/gone/").await.unwrap();
        let text = page.text();
        assert!(text.contains("no &lt;such&gt; book"), "{text}");
        assert!(
            text.contains("<code>gone/</code>, matched one of these, and its view says"),
            "{script:?} {text}"
        );
        assert!(
            text.contains(
                "<dt>Raised during</dt><dd><code>nuages::middleware::technical::tests::gone</code>"
            ),
            "{text}"
        );
        // Whatever the client takes, as in Django.
        let json = client.get("/gone/").header("accept", "application/json").await.unwrap();
        assert_eq!(
            (json.status.as_u16(), json.header("content-type")),
            (404, Some("text/html; charset=utf-8"))
        );
    }
}

#[tokio::test]
async fn a_script_gets_text() {
    let client = client(&[], env!("CARGO_MANIFEST_DIR")).await;
    let secret = secret();
    let page = client
        .get("/broken/")
        .header("accept", "application/json")
        .header("x-api-key", &secret)
        .await
        .unwrap();
    assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("::Wheel at /broken/\nthe <wheel> came off\nbecause of: invalid digit"), "{text}");
    assert!(text.contains("\nRequest Method: GET\nRequest URL: http://testserver/broken/\n"), "{text}");
    assert!(text.contains("\nRaised during: nuages::middleware::technical::tests::broken\n"), "{text}");
    let marked = text.lines().find(|line| line.starts_with('>')).unwrap();
    assert!(marked.ends_with("|     Ok(number.map_err(Wheel)?)"), "{marked}");
    let (_, calls) = text.split_once("\nBacktrace (innermost first):\n").unwrap();
    assert!(calls.starts_with("  nuages::middleware::technical::tests::roll\n    at "), "{calls}");
    assert!(!text.contains(&secret) && text.contains("  x-api-key: *****"), "{text}");
}

#[tokio::test]
async fn templates_are_shown_whatever_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    fs::create_dir(&templates).unwrap();
    fs::write(templates.join("a.html"), "one\n{{ nope }}\nthree").unwrap();
    let dirs: toml::Value =
        toml::toml! { list = [{ BACKEND = "nuages.template.backends.tera.Tera", DIRS = ["templates"] }] }
            .remove("list")
            .unwrap();
    let client = client(&[("TEMPLATES", dirs)], folder.path().to_str().unwrap()).await;
    let page = client.get("/page/a.html/").await.unwrap();
    let shown = section(&page, "In the template");
    assert!(shown.contains("a.html</code>, line 2") && shown.contains("three</li>"), "{}", page.text());

    let page = client.get("/page/b.html/").await.unwrap();
    let tried = section(&page, "Where the template was looked for");
    assert!(tried.contains("templates/b.html</code>"), "{}", page.text());

    // Changed since, so that they do not compile.
    fs::write(templates.join("c.html"), "first\nsecond {% if %}\nthird").unwrap();
    let page = client.get("/page/a.html/").await.unwrap();
    let shown = section(&page, "In the template");
    assert!(shown.contains("c.html</code>, line 2"), "{}", page.text());
    assert!(shown.contains("<li class=\"here\"><span>2</span>second {% if %}</li>"), "{shown}");
}
