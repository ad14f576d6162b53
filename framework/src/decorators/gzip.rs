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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn long(_: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("x".repeat(1000)))
    }

    async fn part(_: HttpRequest) -> Result<HttpResponse> {
        let part = HttpResponse::text("x".repeat(1000)).with_status(StatusCode::PARTIAL_CONTENT);
        Ok(part.with_header("content-range", "bytes 0-999/5000")?)
    }

    #[tokio::test]
    async fn one_view_is_compressed() {
        let site = Site::new("no-such-folder").urls(urls![
            path("plain/", long),
            path("packed/", gzip_page(long)),
            path("part/", gzip_page(part)),
        ]);
        let client = Client::builder(site).setting("MIDDLEWARE", [""; 0]).build().await.unwrap();
        for (path, accepted, coding, vary) in [
            ("/packed/", "gzip", Some("gzip"), Some("Accept-Encoding")),
            ("/packed/", "br", None, Some("Accept-Encoding")),
            ("/plain/", "gzip", None, None),
            ("/part/", "gzip", None, Some("Accept-Encoding")),
        ] {
            let response = client.get(path).header("accept-encoding", accepted).await.unwrap();
            assert_eq!(
                (response.header("content-encoding"), response.header("vary")),
                (coding, vary),
                "{path} {accepted}"
            );
        }
    }
}
