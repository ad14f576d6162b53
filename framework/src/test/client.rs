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
use crate::contrib::messages::message::Message;
use crate::contrib::messages::waiting::waiting;
use crate::http::connection::Connection;
use crate::http::query_dict::QueryDict;
use crate::http::request::HttpRequest;
use crate::http::uri::{UriParts, iri_to_uri, join};
use crate::middleware::csrf::NotEnforced;
use crate::middleware::direct::respond;
use crate::middleware::onion::Onion;
use crate::middleware::refusal::Raised;
use crate::near::Near;
use crate::project::{HeldProject, Project};
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
    onion: Near<Onion>,
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
    /// The session that was handed out last, and the key that the jar knew for it then.
    prepared: Mutex<Option<(Session, String)>>,
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

    pub(super) fn of(onion: Near<Onion>, store_calls: StoreCalls) -> Self {
        let visitor = Visitor {
            jar: Mutex::default(),
            headers: Mutex::default(),
            raise: AtomicBool::new(true),
            enforce_csrf_checks: AtomicBool::new(false),
            prepared: Mutex::default(),
        };
        Self { onion, store_calls, visitor: Arc::new(visitor) }
    }

    /// Another visitor of the same site: no cookie, no header, and errors are raised.
    #[must_use]
    pub fn new_visitor(&self) -> Self {
        Self::of(self.onion.clone(), self.store_calls.clone())
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
    /// cookie (Django's `client.session`). What is changed in it is stored with [`Session::save`]; where that changes the key, as the
    /// engine `signed_cookies` does each time, the visitor's cookie is the new one from the next request on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self) -> Result<Session, ClientError> {
        let project = self.project();
        let name = project.settings().section::<SessionSettings>().cookie_name.clone();
        self.keep_prepared();
        let key = self.cookies().get(&name).map(|cookie| cookie.value.clone()).filter(|key| !key.is_empty());
        let session = project.sessions().session(key.as_deref());
        if key.is_none() {
            session.save().await.map_err(|error| ClientError::Session(error.into()))?;
            self.cookies().set(name, key_of(&session), SERVER_NAME);
        }
        *lock(&self.visitor.prepared) = Some((session.clone(), key.unwrap_or_else(|| key_of(&session))));
        Ok(session)
    }

    /// Puts the key of a session that the test has saved since into its cookie, unless the site has set another meanwhile.
    fn keep_prepared(&self) {
        let mut prepared = lock(&self.visitor.prepared);
        let Some((session, known)) = prepared.as_mut() else { return };
        let key = key_of(session);
        if key == *known {
            return;
        }
        let name = &self.project().settings().section::<SessionSettings>().cookie_name;
        let mut jar = self.cookies();
        if jar.get(name).is_some_and(|cookie| cookie.value == *known) {
            if key.is_empty() {
                jar.remove(name);
            } else {
                jar.set(name.clone(), key.clone(), SERVER_NAME);
            }
        }
        *known = key;
    }

    /// The messages that wait for this visitor's next page, which has them still: what a redirect after a form has left (Django's
    /// `assertMessages`).
    ///
    /// ```
    /// # use nuages::test::client::Client;
    /// # async fn example(client: Client) -> Result<(), nuages::test::error::ClientError> {
    /// client.post("/covers/").form([("title", "Nuages")]).await?;
    /// let messages = client.messages().await?;
    /// let said: Vec<_> = messages.iter().map(|message| (message.level_tag(), message.text())).collect();
    /// assert_eq!(said, [("success", "The cover was saved.")]);
    /// # Ok(()) }
    /// # let _ = example;
    /// ```
    ///
    /// # Errors
    /// When the session's store fails.
    pub async fn messages(&self) -> Result<Vec<Message>, ClientError> {
        let mut request = self.get("/").build()?;
        let name = &self.project().settings().section::<SessionSettings>().cookie_name;
        request.session = self.project().sessions().session(request.cookies().get(name));
        waiting(&request).await.map_err(|error| ClientError::Messages(error.to_string().into()))
    }

    /// Asks for what the response redirects to (Django's `assertRedirects` with `fetch_redirect_response`).
    ///
    /// ```
    /// # use nuages::test::client::Client;
    /// # async fn example(client: Client) -> Result<(), nuages::test::error::ClientError> {
    /// let response = client.post("/covers/").form([("title", "Nuages")]).await?;
    /// response.assert_redirects("/covers/nuages/");
    /// client.fetch_redirect(&response).await?.assert_contains("Nuages");
    /// # Ok(()) }
    /// # let _ = example;
    /// ```
    pub fn fetch_redirect(&self, response: &TestResponse) -> TestRequest {
        let target = response.location().map(|location| join(&response.url, location));
        match target {
            Some(Ok(url)) => self.get(&url),
            Some(Err(error)) => self.get(&response.url).refused(error.into()),
            None => self.get(&response.url).refused("the response does not redirect".into()),
        }
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
            remote_addr: None,
            fault: None,
        }
    }

    pub(super) async fn send(&self, mut request: TestRequest) -> Result<TestResponse, ClientError> {
        let mut url = request.target()?;
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
                request.method = Method::GET;
                request.body = Bytes::new();
                request.headers.remove(http::header::CONTENT_TYPE);
            }
        }
    }

    /// The request as the site gets it.
    pub(super) fn http_request(
        &self,
        request: &TestRequest,
        url: &UriParts,
    ) -> Result<HttpRequest, ClientError> {
        let shown = url.unsplit();
        let secure = url.scheme.eq_ignore_ascii_case("https");
        let Destination { host, path, .. } = destination(url);
        let port = match url.netloc.strip_prefix(host).and_then(|port| port.strip_prefix(':')) {
            Some(port) => port.parse().ok(),
            None => None,
        };
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        let query = if url.query.is_empty() { String::new() } else { format!("?{}", url.query) };
        let target = iri_to_uri(&format!("{path}{query}")).into_owned();

        let mut head = Request::builder().method(request.method.clone()).uri(&target);
        if let Some(headers) = head.headers_mut() {
            let authority = HeaderValue::try_from(url.netloc.as_str());
            headers.insert(HOST, authority.map_err(|error| malformed(&shown, error.into()))?);
            if !request.body.is_empty() || request.headers.contains_key(http::header::CONTENT_TYPE) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
            }
            self.keep_prepared();
            if let Some(cookies) = self.cookies().header(destination(url), OffsetDateTime::now_utc()) {
                let cookies = HeaderValue::try_from(cookies);
                headers.insert(COOKIE, cookies.map_err(|error| malformed(&shown, error.into()))?);
            }
            for name in request.headers.keys() {
                headers.remove(name);
                for value in request.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
        let request_with_body =
            head.body(Full::new(request.body.clone())).map_err(|error| malformed(&shown, error.into()))?;
        let (head, body) = request_with_body.into_parts();
        let peer = request.remote_addr.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let connection = Connection {
            peer: Some(SocketAddr::new(peer, 0)),
            local: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            tls: secure,
            server_name: Some(host.into()),
        };
        let mut request =
            HttpRequest::come_in(head, body, HeldProject::new(Arc::clone(self.project())), connection);
        if !self.visitor.enforce_csrf_checks.load(Ordering::Relaxed) {
            request.extensions_mut().insert(NotEnforced);
        }
        Ok(request)
    }

    /// One request, without following.
    async fn once(&self, request: &TestRequest, url: &UriParts) -> Result<TestResponse, ClientError> {
        let (shown, is_head) = (url.unsplit(), request.method.as_str().eq_ignore_ascii_case("HEAD"));
        let request = self.http_request(request, url)?;
        let seen = Arc::new(request.shared());
        let exchange = async {
            let response = respond(self.onion.clone(), request).await;
            let (head, body) = response.into_http().into_parts();
            // A body that streams may render, too.
            (head, body.collect().await)
        };
        let ((head, body), rendered) = recording(exchange).await;
        let mut body =
            body.map_err(|source| ClientError::Response { url: shown.clone(), source })?.to_bytes();
        // A server sends none of it (RFC 9110 sections 9.3.2 and 6.4.1).
        if is_head || head.status.is_informational() || matches!(head.status.as_u16(), 204 | 304) {
            body = Bytes::new();
        }
        for line in head.headers.get_all(SET_COOKIE) {
            if let Ok(line) = line.to_str() {
                self.cookies().store(line, destination(url), OffsetDateTime::now_utc());
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
            request: seen,
            rendered,
        })
    }
}

/// Where a URL leads, as far as cookies care. As Django's client does it, every way is safe enough for a cookie that is `Secure`: a site
/// with `SESSION_COOKIE_SECURE` is asked over `http:` in most tests.
fn destination(url: &UriParts) -> Destination<'_> {
    let host = match url.netloc.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => url.netloc.as_str(),
    };
    let path = if url.path.is_empty() { "/" } else { &url.path };
    Destination { host, path, secure: true }
}

fn key_of(session: &Session) -> String {
    session.session_key().map_or_else(String::new, |key| key.as_str().to_owned())
}

pub(super) fn absolute(url: &str) -> Result<UriParts, ClientError> {
    let site = format!("http://{SERVER_NAME}");
    // Two slashes begin a path here, and not a host: sites must stand such paths, so tests must be able to ask for them.
    let whole =
        if url.starts_with('/') { Ok(format!("{site}{url}")) } else { join(&format!("{site}/"), url) };
    whole.and_then(|whole| UriParts::split(&whole)).map_err(|error| malformed(url, error.into()))
}

pub(super) fn malformed(url: &str, source: crate::error::BoxError) -> ClientError {
    ClientError::Request { url: url.to_owned(), source }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
