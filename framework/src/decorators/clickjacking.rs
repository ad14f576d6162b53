//! `X-Frame-Options` of one view (Django 5.2 `views/decorators/clickjacking.py`).

use async_trait::async_trait;
use http::header::{HeaderValue, X_FRAME_OPTIONS};

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::clickjacking::FrameExempt;
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// No page may show the view in a frame: `X-Frame-Options: DENY`, unless the view sets the header itself.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::clickjacking::{xframe_options_exempt, xframe_options_deny};
///
/// # async fn transfer(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// # async fn widget(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// let urls = urls![
///     path("transfer/", xframe_options_deny(transfer)),
///     path("widget/", xframe_options_exempt(widget)),
/// ];
/// # let _ = urls;
/// ```
pub fn xframe_options_deny<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Frame(HeaderValue::from_static("DENY")))
}

/// Pages of the same origin alone may show the view in a frame: `X-Frame-Options: SAMEORIGIN`, unless the view sets the
/// header itself.
pub fn xframe_options_sameorigin<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Frame(HeaderValue::from_static("SAMEORIGIN")))
}

/// Every page may show the view in a frame: the middleware adds no `X-Frame-Options`.
pub fn xframe_options_exempt<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Exempt)
}

struct Frame(HeaderValue);

#[async_trait]
impl Decorator for Frame {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let mut response = view.call(request).await?;
        response.headers.entry(X_FRAME_OPTIONS).or_insert_with(|| self.0.clone());
        Ok(response)
    }
}

struct Exempt;

#[async_trait]
impl Decorator for Exempt {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let mut response = view.call(request).await?;
        response.extensions_mut().insert(FrameExempt);
        Ok(response)
    }
}
