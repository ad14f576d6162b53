//! The test client, on a site that shows each of its sides.
#![allow(missing_docs, reason = "tests")]

use nuages::prelude::*;
use nuages::shortcuts::redirect;
use nuages::test::client::Client;
use nuages::test::error::ClientError;

async fn show(request: HttpRequest) -> Result<HttpResponse> {
    let body = request.body().await?;
    let header =
        |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    HttpResponse::json(&serde_json::json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "query": request.uri().query(),
        "type": header("content-type"),
        "length": header("content-length"),
        "x": header("x-test"),
        "cookie": header("cookie"),
        "body": String::from_utf8_lossy(&body),
        "host": request.get_host()?,
        "secure": request.is_secure(),
    }))
}

async fn form(request: HttpRequest) -> Result<HttpResponse> {
    let post = request.post().await?;
    Ok(HttpResponse::text(post.getlist("word").join("+")))
}

async fn cookies(_request: HttpRequest) -> Result<HttpResponse> {
    let mut response = HttpResponse::text("set");
    response.set_cookie(SetCookie::new("kept", "1").max_age(60))?;
    response.set_cookie(SetCookie::new("below", "2").path("/show/"))?;
    response.set_cookie(SetCookie::new("secret", "3").secure(true))?;
    response.delete_cookie("gone")?;
    Ok(response)
}

async fn hop(request: HttpRequest, left: u32) -> Result<HttpResponse> {
    let to = if left == 0 { "/show/".to_owned() } else { format!("/hop/{}/", left - 1) };
    redirect(&request, to)
}

async fn again(request: HttpRequest) -> Result<HttpResponse> {
    redirect(&request, "/again/")
}

async fn repeat(_request: HttpRequest) -> Result<HttpResponse> {
    HttpResponse::redirect_with(StatusCode::TEMPORARY_REDIRECT, "https://www.testserver/show/?a=b")
}

async fn broken(_request: HttpRequest) -> Result<HttpResponse> {
    Err(Error::internal("the wheel came off"))
}

async fn panics(_request: HttpRequest) -> Result<HttpResponse> {
    panic!("the axle broke")
}

async fn visits(request: HttpRequest) -> Result<HttpResponse> {
    let count = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok(HttpResponse::text(count.to_string()))
}

fn site() -> Site {
    Site::new("no-such-folder").urls(urls![
        path("show/", show),
        path("form/", form),
        path("cookies/", cookies),
        path("hop/<int:left>/", hop),
        path("again/", again),
        path("repeat/", repeat),
        path("broken/", broken),
        path("panics/", panics),
        path("visits/", visits),
    ])
}

async fn client() -> Client {
    Client::builder(site())
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("ALLOWED_HOSTS", [".testserver"])
        .setting("SESSION_COOKIE_AGE", 60)
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_request_is_what_was_asked_for() {
    let client = client().await;
    client.always("x-test", "always").unwrap();
    let shown =
        |response: nuages::test::response::TestResponse| response.json::<serde_json::Value>().unwrap();
    let got = shown(client.get("/show/?a=1").query("b", "x y").query("c", 3).await.unwrap());
    assert_eq!(got["query"], "a=1&b=x+y&c=3");
    assert_eq!(
        (&got["method"], &got["host"], &got["x"]),
        (&"GET".into(), &"testserver".into(), &"always".into())
    );
    assert_eq!((&got["length"], &got["secure"]), (&"-".into(), &false.into()));
    let got = shown(
        client.put("https://www.testserver/show/").json(&[1, 2]).header("x-test", "once").await.unwrap(),
    );
    assert_eq!((&got["body"], &got["type"]), (&"[1,2]".into(), &"application/json".into()));
    assert_eq!(
        (&got["host"], &got["secure"], &got["x"]),
        (&"www.testserver".into(), &true.into(), &"once".into())
    );
    for (request, method) in [
        (client.post("/show/"), "POST"),
        (client.patch("/show/"), "PATCH"),
        (client.delete("/show/"), "DELETE"),
        (client.options("/show/"), "OPTIONS"),
        (client.trace("/show/"), "TRACE"),
    ] {
        assert_eq!(shown(request.await.unwrap())["method"], method);
    }
    let response = client.post("/form/").form([("word", "a&b"), ("word", "ü")]).await.unwrap();
    assert_eq!(response.text(), "a&b+ü");
    let missing = client.get("//evil.example/show/").await.unwrap();
    assert_eq!(
        (missing.status, &*missing.url),
        (StatusCode::NOT_FOUND, "http://testserver//evil.example/show/")
    );
    assert!(matches!(client.get("/show/").header("x", "a\nb").await, Err(ClientError::Request { .. })));
}

#[tokio::test]
async fn cookies_go_where_a_browser_sends_them() {
    let client = client().await;
    client.cookies().set("gone", "0", "testserver");
    let response = client.get("/cookies/").await.unwrap();
    assert_eq!(response.cookie("kept").unwrap().max_age(), Some(time::Duration::seconds(60)));
    assert_eq!(response.cookies().count(), 4);
    let sent = |url: &'static str| {
        let client = client.clone();
        async move { client.get(url).await.unwrap().json::<serde_json::Value>().unwrap()["cookie"].clone() }
    };
    // As Django's client, a visitor has cookies that are `Secure` over `http:`, too.
    assert_eq!(sent("/show/").await, "below=2; kept=1; secret=3");
    assert_eq!(sent("https://testserver/show/").await, "below=2; kept=1; secret=3");
    assert_eq!(sent("http://www.testserver/show/").await, "-");
    assert_eq!(client.new_visitor().cookies().iter().count(), 0);
}

