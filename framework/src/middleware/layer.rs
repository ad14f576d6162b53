//! One layer of the onion, and the rest of it.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::{Onion, RequestLine};
use crate::middleware::refusal::refuse;

/// A layer of the onion (Django's `MIDDLEWARE`).
///
/// ```
/// use nuages::prelude::*;
///
/// /// Says how long the rest of the site took.
/// struct Stopwatch;
///
/// #[async_trait]
/// impl Middleware for Stopwatch {
///     async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
///         let start = std::time::Instant::now();
///         let response = next.run(request).await;
///         Ok(response.with_header("server-timing", &format!("site;dur={}", start.elapsed().as_millis()))?)
///     }
/// }
/// ```
#[async_trait]
pub trait Middleware: Send + Sync + 'static {
    /// Answers by itself, or asks the layers further in with [`Next::run`] and may change what comes back.
    ///
    /// # Errors
    /// Whatever it says becomes a response before the next layer out sees it.
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse>;
}

/// The rest of the onion, seen from one layer.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    pub(crate) onion: &'a Onion,
    pub(crate) line: &'a RequestLine,
    /// How many layers the request has passed.
    pub(crate) depth: usize,
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("line", &self.line).field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl Next<'_> {
    /// Always a response: what fails further in is turned into one before it comes back out, so that each layer can rely
    /// on getting one (Django 5.2 `core/handlers/exception.py`, `convert_exception_to_response`).
    pub async fn run(self, request: HttpRequest) -> HttpResponse {
        let outcome = match self.onion.layers.get(self.depth) {
            Some(layer) => layer.handle(request, Next { depth: self.depth + 1, ..self }).await,
            None => self.onion.view(request).await,
        };
        match outcome {
            Ok(response) => response,
            Err(error) => refuse(&error, self.line, &self.onion.project),
        }
    }
}
