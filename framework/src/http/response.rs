//! The response, as a view makes it.

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;
use serde::Serialize;

use crate::conf::core::{self, CoreSettings};
use crate::error::{BoxError, Error, Result};
use crate::http::body::{Body, ResponseBody};
use crate::http::charset::{Charset, EncodingError};
use crate::http::header_value::{HeaderError, header_name, header_value};
use crate::http::json::{self, JsonStyle};
use crate::http::response_cookies::ResponseCookies;
use crate::http::set_cookie::{CookieError, SetCookie};
use crate::http::spare_headers;
use crate::http::uri::{UriParts, iri_to_uri};
use crate::project::Project;
use crate::signing::cookies::sign_cookie;
use crate::signing::keys::SigningKeys;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const HTML_LATIN1: HeaderValue = HeaderValue::from_static("text/html; charset=iso-8859-1");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response: one concrete type for every kind (Django's `HttpResponse` and its relatives).
///
/// ```
/// use http::StatusCode;
/// use nuages::http::response::HttpResponse;
/// use nuages::http::set_cookie::SetCookie;
///
/// # fn view() -> nuages::error::Result<HttpResponse> {
/// let mut response = HttpResponse::new("<h1>Nuages</h1>").with_status(StatusCode::CREATED);
/// response.set_header("X-Tune", "1940")?;
/// response.set_cookie(SetCookie::new("theme", "dark").max_age(3600))?;
/// # Ok(response)
/// # }
/// # assert_eq!(view().unwrap().status, 201);
/// ```
#[derive(Debug, Default)]
pub struct HttpResponse {
    /// The status line's code.
    pub status: StatusCode,
    /// The headers, but for the cookies.
    pub headers: HeaderMap,
    cookies: ResponseCookies,
    extensions: Extensions,
    body: Body,
}

impl HttpResponse {
    /// A 200 with that body, `text/html; charset=utf-8`.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self::of(HTML, body.into())
    }

    /// A 200 with that text in another charset than UTF-8, `text/html; charset=…`.
    ///
    /// ```
    /// use nuages::http::{charset::Charset, response::HttpResponse};
    ///
    /// let response = HttpResponse::encoded("Liège", Charset::Latin1)?;
    /// assert_eq!(response.content().unwrap(), &b"Li\xe8ge"[..]);
    /// assert_eq!(response.header("content-type"), Some("text/html; charset=iso-8859-1"));
    /// assert!(HttpResponse::encoded("日本", Charset::Latin1).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EncodingError`] when the charset lacks a character.
    pub fn encoded(text: &str, charset: Charset) -> Result<Self, EncodingError> {
        let body =
            charset.encode(text).ok_or_else(|| EncodingError { charset: charset.name().to_owned() })?;
        let content_type = HeaderValue::try_from(format!("text/html; charset={}", charset.name()));
        Ok(Self::of(content_type.unwrap_or(HTML), Bytes::from(body.into_owned())))
    }

    /// A 200 with that body, `text/plain; charset=utf-8`.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::of(TEXT, body.into())
    }

    /// A 200 with that as JSON, in Python's manner: `", "` and `": "`, all beyond ASCII escaped (Django's `JsonResponse`).
    ///
    /// # Errors
    /// When it cannot be JSON, for instance a map whose keys are no text.
    ///
    /// ```
    /// use nuages::http::response::HttpResponse;
    ///
    /// let response = HttpResponse::json(&serde_json::json!({"tune": "Nuages", "city": "Liberchies", "é": [1, 2]})).unwrap();
    /// assert_eq!(response.content().unwrap(), r#"{"tune": "Nuages", "city": "Liberchies", "\u00e9": [1, 2]}"#);
    /// ```
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self::of(JSON, json::dumps(value)?.into()))
    }

    /// The same in another style: indented, sorted, or in UTF-8.
    ///
    /// # Errors
    /// As [`HttpResponse::json`].
    pub fn json_with<T: Serialize + ?Sized>(value: &T, style: &JsonStyle) -> Result<Self> {
        Ok(Self::of(JSON, json::dumps_with(value, style)?.into()))
    }

    /// A 200 whose body comes as the stream goes on, `text/html; charset=utf-8`.
    ///
    /// An error in the stream breaks the connection off, so that the client sees that something is missing.
    pub fn streaming<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes> + 'static,
        E: Into<BoxError> + 'static,
    {
        let mut response = Self::of(HTML, Bytes::new());
        response.body = Body::stream(stream);
        response
    }

    /// A 302 to there; a relative address stays relative.
    ///
    /// # Errors
    /// `DisallowedRedirect` (400) for a scheme other than http, https and ftp, and over 16384 characters.
    pub fn redirect(to: &str) -> Result<Self> {
        Self::redirect_with(StatusCode::FOUND, to)
    }

    /// A 301 to there.
    ///
    /// # Errors
    /// As [`HttpResponse::redirect`].
    pub fn permanent_redirect(to: &str) -> Result<Self> {
        Self::redirect_with(StatusCode::MOVED_PERMANENTLY, to)
    }

    /// A redirect with a status of your choice: 303, or 307 and 308 which keep method and body.
    ///
    /// # Errors
    /// As [`HttpResponse::redirect`].
    pub fn redirect_with(status: StatusCode, to: &str) -> Result<Self> {
        check_redirect_length(to)?;
        let parts = UriParts::split(to)?;
        if !matches!(parts.scheme.as_str(), "" | "http" | "https" | "ftp") {
            let reason = format!("Unsafe redirect to URL with protocol {:?}", parts.scheme);
            return Err(Error::suspicious("DisallowedRedirect", reason));
        }
        let mut response = Self::of(HTML, Bytes::new());
        response.status = status;
        response.headers.insert(LOCATION, HeaderValue::try_from(iri_to_uri(to).as_ref())?);
        Ok(response)
    }

    /// A 304: no body and no `Content-Type`.
    #[must_use]
    pub fn not_modified() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, ..Self::default() }
    }

    /// A 405 that names the methods which are allowed.
    #[must_use]
    pub fn not_allowed(methods: &[&str]) -> Self {
        let mut response = Self::of(HTML, Bytes::new()).with_status(StatusCode::METHOD_NOT_ALLOWED);
        let allowed = header_value(&methods.join(", ")).unwrap_or(HeaderValue::from_static(""));
        response.headers.insert(ALLOW, allowed);
        response
    }

    /// A 400 with that body, which a view says on purpose: an [`Error`] is what has a handler.
    pub fn bad_request(body: impl Into<Bytes>) -> Self {
        Self::new(body).with_status(StatusCode::BAD_REQUEST)
    }

    /// A 403 with that body.
    pub fn forbidden(body: impl Into<Bytes>) -> Self {
        Self::new(body).with_status(StatusCode::FORBIDDEN)
    }

    /// A 404 with that body.
    pub fn not_found(body: impl Into<Bytes>) -> Self {
        Self::new(body).with_status(StatusCode::NOT_FOUND)
    }

    /// A 500 with that body.
    pub fn server_error(body: impl Into<Bytes>) -> Self {
        Self::new(body).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A 410 with that body.
    pub fn gone(body: impl Into<Bytes>) -> Self {
        Self::new(body).with_status(StatusCode::GONE)
    }

    fn of(content_type: HeaderValue, body: Bytes) -> Self {
        let mut headers = spare_headers::take();
        headers.insert(CONTENT_TYPE, content_type);
        Self { headers, body: Body::Bytes(body), ..Self::default() }
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same, said to be in `DEFAULT_CHARSET`, if it is the framework's own: its text is ASCII, and so the same in each.
    #[must_use]
    pub(crate) fn in_default_charset(mut self, core: &CoreSettings) -> Self {
        if core.default_charset == core::Charset::Latin1 && self.headers.get(CONTENT_TYPE) == Some(&HTML) {
            self.headers.insert(CONTENT_TYPE, HTML_LATIN1);
        }
        self
    }

    /// The same with a header, which replaces what was there under that name; see [`HttpResponse::set_header`].
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, HeaderError> {
        self.set_header(name, value)?;
        Ok(self)
    }

    /// The same with another `Content-Type`.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn with_content_type(self, content_type: &str) -> Result<Self, HeaderError> {
        self.with_header("content-type", content_type)
    }

    /// The same with a phrase of its own after the status, which HTTP/1.1 shows and nothing reads.
    ///
    /// # Errors
    /// [`HeaderError`] for control characters.
    pub fn with_reason(mut self, reason: &str) -> Result<Self, HeaderError> {
        let phrase = ReasonPhrase::try_from(reason.as_bytes().to_vec())
            .map_err(|_| HeaderError::Value { value: reason.to_owned() })?;
        self.extensions.insert(phrase);
        Ok(self)
    }

    /// Sets a header by its text: latin-1 goes out as its bytes, anything beyond as RFC 2047 (`=?utf-8?b?…?=`).
    ///
    /// # Errors
    /// [`HeaderError`] for a name that is none, and for line ends and other control characters in the value.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        self.headers.insert(header_name(name)?, header_value(value)?);
        Ok(())
    }

    /// Sets a header unless there is one of that name (Django's `setdefault`).
    ///
    /// # Errors
    /// As [`HttpResponse::set_header`].
    pub fn set_default_header(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let name: HeaderName = header_name(name)?;
        if !self.headers.contains_key(&name) {
            self.headers.insert(name, header_value(value)?);
        }
        Ok(())
    }

    /// Whether there is a header of that name, in any case.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The header of that name, if it is ASCII; any other is in [`HttpResponse::headers`].
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The phrase after the status.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self
            .extensions
            .get::<ReasonPhrase>()
            .and_then(|phrase| std::str::from_utf8(phrase.as_bytes()).ok())
        {
            Some(own) => own,
            None => self.status.canonical_reason().unwrap_or("Unknown Status Code"),
        }
    }

    /// Where a redirect goes (Django's `url`).
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// Sets a cookie; attributes that it does not name stay those of an earlier cookie of the same name in this response.
    ///
    /// # Errors
    /// [`CookieError`], and nothing is changed.
    pub fn set_cookie(&mut self, cookie: SetCookie) -> Result<(), CookieError> {
        self.cookies.set(cookie)
    }

    /// The same with a cookie more.
    ///
    /// # Errors
    /// [`CookieError`].
    pub fn with_cookie(mut self, cookie: SetCookie) -> Result<Self, CookieError> {
        self.cookies.set(cookie)?;
        Ok(self)
    }

    /// Makes the browser forget a cookie that was set with `Path=/` and no domain; for others see [`SetCookie::deletion`].
    ///
    /// # Errors
    /// [`CookieError`] for a name that is none.
    pub fn delete_cookie(&mut self, name: &str) -> Result<(), CookieError> {
        self.cookies.set(SetCookie::deletion(name))
    }

    /// Sets a cookie whose value is signed with the site's `SECRET_KEY`, for
    /// [`HttpRequest::get_signed_cookie`](crate::http::request::HttpRequest::get_signed_cookie): everybody can read it, and
    /// nobody can change it. The salt tells apart what is signed for different purposes.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// async fn remember(request: HttpRequest) -> Result<HttpResponse> {
    ///     let mut response = HttpResponse::redirect("/")?;
    ///     let cookie = SetCookie::new("visitor", "42").max_age(86_400).http_only(true);
    ///     response.set_signed_cookie(request.project(), cookie, "visits")?;
    ///     Ok(response)
    /// }
    /// # let _ = remember;
    /// ```
    ///
    /// # Errors
    /// As [`HttpResponse::set_cookie`].
    pub fn set_signed_cookie(
        &mut self,
        project: &Project,
        mut cookie: SetCookie,
        salt: &str,
    ) -> Result<(), CookieError> {
        cookie.value = sign_cookie(&SigningKeys::of(project.core()), &cookie.name, salt, &cookie.value);
        self.set_cookie(cookie)
    }

    /// The cookies that this response sets.
    #[must_use]
    pub const fn cookies(&self) -> &ResponseCookies {
        &self.cookies
    }

    /// The cookies that this response sets, to change them.
    pub const fn cookies_mut(&mut self) -> &mut ResponseCookies {
        &mut self.cookies
    }

    /// Whether the body comes as a stream.
    #[must_use]
    pub const fn is_streaming(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

    /// The body, unless it is a stream.
    #[must_use]
    pub const fn content(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes),
            Body::Stream(_) => None,
        }
    }

    /// Puts another body in the place of this one; the headers stay.
    pub fn set_content(&mut self, body: impl Into<Bytes>) {
        self.body = Body::Bytes(body.into());
    }

    /// The body, bytes or stream.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Takes the body out, and leaves an empty one: for a middleware that wraps it.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// Puts that body in.
    pub fn set_body(&mut self, body: Body) {
        self.body = body;
    }

    /// Adds to the end of the body.
    ///
    /// # Errors
    /// When the body is a stream.
    pub fn write(&mut self, more: impl AsRef<[u8]>) -> Result<()> {
        match &mut self.body {
            Body::Bytes(bytes) => {
                let mut whole = BytesMut::from(std::mem::take(bytes));
                whole.extend_from_slice(more.as_ref());
                *bytes = whole.freeze();
                Ok(())
            }
            Body::Stream(_) => {
                Err(Error::internal("a streaming response cannot be written to: put it into the stream"))
            }
        }
    }

    /// What middleware notes on the response for a layer further out.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// As hyper sends it, with a `Set-Cookie` line for each cookie.
    #[must_use]
    pub fn into_http(self) -> http::Response<ResponseBody> {
        let Self { status, mut headers, cookies, extensions, body } = self;
        for morsel in cookies.iter() {
            match morsel.header() {
                Some(value) => {
                    headers.append(SET_COOKIE, value);
                }
                None => {
                    tracing::error!(cookie = morsel.name(), "a cookie cannot be sent: it is no header value");
                }
            }
        }
        let mut response = http::Response::new(body.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        *response.extensions_mut() = extensions;
        response
    }
}

/// Django 5.2 `utils/http.py`: `MAX_URL_REDIRECT_LENGTH`.
const MAX_REDIRECT: usize = 16384;

/// Refuses to redirect to a very long address (Django 5.2 `http/response.py`): the limit counts characters before they are
/// escaped.
pub(crate) fn check_redirect_length(to: &str) -> Result<()> {
    if to.len() > MAX_REDIRECT && to.chars().count() > MAX_REDIRECT {
        let reason = format!("Unsafe redirect exceeding {MAX_REDIRECT} characters");
        return Err(Error::suspicious("DisallowedRedirect", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
