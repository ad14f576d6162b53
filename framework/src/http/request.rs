//! The request, as a view receives it.

pub(crate) mod address;
mod content;
mod encoding;
mod id;
pub mod notes;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::COOKIE;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri, Version};
use http_body::Body;
use tokio::sync::OnceCell;

use crate::conf::core::CoreSettings;
use crate::error::{BoxError, Result};
use crate::http::accept::AcceptedTypes;
use crate::http::charset::Charset;
use crate::http::connection::Connection;
use crate::http::cookies::RequestCookies;
use crate::http::form::{Form, FormError};
use crate::http::header_parameters::HeaderParameters;
use crate::http::header_text::header_text;
use crate::http::query_dict::{QueryDict, TooManyFields};
use crate::http::request::notes::Notes;
use crate::http::request_body::RequestBody;
use crate::http::spare_headers;
use crate::near::Near;
use crate::project::{HeldProject, Project};
use crate::routes::resolved::{ResolverMatch, RouteMatch};
use crate::session::engine::SessionEngine;
use crate::session::handle::Session;

/// A request on its way to a view, owned by whoever holds it (Django's `HttpRequest`).
///
/// Whatever costs something is worked out when it is first asked for, and kept: the query, the cookies, the body.
///
/// ```
/// use nuages::error::Result;
/// use nuages::http::request::HttpRequest;
/// use nuages::http::response::HttpResponse;
///
/// async fn search(request: HttpRequest) -> Result<HttpResponse> {
///     let words = request.query()?.get("q").unwrap_or_default();
///     HttpResponse::json(&[request.path(), words])
/// }
/// # let _ = search;
/// ```
pub struct HttpRequest {
    /// The visitor's session: loaded when something asks, saved by the middleware.
    pub session: Session,
    extensions: Extensions,
    // One small allocation, so that a request moves through the layers as four words. It is shared with what an error handler
    // is given when the view has taken the request and failed.
    inner: Arc<Inner>,
}

struct Inner {
    held: Arc<HeldProject>,
    connection: Connection,
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    body: RequestBody,
    path: Paths,
    query: OnceLock<Result<QueryDict, TooManyFields>>,
    // What few requests have is small until it is there: all of it together is an allocation of the kind that costs little.
    form: OnceCell<Box<Result<Form, FormError>>>,
    /// `None` if it brings none.
    cookies: Option<OnceLock<RequestCookies>>,
    content_type: OnceLock<Box<HeaderParameters>>,
    accepted: OnceLock<AcceptedTypes>,
    route: OnceLock<RouteMatch>,
    notes: OnceLock<Notes>,
    id: OnceLock<Box<str>>,
    /// What a view set in the place of what the request says.
    encoding: Option<Charset>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        spare_headers::give(std::mem::take(&mut self.headers));
    }
}

/// What could not be borrowed from the request line: the paths were escaped, or there is a script name.
pub(crate) struct Paths {
    path_info: Option<Box<str>>,
    path: Option<Box<str>>,
}

