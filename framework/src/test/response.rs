//! What the test client gives back.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use cookie::Cookie;
use http::header::{LOCATION, SET_COOKIE};
use http::{Extensions, HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::error::Redirect;
use crate::http::request::HttpRequest;
use crate::routes::resolved::ResolverMatch;
use crate::template::rendered::Rendered;

/// A response, with all of its body.
#[derive(Debug, Clone)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers, `Set-Cookie` lines among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The URL that it is the response to: after redirects the last one.
    pub url: String,
    /// The redirects on the way, when [`follow`](super::request::TestRequest::follow) was asked for (Django's
    /// `response.redirect_chain`).
    pub redirect_chain: Vec<Redirect>,
    /// What the site's middleware noted on the response.
    pub extensions: Extensions,
    pub(super) request: Arc<HttpRequest>,
    pub(super) rendered: Vec<Rendered>,
}

impl TestResponse {
    /// The request that it is the response to: after redirects the last one (Django's `response.wsgi_request`).
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The route that answered (Django's `response.resolver_match`); `None` where a layer answered before the routes were asked, or
    /// none matches.
    ///
    /// ```
    /// # fn example(response: nuages::test::response::TestResponse) {
    /// assert_eq!(response.resolver_match().map(|found| found.view_name()).as_deref(), Some("shop:cart"));
    /// # }
    /// # let _ = example;
    /// ```
    #[must_use]
    pub fn resolver_match(&self) -> Option<ResolverMatch<'_>> {
        self.request.resolver_match()
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none, or not of that type.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// A header, when there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The templates that were rendered for it, in that order, each with its parents and parts (Django's `response.templates`):
    /// with [`render`](crate::shortcuts::render) or otherwise, for the page or beside it, for an error too. Those that a part is
    /// in by a condition are among them whether the condition holds or not.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.rendered.iter().flat_map(|rendered| rendered.templates()).map(String::as_str)
    }

    /// What the first template that knows the name had under it, from the view or a context processor (Django's
    /// `response.context`); `None` where there was nothing, or it has no such form.
    ///
    /// ```
    /// # fn example(response: nuages::test::response::TestResponse) {
    /// assert_eq!(response.context::<u64>("visits"), Some(2));
    /// # }
    /// # let _ = example;
    /// ```
    #[must_use]
    pub fn context<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = self.rendered.iter().find_map(|rendered| rendered.value(name))?;
        serde_json::from_value(serde_json::to_value(value).ok()?).ok()
    }

    /// Where it redirects to.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// The cookies that it sets, with their attributes; a deletion is one too.
    pub fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        let lines = self.headers.get_all(SET_COOKIE).into_iter();
        lines.filter_map(|line| Cookie::parse(line.to_str().ok()?).ok())
    }

    /// The cookie of that name, when it sets one.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<Cookie<'_>> {
        self.cookies().find(|cookie| cookie.name() == name)
    }
}