#[tokio::test]
async fn redirects_are_followed_when_asked_and_never_for_ever() {
    let client = client().await;
    let response = client.get("/hop/2/").await.unwrap();
    assert_eq!((response.status.as_u16(), response.location()), (302, Some("/hop/1/")));
    let response = client.post("/hop/2/").form([("a", "b")]).follow(true).await.unwrap();
    let chain: Vec<&str> = response.redirect_chain.iter().map(|step| step.url.as_str()).collect();
    assert_eq!(chain, ["/hop/1/", "/hop/0/", "/show/"]);
    let shown = response.json::<serde_json::Value>().unwrap();
    assert_eq!((&shown["method"], &shown["body"], &shown["type"]), (&"GET".into(), &"".into(), &"-".into()));
    let response = client.post("/repeat/").form([("a", "b")]).follow(true).await.unwrap();
    assert_eq!(response.url, "https://www.testserver/show/?a=b");
    let shown = response.json::<serde_json::Value>().unwrap();
    assert_eq!(
        (&shown["method"], &shown["body"], &shown["secure"]),
        (&"POST".into(), &"a=b".into(), &true.into())
    );
    assert!(
        matches!(client.get("/again/").follow(true).await, Err(ClientError::RedirectLoop(chain)) if chain.len() == 2)
    );
    assert!(
        matches!(client.get("/hop/30/").follow(true).await, Err(ClientError::TooManyRedirects(chain)) if chain.len() == 21)
    );
}

#[tokio::test]
async fn what_fails_inside_is_raised_unless_told_otherwise() {
    let client = client().await;
    for (url, reason) in [("/broken/", "the wheel came off"), ("/panics/", "the axle broke")] {
        match client.get(url).await {
            Err(ClientError::Raised { reason: got, .. }) => assert!(got.contains(reason), "{got}"),
            other => panic!("{other:?}"),
        }
        let response = client.new_visitor().raise(false).get(url).await.unwrap();
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.text().contains(reason), "{}", response.text());
    }
    let faulty = Client::builder(site()).setting("SESSION_COOKIE_AGES", 60).build().await;
    assert!(
        matches!(faulty, Err(ClientError::Site(faults)) if faults[0].message.contains("SESSION_COOKIE_AGES"))
    );
}

#[tokio::test]
async fn the_session_can_be_prepared_and_looked_into() {
    let client = client().await;
    let session = client.session().await.unwrap();
    session.set("visits", 41).await.unwrap();
    session.save().await.unwrap();
    let response = client.get("/visits/").await.unwrap();
    assert_eq!(response.text(), "42");
    assert_eq!(response.cookie("sessionid").unwrap().max_age(), Some(time::Duration::seconds(60)));
    assert_eq!(client.session().await.unwrap().get::<u64>("visits").await.unwrap(), Some(42));
    // One visitor's requests at once: none of their changes is lost.
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/visits/").await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status, StatusCode::OK);
    }
    assert_eq!(client.session().await.unwrap().get::<u64>("visits").await.unwrap(), Some(62));
    assert_eq!(client.new_visitor().get("/visits/").await.unwrap().text(), "1");
}

