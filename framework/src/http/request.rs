//! The request, as a view receives it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Uri, Version};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use serde::de::DeserializeOwned;

use crate::conf::core::{self, CoreSettings};
use crate::error::{BoxError, Error, Result};
use crate::http::accept::{AcceptedTypes, MediaType};
use crate::http::charset::{Charset, latin1};
use crate::http::connection::Connection;
use crate::http::cookies::RequestCookies;
use crate::http::header_parameters::HeaderParameters;
use crate::http::host::{DEBUG_HOSTS, split_domain_port, validate_host};
use crate::http::path::decode_path;
use crate::http::query_dict::{QueryDict, TooManyFields};
use crate::http::request_body::RequestBody;
use crate::http::uri::{UriParts, escape_uri_path, iri_to_uri, join, push_query};
use crate::project::Project;
use crate::routes::resolved::{ResolverMatch, RouteMatch};
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
    // One small allocation, so that a request moves through the layers as two words.
    inner: Box<Inner>,
}

struct Inner {
    project: Arc<Project>,
    connection: Connection,
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    extensions: Extensions,
    body: RequestBody,
    path: OnceLock<Paths>,
    query: OnceLock<Result<QueryDict, TooManyFields>>,
    post: OnceLock<QueryDict>,
    cookies: OnceLock<RequestCookies>,
    content_type: OnceLock<HeaderParameters>,
    accepted: OnceLock<AcceptedTypes>,
    route: Option<RouteMatch>,
}

/// What could not be borrowed from the request line: the paths were escaped, or there is a script name.
struct Paths {
    path_info: Option<Box<str>>,
    path: Option<Box<str>>,
}