impl HttpRequest {
    /// A request from its head and its body, which is not read yet.
    pub fn new<B>(head: Parts, body: B, project: Arc<Project>) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self::come_in(head, body, HeldProject::new(project), Connection::default())
    }

    /// A request that came in on that connection.
    pub(crate) fn come_in<B>(head: Parts, body: B, held: Arc<HeldProject>, connection: Connection) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // Every request asks for its path, and most bring no cookies.
        let path = Paths::of(&head.uri, held.project.core());
        let cookies = head.headers.contains_key(COOKIE).then(OnceLock::new);
        Self {
            session: Session::default(),
            extensions: head.extensions,
            inner: Arc::new(Inner {
                held,
                connection,
                method: upper_case(head.method),
                uri: head.uri,
                version: head.version,
                headers: joined(head.headers),
                body: RequestBody::new(body),
                path,
                query: OnceLock::new(),
                form: OnceCell::new(),
                cookies,
                content_type: OnceLock::new(),
                accepted: OnceLock::new(),
                route: OnceLock::new(),
                notes: OnceLock::new(),
                id: OnceLock::new(),
                encoding: None,
            }),
        }
    }

    /// The same, come in on that connection: for whoever makes the request. Once it is on its way through the layers, it stays
    /// on the connection that it came in on.
    #[must_use]
    pub fn on(mut self, connection: Connection) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.connection = connection;
        }
        self
    }

    /// The same request for somebody else: what one of them reads of the body, the other has as well.
    pub(crate) fn shared(&self) -> Self {
        Self {
            session: self.session.clone(),
            extensions: self.extensions.clone(),
            inner: Arc::clone(&self.inner),
        }
    }

    /// The route that the path led to, and all that is known of it; `None` before the routes were asked, in middleware for
    /// instance.
    #[must_use]
    pub fn resolver_match(&self) -> Option<ResolverMatch<'_>> {
        self.project().routes().describe(self.inner.route.get()?, self.path_info())
    }

    /// The route, if the routes were asked.
    pub(crate) fn route(&self) -> Option<&RouteMatch> {
        self.inner.route.get()
    }

    /// Notes the route that the path led to.
    pub(crate) fn set_route(&self, route: RouteMatch) {
        // A request is resolved once.
        let _ = self.inner.route.set(route);
    }

    /// The site that the request runs in.
    #[must_use]
    pub fn project(&self) -> &Arc<Project> {
        &self.inner.held.project
    }

    /// The engine of the site's sessions.
    pub(crate) fn sessions(&self) -> &Near<SessionEngine> {
        &self.inner.held.sessions
    }

    /// The connection that the request came in on.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// The method, in upper case.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.inner.method
    }

    /// The address as the request line gave it, before any unescaping.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.inner.uri
    }

    /// The protocol's version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.version
    }

    /// The cookies.
    #[doc(alias = "COOKIES")]
    #[must_use]
    pub fn cookies(&self) -> &RequestCookies {
        match &self.inner.cookies {
            Some(cookies) => cookies.get_or_init(|| RequestCookies::from_headers(&self.inner.headers)),
            None => RequestCookies::NONE,
        }
    }

    /// The headers.
    #[doc(alias = "META")]
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.headers
    }

    /// The header of that name in any case, if its value is ASCII; any other is in [`HttpRequest::headers`].
    ///
    /// ```
    /// # fn idiom(request: nuages::http::request::HttpRequest) -> bool {
    /// // Whether a script asks.
    /// request.header("X-Requested-With") == Some("XMLHttpRequest")
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.get(name)?.to_str().ok()
    }

    /// The header of that name in any case as text, its bytes taken for latin-1 and several lines joined with `,`: as Django's
    /// `request.headers` has it.
    ///
    /// ```
    /// # fn who(request: nuages::http::request::HttpRequest) -> String {
    /// request.header_text("X-Remote-Name").unwrap_or_default().into_owned()
    /// # }
    /// ```
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<Cow<'_, str>> {
        header_text(&self.inner.headers, name)
    }

    /// What layers and the view tell each other about this request: a layer that keeps a clone of them learns what the view
    /// noted.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        self.inner.notes.get_or_init(Notes::default)
    }

    /// The notes, if anybody asked for them.
    pub(crate) fn noted(&self) -> Option<&Notes> {
        self.inner.notes.get()
    }

    /// What middleware notes on the request for the layers further in.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    fn core(&self) -> &CoreSettings {
        self.project().core()
    }
}

/// A header that comes twice is one header, joined with `,` (RFC 9110 section 5.2), as every server in front of Django has it;
/// `Cookie` with `; `. Most requests have no header twice.
fn joined(headers: HeaderMap) -> HeaderMap {
    if headers.len() == headers.keys_len() {
        return headers;
    }
    let mut joined = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let mut values = headers.get_all(name).iter();
        let Some(first) = values.next() else { continue };
        let separator: &[u8] = if name == COOKIE { b"; " } else { b"," };
        let mut whole = Vec::new();
        for value in values {
            if whole.is_empty() {
                whole.extend_from_slice(first.as_bytes());
            }
            whole.extend_from_slice(separator);
            whole.extend_from_slice(value.as_bytes());
        }
        // Values of headers with such a separator between them are a value.
        let value = if whole.is_empty() { Ok(first.clone()) } else { HeaderValue::from_bytes(&whole) };
        joined.insert(name.clone(), value.unwrap_or_else(|_| first.clone()));
    }
    joined
}

/// Standard methods are in upper case already; `get` becomes GET, as in Django.
fn upper_case(method: Method) -> Method {
    if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
        Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes()).unwrap_or(method)
    } else {
        method
    }
}

/// No header, cookie or body: any of them may hold a secret.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn both<T: Send + Sync>() {}
    both::<HttpRequest>();
    both::<crate::http::response::HttpResponse>();
};
