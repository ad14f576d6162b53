//! What the answer of a view depends on (Django 5.2 `views/decorators/vary.py`).

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::http::vary::patch_vary_headers;
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// The view's answer depends on these headers of the request: they are added to `Vary`.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::vary::vary_on_headers;
///
/// # async fn page(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("page/", vary_on_headers(&["User-Agent", "Accept-Language"], page));
/// ```
pub fn vary_on_headers<Args: 'static>(
    names: &'static [&'static str],
    view: impl View<Args>,
) -> impl View<Args> {
    decorate(view, Vary(names))
}

/// The view's answer depends on the visitor's cookies: `Vary: Cookie`.
pub fn vary_on_cookie<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    vary_on_headers(&["Cookie"], view)
}

struct Vary(&'static [&'static str]);

#[async_trait]
impl Decorator for Vary {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let mut response = view.call(request).await?;
        patch_vary_headers(&mut response.headers, self.0);
        Ok(response)
    }
}
