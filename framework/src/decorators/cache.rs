//! How long the answer of a view may be kept (Django 5.2 `views/decorators/cache.py`).

use async_trait::async_trait;

use crate::error::Result;
use crate::http::cache_control::{Directive, add_never_cache_headers, patch_cache_control};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::cache::asked::Plan;
use crate::middleware::cache::page_cache::PageCache;
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// Keeps the view's pages for so many seconds in the cache `default`: see [`middleware::cache`](crate::middleware::cache) for
/// which, and by what.
///
/// The time beats what the answer's own `max-age` says; 0 keeps nothing, and says so to browsers.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::cache::cache_page;
///
/// # async fn front_page(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("", cache_page(60 * 15, front_page));
/// ```
pub fn cache_page<Args: 'static>(seconds: u32, view: impl View<Args>) -> impl View<Args> {
    cache_page_with(seconds, "default", "", view)
}

/// The same in the cache of that alias, and with that prefix of the keys (Django's `cache=` and `key_prefix=`). As in Django,
/// `CACHE_MIDDLEWARE_ALIAS` and `CACHE_MIDDLEWARE_KEY_PREFIX` are for the middleware, not for these.
pub fn cache_page_with<Args: 'static>(
    seconds: u32,
    cache: &'static str,
    key_prefix: &'static str,
    view: impl View<Args>,
) -> impl View<Args> {
    decorate(view, Page { seconds, cache, key_prefix })
}

/// Adds these directives to the `Cache-Control` of the view's answers: see [`patch_cache_control`].
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::cache::cache_control;
/// use nuages::http::cache_control::Directive;
///
/// # async fn report(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("report/", cache_control(&[Directive::Flag("private"), Directive::Seconds("max-age", 600)], report));
/// ```
pub fn cache_control<Args: 'static>(
    directives: &'static [Directive<'static>],
    view: impl View<Args>,
) -> impl View<Args> {
    decorate(view, Control(directives))
}

/// No cache keeps the view's answers, the browser's included: see [`add_never_cache_headers`].
pub fn never_cache<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Never)
}

struct Page {
    seconds: u32,
    cache: &'static str,
    key_prefix: &'static str,
}

#[async_trait]
impl Decorator for Page {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let pages = PageCache::new(request.project(), self.cache, self.key_prefix)?;
        if let Some(kept) = pages.fetch(&request).await? {
            return Ok(kept);
        }
        let notes = request.notes().clone();
        let mut response = view.call(request).await?;
        if let Some(asked) = notes.get::<Plan>().and_then(|plan| plan.asked()) {
            pages.update(&asked, &notes, Some(self.seconds), &mut response).await?;
        }
        Ok(response)
    }
}

struct Control(&'static [Directive<'static>]);

#[async_trait]
impl Decorator for Control {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let mut response = view.call(request).await?;
        patch_cache_control(&mut response.headers, self.0)?;
        Ok(response)
    }
}

struct Never;

#[async_trait]
impl Decorator for Never {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let mut response = view.call(request).await?;
        add_never_cache_headers(&mut response.headers)?;
        Ok(response)
    }
}