#[tokio::test]
async fn forms_with_files_and_what_was_rendered() {
    use nuages::test::multipart::FormFile;

    async fn echo(request: HttpRequest) -> Result<HttpResponse> {
        let kind = request.content_type().to_owned();
        let body = request.body().await?;
        Ok(HttpResponse::text(format!("{kind} {}", String::from_utf8_lossy(&body))))
    }
    async fn page(request: HttpRequest) -> Result<HttpResponse> {
        render(&request, "page.html", context! { tune: "Nuages", year: 1940 }).await
    }
    async fn away(request: HttpRequest) -> Result<HttpResponse> {
        redirect(&request, "/page/?from=away")
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for (name, text) in [
        ("base.html", "<h1>{% block x %}{% endblock %}</h1>"),
        ("part.html", "{{ year }}"),
        (
            "page.html",
            "{% extends 'base.html' %}{% block x %}{{ tune }} {{ tune }} {% include 'part.html' %}{% endblock %}",
        ),
        ("other.html", ""),
    ] {
        std::fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let site =
        Site::new(folder.path()).urls(urls![path("echo/", echo), path("page/", page), path("away/", away)]);
    let client = Client::new(site).await.unwrap();

    let form = client.post("/echo/").multipart([("n", 1)], [("f", FormFile::new("a.txt", "content"))]);
    let response = form.await.unwrap();
    response
        .assert_contains("multipart/form-data")
        .assert_contains("filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\ncontent");

    let response = client.get("/page/").await.unwrap();
    response
        .assert_contains("Nuages")
        .assert_contains_times("Nuages", 2, StatusCode::OK)
        .assert_not_contains("Minor");
    assert_eq!(response.templates().collect::<Vec<_>>(), ["base.html", "page.html", "part.html"]);
    response.assert_template_used("part.html").assert_template_not_used("other.html");
    assert_eq!(
        (response.context::<String>("tune").as_deref(), response.context::<u32>("year")),
        (Some("Nuages"), Some(1940))
    );
    assert_eq!(response.context::<u32>("tune"), None);

    client.get("/away/").await.unwrap().assert_redirects("/page/?from=away");
    let followed = client.get("/away/").follow(true).await.unwrap();
    followed.assert_redirects("/page/?from=away").assert_contains("1940");
    assert_eq!((followed.path().as_str(), followed.redirect_chain.len()), ("/page/", 1));
    let plain = client.get("/page/").await.unwrap();
    let wrong =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plain.assert_redirects("/page/").status));
    assert!(wrong.is_err());
    let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        plain.assert_contains("Minor Swing").status
    }));
    assert!(wrong.is_err());
}

/// Whatever renders a template: the page, a text beside it, a template without a request, the page of an error, a body that streams.
#[tokio::test]
async fn every_template_is_seen() {
    async fn letter(request: HttpRequest) -> Result<HttpResponse> {
        let text = render_to_string(&request, "letter.txt", context! { to: "Sonam" }).await?;
        let signed = request.project().templates().render("signature.txt", context! { by: "Django" })?;
        HttpResponse::json(&(text, signed))
    }
    async fn slow(request: HttpRequest) -> Result<HttpResponse> {
        let once = futures_util::stream::once(async move {
            request.project().templates().render("signature.txt", context! { by: "Stéphane" })
        });
        Ok(HttpResponse::streaming(once))
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for (name, text) in [
        ("letter.txt", "Dear {{ to }}"),
        ("signature.txt", "Yours, {{ by }}"),
        ("404.html", "{{ request_path }}"),
    ] {
        std::fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let site = Site::new(folder.path()).urls(urls![path("letter/", letter), path("slow/", slow)]);
    let client = Client::new(site).await.unwrap();

    let response = client.get("/letter/").await.unwrap();
    response.assert_template_used("letter.txt").assert_template_used("signature.txt");
    assert_eq!(response.templates().collect::<Vec<_>>(), ["letter.txt", "signature.txt"]);
    assert_eq!(
        (response.context::<String>("to").as_deref(), response.context::<String>("by").as_deref()),
        (Some("Sonam"), Some("Django"))
    );
    let (one, other) = tokio::join!(client.get("/slow/"), client.get("/nowhere/"));
    let (one, other) = (one.unwrap(), other.unwrap());
    one.assert_contains("Yours, Stéphane")
        .assert_template_used("signature.txt")
        .assert_template_not_used("404.html");
    other
        .assert_status(StatusCode::NOT_FOUND)
        .assert_template_used("404.html")
        .assert_template_not_used("signature.txt");
    assert_eq!(other.context::<String>("request_path").as_deref(), Some("/nowhere/"));
}

/// Whether the assertion fails.
fn fails<T>(assertion: impl FnOnce() -> T) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(assertion)).is_err()
}

