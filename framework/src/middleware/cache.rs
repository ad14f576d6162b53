//! `django.middleware.cache`: whole pages, kept in a cache.
//!
//! ```toml
//! MIDDLEWARE = [
//!     "django.middleware.cache.UpdateCacheMiddleware",     # the first: sees what all others made of the response
//!     "…",
//!     "django.middleware.cache.FetchFromCacheMiddleware",  # the last
//! ]
//! CACHE_MIDDLEWARE_SECONDS = 300
//! ```
//!
//! keeps every page of the site (`django.middleware.cache.CacheMiddleware` is the two in one place); [`cache_page`](crate::decorators::cache::cache_page) keeps those of one view. A page is kept by
//! its whole address, and by the values of the headers that its `Vary` names.
//!
//! What is kept: an answer to GET or HEAD with status 200 that is no stream, has none of `private`, `no-cache` and `no-store` in
//! its `Cache-Control` and no `*` in its `Vary`. It gets `Expires` and `Cache-Control: max-age` to match. A page that is one
//! visitor's — it sets a cookie, shows a CSRF token or messages, comes from a session — is not kept, unless
//! `CACHE_MIDDLEWARE_PERSONAL_PAGES` asks for Django's way.
//!
//! A cache that is down costs speed and a line in the log, not the page.

pub(crate) mod asked;
pub(crate) mod page_cache;
pub(crate) mod personal;
mod stored_page;

use async_trait::async_trait;

use crate::checks::CheckMessage;
use crate::conf::page_cache::PageCacheSettings;
use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::cache::asked::Plan;
use crate::middleware::cache::page_cache::PageCache;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;

/// Keeps the page on its way out, if [`FetchFromCacheMiddleware`] did not find it on the way in (Django 5.2
/// `middleware/cache.py`).
#[derive(Debug)]
pub struct UpdateCacheMiddleware {
    pages: PageCache,
}

/// Answers with the page that is kept (Django 5.2 `middleware/cache.py`).
#[derive(Debug)]
pub struct FetchFromCacheMiddleware {
    pages: PageCache,
}

/// Both in one place, for a site where nothing that changes pages stands between the two (Django 5.2 `middleware/cache.py`).
#[derive(Debug)]
pub struct CacheMiddleware {
    pages: PageCache,
}

impl FromProject for CacheMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self { pages: pages(project)? })
    }
}

impl FromProject for UpdateCacheMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self { pages: pages(project)? })
    }
}

impl FromProject for FetchFromCacheMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self { pages: pages(project)? })
    }
}

fn pages(project: &Project) -> Result<PageCache, Vec<CheckMessage>> {
    let settings = project.settings().section::<PageCacheSettings>();
    PageCache::new(project, &settings.alias, &settings.key_prefix).map_err(|error| {
        vec![
            CheckMessage::error("nuages.E017", format!("CACHE_MIDDLEWARE_ALIAS: {error}"))
                .hint("Name an entry of CACHES."),
        ]
    })
}

#[async_trait]
impl Middleware for UpdateCacheMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        updated(&self.pages, request, next).await
    }
}

#[async_trait]
impl Middleware for CacheMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        match self.pages.fetch(&request).await? {
            Some(kept) => Ok(kept),
            None => updated(&self.pages, request, next).await,
        }
    }
}

/// The response, kept if it was not found and may be.
async fn updated(pages: &PageCache, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
    let notes = request.notes().clone();
    let mut response = next.run(request).await;
    if let Some(asked) = notes.get::<Plan>().and_then(|plan| plan.asked()) {
        pages.update(&asked, &notes, None, &mut response).await?;
    }
    Ok(response)
}

#[async_trait]
impl Middleware for FetchFromCacheMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        match self.pages.fetch(&request).await? {
            Some(kept) => Ok(kept),
            None => Ok(next.run(request).await),
        }
    }
}

#[cfg(test)]
mod tests;
