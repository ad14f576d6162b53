//! Which methods a view answers (Django 5.2 `views/decorators/http.py`).

use async_trait::async_trait;
use http::Method;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::request_log::not_allowed;
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// The view answers these methods alone; to any other the answer is 405 with `Allow`.
///
/// HEAD is a method like any other here. A type with one method for each is a
/// [class-based view](crate::urls::class::ClassView).
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::http::{require_http_methods, require_post};
///
/// # async fn edit(_: HttpRequest, _id: u64) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// # async fn delete(_: HttpRequest, _id: u64) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// let urls = urls![
///     path("<int:id>/", require_http_methods(&["GET", "POST"], edit)),
///     path("<int:id>/delete/", require_post(delete)),
/// ];
/// # let _ = urls;
/// ```
pub fn require_http_methods<Args: 'static>(
    methods: &'static [&'static str],
    view: impl View<Args>,
) -> impl View<Args> {
    decorate(view, Require(methods))
}

/// The view answers GET alone: not even HEAD (Django's `require_GET`).
#[doc(alias = "require_GET")]
pub fn require_get<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    require_http_methods(&["GET"], view)
}

/// The view answers POST alone (Django's `require_POST`).
#[doc(alias = "require_POST")]
pub fn require_post<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    require_http_methods(&["POST"], view)
}

/// The view answers GET and HEAD alone.
pub fn require_safe<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    require_http_methods(&["GET", "HEAD"], view)
}

struct Require(&'static [&'static str]);

impl Require {
    fn allows(&self, method: &Method) -> bool {
        self.0.contains(&method.as_str())
    }
}

#[async_trait]
impl Decorator for Require {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        if self.allows(request.method()) {
            return view.call(request).await;
        }
        Ok(not_allowed(&request, self.0))
    }
}
