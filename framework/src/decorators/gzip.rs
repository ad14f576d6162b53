//! Compression of one view (Django 5.2 `views/decorators/gzip.py`).

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::gzip::{accepts_gzip, compress};
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// Compresses the view's answers as [`GZipMiddleware`](crate::middleware::gzip::GZipMiddleware) does.
pub fn gzip_page<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, GzipPage)
}

struct GzipPage;

#[async_trait]
impl Decorator for GzipPage {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let accepted = accepts_gzip(request.headers());
        compress(view.call(request).await?, accepted).await
    }
}
