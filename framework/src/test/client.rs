//! The test client: a visitor who asks the site without a socket (Django 5.2 `test/client.py`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use time::OffsetDateTime;

use super::builder::ClientBuilder;
use super::cookie_jar::{CookieJar, Destination};
use super::error::{ClientError, Redirect};
use super::request::TestRequest;
use super::response::TestResponse;
use super::store_calls::StoreCalls;
use crate::conf::session::SessionSettings;
use crate::error::with_backtraces;
use crate::http::connection::Connection;
use crate::http::query_dict::QueryDict;
use crate::http::request::HttpRequest;
use crate::http::uri::{UriParts, iri_to_uri, join};
use crate::middleware::csrf::NotEnforced;
use crate::middleware::onion::Onion;
use crate::middleware::refusal::Raised;
use crate::project::Project;
use crate::session::handle::Session;
use crate::site::Site;
use crate::template::rendered::recording;

/// The name that the client asks the site under, unless a URL says another.
pub const SERVER_NAME: &str = "testserver";

const MAX_REDIRECTS: usize = 20;

/// A visitor: keeps cookies, follows redirects when told, and sees what went wrong inside.
///
/// A clone is the same visitor, so that requests can be under way at once; [`Client::new_visitor`] is another one of the same
/// site.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::test::client::Client;
///
/// async fn visits(request: HttpRequest) -> Result<HttpResponse> {
///     let count = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
///     Ok(HttpResponse::text(count.to_string()))
/// }
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let site = Site::new("no-such-folder").urls(urls![path("visits/", visits).name("visits")]);
/// let client = Client::builder(site)
///     .setting("INSTALLED_APPS", ["django.contrib.sessions"])
///     .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
///     .build()
///     .await?;
/// assert_eq!(client.get("/visits/").await?.text(), "1");
/// let response = client.get("/visits/").await?;
/// assert_eq!((response.status.as_u16(), &*response.text()), (200, "2"));
/// assert_eq!(client.session().await?.get::<u64>("visits").await?, Some(2));
/// assert_eq!(client.new_visitor().get("/visits/").await?.text(), "1");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    onion: Arc<Onion>,
    store_calls: StoreCalls,
    visitor: Arc<Visitor>,
}

#[derive(Debug)]
struct Visitor {
    /// Never locked across an await.
    jar: Mutex<CookieJar>,
    headers: Mutex<HeaderMap>,
    raise: AtomicBool,
    enforce_csrf_checks: AtomicBool,
}

impl Client {
    /// A visitor of the site, with the settings of a test: see [`ClientBuilder`].
    ///
    /// # Errors
    /// When the site cannot be built, or its database not be made ready.
    pub async fn new(site: Site) -> Result<Self, ClientError> {
        Self::builder(site).build().await
    }

    /// A visitor of the site under other settings.
    #[must_use]
    pub fn builder(site: Site) -> ClientBuilder {
        ClientBuilder::new(site)
    }

    pub(super) fn of(onion: Arc<Onion>, store_calls: StoreCalls) -> Self {
        let visitor = Visitor {
            jar: Mutex::default(),
            headers: Mutex::default(),
            raise: AtomicBool::new(true),
            enforce_csrf_checks: AtomicBool::new(false),
        };
        Self { onion, store_calls, visitor: Arc::new(visitor) }
    }

    /// Another visitor of the same site: no cookie, no header, and errors are raised.
    #[must_use]
    pub fn new_visitor(&self) -> Self {
        Self::of(Arc::clone(&self.onion), self.store_calls.clone())
    }