#[tokio::test]
async fn what_has_no_body_on_the_wire_has_none_here() {
    async fn says(_request: HttpRequest, status: u16) -> Result<HttpResponse> {
        Ok(HttpResponse::text("words").with_status(StatusCode::from_u16(status)?))
    }
    let site = Site::new("no-such-folder").urls(urls![path("<int:status>/", says)]);
    let client = Client::new(site).await.unwrap();
    for (status, text) in [(200, "words"), (204, ""), (304, ""), (404, "words")] {
        let url = format!("/{status}/");
        assert_eq!(client.get(&url).await.unwrap().text(), text, "{status}");
        assert_eq!(client.head(&url).await.unwrap().text(), "", "{status}");
    }
}

#[tokio::test]
async fn requests_are_put_together_as_they_are_wanted() {
    let client = client().await;
    let request = client
        .get("https://testserver/show/?a=1")
        .append_header("x-test", "one")
        .append_header("x-test", "two")
        .remote_addr([203, 0, 113, 7])
        .build()
        .unwrap();
    assert_eq!(request.remote_addr().unwrap().ip().to_string(), "203.0.113.7");
    assert!(request.is_secure() && request.header("x-test") == Some("one,two"));
    let shown: serde_json::Value =
        serde_json::from_slice(show(request).await.unwrap().content().unwrap()).unwrap();
    assert_eq!((&shown["x"], &shown["query"]), (&"one,two".into(), &"a=1".into()));
    // Each line of a header by that name goes over that of every request.
    client.always("x-test", "always").unwrap();
    let sent = client.get("/show/").append_header("x-test", "more").await.unwrap();
    assert_eq!(sent.json::<serde_json::Value>().unwrap()["x"], "always,more");
    assert!(client.get("http://[/").build().is_err());
    // A view alone, with a session.
    let mut request = client.get("/visits/").build().unwrap();
    request.session = client.session().await.unwrap();
    assert_eq!(visits(request).await.unwrap().content().unwrap(), "1");
}

#[tokio::test]
async fn a_response_knows_its_request_and_route() {
    let client = client().await;
    let response = client.get("/hop/0/").follow(true).await.unwrap();
    assert_eq!(response.request().path(), "/show/");
    assert_eq!(response.resolver_match().unwrap().route(), "show/");
    let response = client.get("/hop/3/").await.unwrap();
    assert_eq!(response.resolver_match().unwrap().kwargs(), [("left", 3.into())]);
    assert!(client.get("/nowhere/").await.unwrap().resolver_match().is_none());
    // HEAD goes on as GET, as Django's client does.
    let response = client.head("/hop/0/").follow(true).await.unwrap();
    assert_eq!(response.json::<serde_json::Value>().unwrap()["method"], "GET");
}

#[tokio::test]
async fn redirects_are_compared_and_fetched() {
    async fn away(request: HttpRequest) -> Result<HttpResponse> {
        redirect(&request, "/there/?b=2&a=1&a=0#end")
    }
    async fn lost(request: HttpRequest) -> Result<HttpResponse> {
        redirect(&request, "/nowhere/")
    }
    async fn there(_request: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("there"))
    }
    let site = Site::new("no-such-folder").urls(urls![
        path("away/", away),
        path("lost/", lost),
        path("there/", there)
    ]);
    let client = Client::new(site).await.unwrap();
    let response = client.get("/away/").await.unwrap();
    response.assert_redirects("/there/?b=2&a=1&a=0#end").assert_redirects("/there/?a=0&a=1&b=2#end");
    for other in ["/there/?a=1&b=2#end", "/there/?b=2&a=1&a=0", "/there/", "/away/?b=2&a=1&a=0#end"] {
        assert!(fails(|| response.assert_redirects(other).status), "{other}");
    }
    client.fetch_redirect(&response).await.unwrap().assert_contains("there");
    let lost = client.get("/lost/").await.unwrap();
    lost.assert_redirects("/nowhere/");
    client.fetch_redirect(&lost).await.unwrap().assert_status(StatusCode::NOT_FOUND);
    assert!(matches!(
        client.fetch_redirect(&client.get("/there/").await.unwrap()).await,
        Err(ClientError::Request { .. })
    ));
    // When it was followed, the page must be there, too.
    let followed = client.get("/lost/").follow(true).await.unwrap();
    assert!(fails(|| followed.assert_redirects("/nowhere/").status));
    followed.assert_redirects_with("/nowhere/", StatusCode::FOUND, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_response_says_is_compared() {
    async fn page(_request: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::new("<ul class='a b'>\n<li>tea</li> <li>milk</li></ul>"))
    }
    async fn data(_request: HttpRequest) -> Result<HttpResponse> {
        HttpResponse::json(&serde_json::json!({"b": [1, 2], "a": null}))
    }
    async fn gone(_request: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("it went").with_status(StatusCode::GONE))
    }
    let site = Site::new("no-such-folder").urls(urls![
        path("page/", page),
        path("data/", data),
        path("gone/", gone)
    ]);
    let client = Client::new(site).await.unwrap();
    let page = client.get("/page/").await.unwrap();
    page.assert_contains_html("<li>tea</li><li>milk</li>")
        .assert_contains_html("<ul class=\"b a\"><li>tea</li><li>milk</li></ul>");
    assert!(fails(|| page.assert_contains_html("<li>coffee</li>").status));
    let data = client.get("/data/").await.unwrap();
    data.assert_json_equal(&serde_json::json!({"a": null, "b": [1, 2]}));
    assert!(fails(|| data.assert_json_equal(&serde_json::json!({"b": [2, 1], "a": null})).status));
    assert!(fails(|| page.assert_json_equal("<ul>").status));
    let gone = client.get("/gone/").await.unwrap();
    gone.assert_contains_with("went", StatusCode::GONE).assert_not_contains_with("came", StatusCode::GONE);
    assert!(fails(|| gone.assert_contains("went").status));
    assert!(fails(|| gone.assert_not_contains("came").status));
    assert!(fails(|| gone.assert_not_contains_with("went", StatusCode::GONE).status));
}