impl HttpRequest {
    /// A request from its head and its body, which is not read yet.
    pub fn new<B>(head: Parts, body: B, project: Arc<Project>) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self {
            session: Session::default(),
            inner: Box::new(Inner {
                project,
                connection: Connection::default(),
                method: upper_case(head.method),
                uri: head.uri,
                version: head.version,
                headers: head.headers,
                extensions: head.extensions,
                body: RequestBody::new(body),
                path: OnceLock::new(),
                query: OnceLock::new(),
                post: OnceLock::new(),
                cookies: OnceLock::new(),
                content_type: OnceLock::new(),
                accepted: OnceLock::new(),
                route: None,
            }),
        }
    }

    /// The same, come in on that connection.
    #[must_use]
    pub fn on(mut self, connection: Connection) -> Self {
        self.inner.connection = connection;
        self
    }

    /// The route that the path led to, and all that is known of it; `None` before the routes were asked, in middleware for
    /// instance.
    #[must_use]
    pub fn resolver_match(&self) -> Option<ResolverMatch<'_>> {
        self.project().routes().describe(self.inner.route.as_ref()?, self.path_info())
    }

    /// Notes the route that the path led to.
    pub(crate) fn set_route(&mut self, route: RouteMatch) {
        self.inner.route = Some(route);
    }

    /// The site that the request runs in.
    #[must_use]
    pub const fn project(&self) -> &Arc<Project> {
        &self.inner.project
    }

    /// The connection that the request came in on.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// The method, in upper case.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.inner.method
    }

    /// The address as the request line gave it, before any unescaping.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.inner.uri
    }

    /// The protocol's version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.inner.version
    }

    /// The path, unescaped once, with `FORCE_SCRIPT_NAME` before it; bytes that are not UTF-8 are escaped again.
    ///
    /// Nothing is collapsed in it: `//`, `/./` and `/../` are there as they were sent.
    #[must_use]
    pub fn path(&self) -> &str {
        match &self.paths().path {
            Some(path) => path,
            None => self.path_info(),
        }
    }

    /// The path without `FORCE_SCRIPT_NAME`: what the routes are matched with.
    #[must_use]
    pub fn path_info(&self) -> &str {
        match &self.paths().path_info {
            Some(path) => path,
            None => raw_path(&self.inner.uri),
        }
    }

    fn paths(&self) -> &Paths {
        self.inner.path.get_or_init(|| {
            let raw = raw_path(&self.inner.uri);
            let path_info = decode_path(raw);
            let script = self.core().force_script_name.as_deref().unwrap_or_default().trim_end_matches('/');
            let path = (!script.is_empty() || !path_info.starts_with('/'))
                .then(|| format!("{script}/{}", path_info.replacen('/', "", 1)).into());
            let path_info = match path_info {
                Cow::Borrowed(_) => None,
                Cow::Owned(path) => Some(path.into()),
            };
            Paths { path_info, path }
        })
    }

    /// The path and the query, escaped for the wire.
    #[must_use]
    pub fn get_full_path(&self) -> String {
        self.full_path(self.path(), false)
    }

    /// The same with a slash at the end of the path, if there is none.
    #[must_use]
    pub fn get_full_path_with_slash(&self) -> String {
        self.full_path(self.path(), true)
    }

    /// As [`HttpRequest::get_full_path`], without `FORCE_SCRIPT_NAME`.
    #[must_use]
    pub fn get_full_path_info(&self) -> String {
        self.full_path(self.path_info(), false)
    }

    fn full_path(&self, path: &str, slash: bool) -> String {
        let mut full = escape_uri_path(path).into_owned();
        if slash && !path.ends_with('/') {
            full.push('/');
        }
        if let Some(query) = self.inner.uri.query().filter(|query| !query.is_empty()) {
            full.push('?');
            push_query(&mut full, query);
        }
        full
    }

    /// The query as it was sent, without its `?` (Django's `META["QUERY_STRING"]`).
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.inner.uri.query().unwrap_or_default()
    }

    /// The query's names and values.
    ///
    /// # Errors
    /// `TooManyFieldsSent` (400) when there are more than `DATA_UPLOAD_MAX_NUMBER_FIELDS`.
    #[doc(alias = "GET")]
    pub fn query(&self) -> Result<&QueryDict> {
        let query = self.inner.query.get_or_init(|| {
            let charset = self.encoding().unwrap_or(match self.core().default_charset {
                core::Charset::Utf8 => Charset::Utf8,
                core::Charset::Latin1 => Charset::Latin1,
            });
            QueryDict::parse_bytes(
                self.query_string().as_bytes(),
                charset,
                self.core().data_upload_max_number_fields,
            )
        });
        query.as_ref().map_err(|&error| too_many_fields(error))
    }

    /// The form in the body, if the method is POST and the body is a form; else nothing.
    ///
    /// # Errors
    /// 400: a form that is too large, has too many fields, or is not in UTF-8; a body that broke off.
    #[doc(alias = "POST")]
    pub async fn post(&self) -> Result<&QueryDict> {
        if let Some(post) = self.inner.post.get() {
            return Ok(post);
        }
        let post = if self.inner.method == Method::POST { self.read_post().await? } else { QueryDict::new() };
        Ok(self.inner.post.get_or_init(|| post))
    }

    async fn read_post(&self) -> Result<QueryDict> {
        match self.content_type() {
            "application/x-www-form-urlencoded" => {
                if self.charset_name().is_some_and(|name| !name.eq_ignore_ascii_case("utf-8"))
                    && self.encoding().is_some()
                {
                    return Err(Error::bad_request(
                        "HTTP requests with the 'application/x-www-form-urlencoded' content type must be UTF-8 encoded.",
                    ));
                }
                let body = self.body().await?;
                QueryDict::parse_bytes(&body, Charset::Utf8, self.core().data_upload_max_number_fields)
                    .map_err(too_many_fields)
            }
            "multipart/form-data" => Err(Error::bad_request(
                "multipart forms are not read yet: send the form as application/x-www-form-urlencoded",
            )),
            _ => Ok(QueryDict::new()),
        }
    }

    /// The cookies.
    #[doc(alias = "COOKIES")]
    #[must_use]
    pub fn cookies(&self) -> &RequestCookies {
        self.inner.cookies.get_or_init(|| RequestCookies::from_headers(&self.inner.headers))
    }

    /// The headers.
    #[doc(alias = "META")]
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
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

    /// All of the body: read at the first call, kept for the next.
    ///
    /// # Errors
    /// 400: `RequestDataTooBig` over `DATA_UPLOAD_MAX_MEMORY_SIZE`; a body that broke off.
    pub async fn body(&self) -> Result<Bytes> {
        let announced = self.header("content-length").and_then(|text| text.parse().ok());
        let limit = self.core().data_upload_max_memory_size;
        self.inner
            .body
            .bytes(limit, announced)
            .await
            .map_err(crate::http::request_body::BodyError::into_error)
    }

    /// The body as it comes, without a limit; nothing else can read it afterwards.
    ///
    /// # Errors
    /// When it was taken before, or could not be read.
    pub fn take_body(&mut self) -> Result<UnsyncBoxBody<Bytes, BoxError>> {
        self.inner.body.take().map_err(crate::http::request_body::BodyError::into_error)
    }

    /// The body as JSON, whatever its `Content-Type` says.
    ///
    /// # Errors
    /// 400 when it is no JSON of that shape, and as [`HttpRequest::body`].
    ///
    /// ```
    /// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}};
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     product: u64,
    /// }
    ///
    /// async fn order(request: HttpRequest) -> Result<HttpResponse> {
    ///     let order: Order = request.json().await?;
    ///     HttpResponse::json(&order.product)
    /// }
    /// # let _ = order;
    /// ```
    pub async fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let body = self.body().await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::bad_request(format!("the body is no such JSON: {error}")))
    }

    /// `https` or `http`. With `SECURE_PROXY_SSL_HEADER` the leftmost value of that header decides both ways, if it is there.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if let Some(proxy) = &self.inner.project.security().proxy_ssl_header
            && let Some(value) = self.inner.headers.get(&proxy.header)
        {
            let first = value.as_bytes().split(|&byte| byte == b',').next().unwrap_or_default();
            return if latin1(first).trim() == proxy.value { "https" } else { "http" };
        }
        if self.inner.connection.tls { "https" } else { "http" }
    }

    /// Whether the client speaks https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme() == "https"
    }

    /// The host that the client named, with its port if it named one, checked against `ALLOWED_HOSTS`.
    ///
    /// # Errors
    /// `DisallowedHost` (400).
    pub fn get_host(&self) -> Result<Cow<'_, str>> {
        let host = self.raw_host();
        let Some((domain, _)) = split_domain_port(&host) else {
            let reason = format!(
                "Invalid HTTP_HOST header: {host:?}. The domain name provided is not valid according to RFC 1034/1035."
            );
            return Err(Error::suspicious("DisallowedHost", reason));
        };
        let core = self.core();
        let allowed = if core.debug && core.allowed_hosts.is_empty() {
            validate_host(domain, DEBUG_HOSTS.into_iter())
        } else {
            validate_host(domain, core.allowed_hosts.iter().map(String::as_str))
        };
        if domain.is_empty() || !allowed {
            let reason = format!(
                "Invalid HTTP_HOST header: {host:?}. You may need to add {domain:?} to ALLOWED_HOSTS."
            );
            return Err(Error::suspicious("DisallowedHost", reason));
        }
        Ok(host)
    }

    fn raw_host(&self) -> Cow<'_, str> {
        let headers = &self.inner.headers;
        if self.core().use_x_forwarded_host
            && let Some(host) = headers.get("x-forwarded-host")
        {
            return latin1(host.as_bytes());
        }
        if let Some(host) = headers.get(HOST) {
            return latin1(host.as_bytes());
        }
        // HTTP/2 names the host in the address.
        if let Some(authority) = self.inner.uri.authority() {
            return Cow::Borrowed(authority.as_str());
        }
        let name = self.inner.connection.server_name();
        let port = self.get_port();
        let own = if self.is_secure() { "443" } else { "80" };
        Cow::Owned(if port == own { name } else { format!("{name}:{port}") })
    }

    /// The port that the server listens on, or what `X-Forwarded-Port` says with `USE_X_FORWARDED_PORT`; never that of `Host`.
    #[must_use]
    pub fn get_port(&self) -> Cow<'_, str> {
        if self.core().use_x_forwarded_port
            && let Some(port) = self.inner.headers.get("x-forwarded-port")
        {
            return latin1(port.as_bytes());
        }
        Cow::Owned(self.inner.connection.server_port().to_string())
    }

    /// The address of the other end: of a proxy, if there is one.
    #[doc(alias = "REMOTE_ADDR")]
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.inner.connection.peer
    }

    /// A whole address, with scheme and host: of that location as seen from here, or of this very request for `None`.
    ///
    /// # Errors
    /// `DisallowedHost` (400), and 500 for a location that is no address.
    pub fn build_absolute_uri<'a>(&self, location: impl Into<Option<&'a str>>) -> Result<String> {
        // Two slashes before the path, for one that begins with two itself (Django 5.2 http/request.py).
        let location = match location.into() {
            Some(location) => Cow::Borrowed(location),
            None => Cow::Owned(format!("//{}", self.get_full_path())),
        };
        let parts = UriParts::split(&location)?;
        if !parts.scheme.is_empty() && !parts.netloc.is_empty() {
            return Ok(iri_to_uri(&location).into_owned());
        }
        let base = format!("{}://{}", self.scheme(), self.get_host()?);
        let plain = parts.path.starts_with('/')
            && parts.scheme.is_empty()
            && parts.netloc.is_empty()
            && !parts.path.contains("/./")
            && !parts.path.contains("/../");
        let absolute = if plain {
            format!("{base}{}", location.strip_prefix("//").unwrap_or(&location))
        } else {
            join(&format!("{base}{}", self.path()), &location)?
        };
        Ok(iri_to_uri(&absolute).into_owned())
    }

    /// The `Content-Type` without its parameters, in lower case; empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_header().value
    }

    /// The parameter of that name of the `Content-Type`.
    #[must_use]
    pub fn content_param(&self, name: &str) -> Option<&str> {
        self.content_header().parameters.get(name).map(String::as_str)
    }

    /// The parameters of the `Content-Type`.
    pub fn content_params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.content_header().parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A `Content-Type` whose parameters are broken counts as one without any.
    fn content_header(&self) -> &HeaderParameters {
        self.inner.content_type.get_or_init(|| {
            let Some(value) = self.inner.headers.get(CONTENT_TYPE) else {
                return HeaderParameters::default();
            };
            let line = latin1(value.as_bytes());
            HeaderParameters::parse(&line).unwrap_or_else(|_| HeaderParameters {
                value: line.split(';').next().unwrap_or_default().trim().to_lowercase(),
                ..HeaderParameters::default()
            })
        })
    }

    fn charset_name(&self) -> Option<&str> {
        self.content_param("charset")
    }

    /// The charset that the `Content-Type` names, if it is known: the query is read in it too, as in Django.
    #[must_use]
    pub fn encoding(&self) -> Option<Charset> {
        Charset::lookup(self.charset_name()?)
    }

    /// Whether the client takes that type, by its `Accept` header; without one it takes all.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        self.accepted().best(&MediaType::parse(media_type)).is_some()
    }

    /// The one of these types that the client likes most, if it takes any.
    #[must_use]
    pub fn get_preferred_type<'a>(&self, media_types: &[&'a str]) -> Option<&'a str> {
        self.accepted().preferred(media_types)
    }

    /// The types of the `Accept` header, the most wanted first.
    #[must_use]
    pub fn accepted(&self) -> &AcceptedTypes {
        self.inner.accepted.get_or_init(|| {
            let mut lines = self.inner.headers.get_all(ACCEPT).iter().map(|line| latin1(line.as_bytes()));
            match lines.next() {
                None => AcceptedTypes::any(),
                Some(first) => AcceptedTypes::parse(&lines.fold(first, |all, line| all + "," + line)),
            }
        })
    }

    /// What middleware notes on the request for the layers further in.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.inner.extensions
    }

    /// The same, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.inner.extensions
    }

    fn core(&self) -> &CoreSettings {
        self.inner.project.core()
    }
}

/// Standard methods are in upper case already; `get` becomes GET, as in Django.
fn upper_case(method: Method) -> Method {
    if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
        Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes()).unwrap_or(method)
    } else {
        method
    }
}

/// The site's own address has the path `/`.
fn raw_path(uri: &Uri) -> &str {
    match uri.path() {
        "" => "/",
        path => path,
    }
}

fn too_many_fields(error: TooManyFields) -> Error {
    Error::suspicious("TooManyFieldsSent", error.to_string())
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