    /// What the site's session store was asked, by the names of [`SessionStore`](crate::session::store::SessionStore)'s methods,
    /// since this was last asked: by any visitor, and by the test itself.
    ///
    /// ```
    /// # fn example(client: nuages::test::client::Client) {
    /// assert_eq!(client.store_calls(), ["load", "update"]);
    /// # }
    /// # let _ = example;
    /// ```
    #[must_use]
    pub fn store_calls(&self) -> Vec<&'static str> {
        self.store_calls.take()
    }

    /// The site that is asked.
    #[must_use]
    pub fn project(&self) -> &Arc<Project> {
        self.onion.project()
    }

    /// Whether an error in a view or a middleware that would be answered 500 comes back as [`ClientError::Raised`] (Django's
    /// `raise_request_exception`; on at first), or as the response that a visitor would see.
    pub fn raise(&self, raise: bool) -> &Self {
        self.visitor.raise.store(raise, Ordering::Relaxed);
        self
    }

    /// Whether this visitor's forms need a CSRF token (off at first, as in Django).
    pub fn enforce_csrf_checks(&self, enforce: bool) -> &Self {
        self.visitor.enforce_csrf_checks.store(enforce, Ordering::Relaxed);
        self
    }

    /// Sends this header with every request of this visitor.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn always(&self, name: &str, value: &str) -> Result<&Self, ClientError> {
        let malformed = |source| ClientError::Request { url: String::new(), source };
        let name = http::HeaderName::try_from(name).map_err(|error| malformed(error.into()))?;
        let value = HeaderValue::try_from(value).map_err(|error| malformed(error.into()))?;
        lock(&self.visitor.headers).insert(name, value);
        Ok(self)
    }

    /// The visitor's cookies; let go of them before the next request.
    pub fn cookies(&self) -> MutexGuard<'_, CookieJar> {
        lock(&self.visitor.jar)
    }

    /// The visitor's session, to look into and to prepare. A visitor without one gets a new, empty one, already stored, and its
    /// cookie (Django's `client.session`). What is changed in it is stored with [`Session::save`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self) -> Result<Session, ClientError> {
        let project = self.project();
        let name = project.settings().section::<SessionSettings>().cookie_name.clone();
        let key = self.cookies().get(&name).map(|cookie| cookie.value.clone()).filter(|key| !key.is_empty());
        let session = project.sessions().session(key.as_deref());
        if key.is_none() {
            session.save().await.map_err(|error| ClientError::Session(error.into()))?;
            let key = session.session_key();
            self.cookies().set(name, key.as_ref().map_or("", |key| key.as_str()), SERVER_NAME);
        }
        Ok(session)
    }

    /// GET.
    pub fn get(&self, url: &str) -> TestRequest {
        self.request(Method::GET, url)
    }

    /// POST.
    pub fn post(&self, url: &str) -> TestRequest {
        self.request(Method::POST, url)
    }

    /// PUT.
    pub fn put(&self, url: &str) -> TestRequest {
        self.request(Method::PUT, url)
    }

    /// PATCH.
    pub fn patch(&self, url: &str) -> TestRequest {
        self.request(Method::PATCH, url)
    }

    /// DELETE.
    pub fn delete(&self, url: &str) -> TestRequest {
        self.request(Method::DELETE, url)
    }

    /// HEAD.
    pub fn head(&self, url: &str) -> TestRequest {
        self.request(Method::HEAD, url)
    }

    /// OPTIONS.
    pub fn options(&self, url: &str) -> TestRequest {
        self.request(Method::OPTIONS, url)
    }

    /// TRACE.
    pub fn trace(&self, url: &str) -> TestRequest {
        self.request(Method::TRACE, url)
    }

    /// Any method. The URL is a path with or without a query, of `http://testserver`, or a whole URL whose scheme (`https:`
    /// is a secure request) and host count.
    pub fn request(&self, method: Method, url: &str) -> TestRequest {
        TestRequest {
            client: self.clone(),
            method,
            url: url.to_owned(),
            query: QueryDict::new(),
            headers: lock(&self.visitor.headers).clone(),
            body: Bytes::new(),
            follow: false,
            fault: None,
        }
    }

    pub(super) async fn send(&self, mut request: TestRequest) -> Result<TestResponse, ClientError> {
        if let Some(fault) = request.fault.take() {
            return Err(fault);
        }
        let mut url = absolute(&request.url)?;
        let more = request.query.urlencode();
        if !more.is_empty() {
            url.query = if url.query.is_empty() { more } else { format!("{}&{more}", url.query) };
        }
        let mut chain: Vec<Redirect> = Vec::new();
        loop {
            let mut response = self.once(&request, &url).await?;
            let next =
                response.headers.get(LOCATION).filter(|_| request.follow && is_redirect(response.status));
            let Some(next) = next else {
                response.redirect_chain = chain;
                return Ok(response);
            };
            let to = String::from_utf8_lossy(next.as_bytes()).into_owned();
            let target = join(&url.unsplit(), &to).map_err(|error| malformed(&to, error.into()))?;
            let step = Redirect { url: to, status: response.status };
            let looped = chain.contains(&step);
            chain.push(step);
            // The first redirect of a page to itself is no loop yet: it may have set a cookie on the way.
            if looped {
                return Err(ClientError::RedirectLoop(chain));
            }
            if chain.len() > MAX_REDIRECTS {
                return Err(ClientError::TooManyRedirects(chain));
            }
            url = absolute(&target)?;
            let repeats =
                matches!(response.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !repeats {
                if request.method != Method::HEAD {
                    request.method = Method::GET;
                }
                request.body = Bytes::new();
                request.headers.remove(http::header::CONTENT_TYPE);
            }
        }
    }

    /// One request, without following.
    async fn once(&self, request: &TestRequest, url: &UriParts) -> Result<TestResponse, ClientError> {
        let shown = url.unsplit();
        let secure = url.scheme.eq_ignore_ascii_case("https");
        let (host, port) = match url.netloc.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
            _ => (url.netloc.as_str(), None),
        };
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        let path = if url.path.is_empty() { "/" } else { &url.path };
        let query = if url.query.is_empty() { String::new() } else { format!("?{}", url.query) };
        let target = iri_to_uri(&format!("{path}{query}")).into_owned();
        let to = Destination { host, path, secure };

        let mut head = Request::builder().method(request.method.clone()).uri(&target);
        if let Some(headers) = head.headers_mut() {
            let authority = HeaderValue::try_from(url.netloc.as_str());
            headers.insert(HOST, authority.map_err(|error| malformed(&shown, error.into()))?);
            if !request.body.is_empty() || request.headers.contains_key(http::header::CONTENT_TYPE) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
            }
            if let Some(cookies) = self.cookies().header(to, OffsetDateTime::now_utc()) {
                let cookies = HeaderValue::try_from(cookies);
                headers.insert(COOKIE, cookies.map_err(|error| malformed(&shown, error.into()))?);
            }
            for (name, value) in &request.headers {
                headers.insert(name, value.clone());
            }
        }
        let request_with_body =
            head.body(Full::new(request.body.clone())).map_err(|error| malformed(&shown, error.into()))?;
        let (head, body) = request_with_body.into_parts();
        let connection = Connection {
            peer: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)),
            local: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            tls: secure,
            server_name: Some(host.into()),
        };
        let mut request = HttpRequest::new(head, body, Arc::clone(self.project())).on(connection);
        if !self.visitor.enforce_csrf_checks.load(Ordering::Relaxed) {
            request.extensions_mut().insert(NotEnforced);
        }
        let exchange = async {
            let respond = self.onion.respond(request);
            let response = match self.project().core().debug {
                true => with_backtraces(respond).await,
                false => respond.await,
            };
            let (head, body) = response.into_http().into_parts();
            // A body that streams may render, too.
            (head, body.collect().await)
        };
        let ((head, body), rendered) = recording(exchange).await;
        let body = body.map_err(|source| ClientError::Response { url: shown.clone(), source })?.to_bytes();
        for line in head.headers.get_all(SET_COOKIE) {
            if let Ok(line) = line.to_str() {
                self.cookies().store(line, to, OffsetDateTime::now_utc());
            }
        }
        if self.visitor.raise.load(Ordering::Relaxed)
            && let Some(Raised(reason)) = head.extensions.get()
        {
            return Err(ClientError::Raised { url: shown, reason: reason.to_string() });
        }
        Ok(TestResponse {
            status: head.status,
            headers: head.headers,
            body,
            url: shown,
            redirect_chain: Vec::new(),
            extensions: head.extensions,
            rendered,
        })
    }
}

fn absolute(url: &str) -> Result<UriParts, ClientError> {
    let site = format!("http://{SERVER_NAME}");
    // Two slashes begin a path here, and not a host: sites must stand such paths, so tests must be able to ask for them.
    let whole =
        if url.starts_with('/') { Ok(format!("{site}{url}")) } else { join(&format!("{site}/"), url) };
    whole.and_then(|whole| UriParts::split(&whole)).map_err(|error| malformed(url, error.into()))
}

fn malformed(url: &str, source: crate::error::BoxError) -> ClientError {
    ClientError::Request { url: url.to_owned(), source }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