#[tokio::test]
async fn templates_are_counted() {
    async fn page(request: HttpRequest) -> Result<HttpResponse> {
        let row = render_to_string(&request, "row.html", context! {}).await?;
        let other = render_to_string(&request, "row.html", context! {}).await?;
        Ok(HttpResponse::new(row + &other))
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("templates/row.html"), "row").unwrap();
    let client = Client::new(Site::new(folder.path()).urls(urls![path("page/", page)])).await.unwrap();
    let response = client.get("/page/").await.unwrap();
    response.assert_template_used_times("row.html", 2).assert_template_used_times("page.html", 0);
    assert!(fails(|| response.assert_template_used_times("row.html", 1).status));
}

#[tokio::test]
async fn messages_that_wait_are_seen_and_wait_on() {
    async fn save(request: HttpRequest, many: usize) -> Result<HttpResponse> {
        for number in 0..many {
            // More than a cookie holds goes into the session.
            nuages::contrib::messages::success(&request, format!("{number}: {}", "saved ".repeat(50)))?;
        }
        redirect(&request, "/list/")
    }
    async fn list(request: HttpRequest) -> Result<HttpResponse> {
        let messages = nuages::contrib::messages::get_messages(&request).read().await?;
        Ok(HttpResponse::text(messages.len().to_string()))
    }
    for storage in ["fallback.FallbackStorage", "cookie.CookieStorage", "session.SessionStorage"] {
        let site =
            Site::new("no-such-folder").urls(urls![path("save/<int:many>/", save), path("list/", list)]);
        let client = Client::builder(site)
            .setting("INSTALLED_APPS", ["django.contrib.sessions", "django.contrib.messages"])
            .setting(
                "MIDDLEWARE",
                [
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware",
                ],
            )
            .setting("MESSAGE_STORAGE", format!("django.contrib.messages.storage.{storage}"))
            .build()
            .await
            .unwrap();
        assert!(client.messages().await.unwrap().is_empty());
        let many = if storage.starts_with("cookie") { 2 } else { 40 };
        client.get(&format!("/save/{many}/")).await.unwrap();
        for _ in 0..2 {
            let messages = client.messages().await.unwrap();
            assert_eq!(messages.len(), many, "{storage}");
            assert!(messages[1].text().starts_with("1: saved") && messages[1].level_tag() == "success");
        }
        assert_eq!(client.get("/list/").await.unwrap().text(), many.to_string(), "{storage}");
        assert!(client.messages().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_prepared_session_reaches_the_site_on_every_engine() {
    for engine in ["db", "cache", "signed_cookies"] {
        let client = Client::builder(site())
            .setting("INSTALLED_APPS", ["django.contrib.sessions"])
            .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
            .setting("SESSION_ENGINE", format!("django.contrib.sessions.backends.{engine}"))
            .build()
            .await
            .unwrap();
        for before in [41_u64, 70] {
            let session = client.session().await.unwrap();
            session.set("visits", before).await.unwrap();
            session.save().await.unwrap();
            assert_eq!(
                client.session().await.unwrap().get::<u64>("visits").await.unwrap(),
                Some(before),
                "{engine}"
            );
        }
        assert_eq!(client.get("/visits/").await.unwrap().text(), "71", "{engine}");
        // What the site has set since stays.
        assert_eq!(client.get("/visits/").await.unwrap().text(), "72", "{engine}");
        let found = client.session().await.unwrap().get::<u64>("visits").await.unwrap();
        assert_eq!(found, Some(72), "{engine}");
    }
}
