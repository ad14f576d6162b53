//! One layer of the onion, and the rest of it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::urls::views::Views;

/// A layer of the onion (Django's `MIDDLEWARE`).
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
    pub(crate) rest: &'a [Arc<dyn Middleware>],
    pub(crate) views: &'a Views,
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("layers", &self.rest.len()).finish_non_exhaustive()
    }
}
