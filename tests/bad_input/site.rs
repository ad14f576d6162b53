//! A small site with sessions, asked with whatever bytes for a `Cookie` header.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE, VARY};
use http::{HeaderValue, Request};
use http_body_util::Full;
use nuages::conf::source::SettingsSource;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;
use nuages::site::Built;

async fn untouched(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

/// What the session holds, or `nobody`.
async fn read(request: HttpRequest) -> Result<HttpResponse> {
    let dict = request.session.dict().await?;
    Ok(HttpResponse::text(if dict.is_empty() { "nobody".to_owned() } else { serde_json::to_string(&dict)? }))
}

async fn set(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Ok(HttpResponse::text("set"))
}

async fn logout(request: HttpRequest) -> Result<HttpResponse> {
    request.session.flush().await?;
    Ok(HttpResponse::text("bye"))
}

async fn expiry(request: HttpRequest) -> Result<HttpResponse> {
    let age = request.session.get_expiry_age().await;
    let date = request.session.get_expiry_date().await;
    Ok(HttpResponse::text(format!("{} {}", age.is_ok(), date.is_ok())))
}

/// The site, on an empty database in memory.
pub(crate) struct Asked {
    pub(crate) built: Built,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// The `Set-Cookie` of the session.
    pub(crate) cookie: Option<String>,
    pub(crate) varies: bool,
}

impl Answer {
    /// The key in the cookie that was set, if one was.
    pub(crate) fn key(&self) -> Option<&str> {
        self.cookie.as_deref()?.strip_prefix("sessionid=")?.split(';').next().filter(|key| *key != "\"\"")
    }

    /// Whether the cookie was taken back.
    pub(crate) fn is_deletion(&self) -> bool {
        self.cookie
            .as_deref()
            .is_some_and(|cookie| cookie.starts_with("sessionid=\"\"; ") && cookie.contains("Max-Age=0"))
    }
}

impl Asked {
    /// With these settings besides the necessary ones.
    pub(crate) async fn new(settings: &str) -> Self {
        let settings = format!(
            r#"SECRET_KEY = "a key for tests alone"
            ALLOWED_HOSTS = ["localhost"]
            INSTALLED_APPS = ["django.contrib.sessions"]
            MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
            {settings}
            [DATABASES.default]
            ENGINE = "django.db.backends.sqlite3"
            NAME = ":memory:""#
        );
        let urls = urls![
            path("untouched/", untouched),
            path("read/", read),
            path("set/", set),
            path("logout/", logout),
            path("expiry/", expiry),
        ];
        let source = SettingsSource::text("settings.toml", settings);
        let built = Site::new("no-such-folder")
            .urls(urls)
            .build(&source)
            .unwrap_or_else(|faults| panic!("{faults:#?}"));
        let database = built.project.db().unwrap();
        create_and_migrate(database, built.project.migrations(), Timestamp::now, |_| Ok(())).await.unwrap();
        Self { built }
    }

    pub(crate) fn project(&self) -> &Project {
        &self.built.project
    }

    /// A GET with these `Cookie` headers. Whatever comes back keeps the rule of CVE-2026-35192: a response that sets or
    /// deletes the session's cookie says `Vary: Cookie`.
    pub(crate) async fn get(&self, path: &str, cookies: &[&[u8]]) -> Answer {
        let mut request =
            Request::get(path).header("host", "localhost").body(Full::<Bytes>::default()).unwrap();
        for cookie in cookies {
            request
                .headers_mut()
                .append(COOKIE, HeaderValue::from_bytes(cookie).expect("a header can hold it"));
        }
        let (head, body) = request.into_parts();
        let response =
            self.built.onion.respond(HttpRequest::new(head, body, Arc::clone(&self.built.project))).await;
        let body =
            response.content().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
        let response = response.into_http();
        let lines: Vec<String> = response
            .headers()
            .get_all(SET_COOKIE)
            .into_iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        assert!(lines.len() <= 1, "{lines:?}");
        let varies = response.headers().get(VARY).is_some_and(|vary| vary == "Cookie");
        assert!(varies || lines.is_empty(), "{path} {lines:?} without Vary: Cookie");
        Answer { status: response.status(), body, cookie: lines.into_iter().next(), varies }
    }

    /// The same with a session cookie of that value.
    pub(crate) async fn get_as(&self, path: &str, key: &str) -> Answer {
        self.get(path, &[format!("sessionid={key}").as_bytes()]).await
    }

    /// A visitor's key, with `name` set.
    pub(crate) async fn known(&self) -> String {
        self.get("/set/", &[]).await.key().unwrap().to_owned()
    }
}
