//! Who makes the pages of errors: Django's `handler400`, `handler403`, `handler404` and `handler500`.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use http::StatusCode;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;

/// A view for errors.
type ErrorHandler = Arc<dyn Fn(HttpRequest, Error) -> BoxFuture<'static, Result<HttpResponse>> + Send + Sync>;

/// The handlers of a site, each for one status. Where there is none, a visitor gets the
/// [plain page](crate::http::defaults::error_page).
#[derive(Clone, Default)]
pub(crate) struct ErrorHandlers(Vec<(StatusCode, ErrorHandler)>);

impl ErrorHandlers {
    /// Whether errors of that status have a handler.
    pub(crate) fn has(&self, status: StatusCode) -> bool {
        self.of(status).is_some()
    }

    /// From now on that view is given the errors of that status.
    pub(crate) fn set<F, Fut>(&mut self, status: StatusCode, view: F)
    where
        F: Fn(HttpRequest, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.0.retain(|(other, _)| *other != status);
        self.0.push((status, Arc::new(move |request, error| Box::pin(view(request, error)))));
    }

    fn of(&self, status: StatusCode) -> Option<&ErrorHandler> {
        self.0.iter().find(|(of, _)| *of == status).map(|(_, handler)| handler)
    }

    /// What the handler of that status makes of the error, if there is one.
    pub(super) fn call(
        &self,
        status: StatusCode,
        request: HttpRequest,
        error: Error,
    ) -> Option<impl Future<Output = Result<HttpResponse>> + Send + use<>> {
        let handler = Arc::clone(self.of(status)?);
        // Called when it is awaited: a closure may panic before it has a future.
        Some(async move { handler(request, error).await })
    }
}

impl fmt::Debug for ErrorHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(status, _)| status)).finish()
    }
}

#[cfg(test)]
mod tests;
