//! A middleware that is a function.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::{Middleware, Next};
use crate::middleware::view::{NextView, ViewMiddleware};

/// A function that is a layer: `async fn(HttpRequest, Next<'_>) -> Result<HttpResponse>` around the rest of the onion, the
/// same with [`NextView`] between the routes and the view.
///
/// What such a function keeps between requests it has to ask of [`HttpRequest::project`]; a layer with settings or state of its
/// own is a type that implements [`Middleware`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a middleware",
    label = "not a middleware",
    note = "a middleware is `async fn(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse>`; one that stands between the \
            routes and the view takes a `NextView<'_>`",
    note = "its future must be `Send`: nothing that is not may live across an `.await`"
)]
pub trait MiddlewareFn<N>: Send + Sync + 'static {
    /// What it gives.
    type Future: Future<Output = Result<HttpResponse>> + Send;

    /// Answers by itself, or asks `next`.
    fn call(&self, request: HttpRequest, next: N) -> Self::Future;
}

impl<N, F, Fut> MiddlewareFn<N> for F
where
    F: Fn(HttpRequest, N) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<HttpResponse>> + Send,
{
    type Future = Fut;

    fn call(&self, request: HttpRequest, next: N) -> Fut {
        self(request, next)
    }
}

/// The function as a layer around the rest of the onion.
pub(super) trait AroundFn: Sync {
    fn layer(&'static self) -> Arc<dyn Middleware>;
}

/// The function as a layer between the routes and the view.
pub(super) trait BeforeViewFn: Sync {
    fn layer(&'static self) -> Arc<dyn ViewMiddleware>;
}

impl<F: for<'a> MiddlewareFn<Next<'a>>> AroundFn for F {
    fn layer(&'static self) -> Arc<dyn Middleware> {
        Arc::new(FromFn(self))
    }
}

impl<F: for<'a> MiddlewareFn<NextView<'a>>> BeforeViewFn for F {
    fn layer(&'static self) -> Arc<dyn ViewMiddleware> {
        Arc::new(FromFn(self))
    }
}

struct FromFn<F: 'static>(&'static F);

#[async_trait]
impl<F: for<'a> MiddlewareFn<Next<'a>>> Middleware for FromFn<F> {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        self.0.call(request, next).await
    }
}

#[async_trait]
impl<F: for<'a> MiddlewareFn<NextView<'a>>> ViewMiddleware for FromFn<F> {
    async fn process_view(&self, request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
        self.0.call(request, next).await
    }
}

#[cfg(test)]
mod tests {
    use crate::error::BoxError;
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn marks(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let path = request.path().to_owned();
        Ok(next.run(request).await.with_header("x-path", &path)?)
    }

    async fn guards(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        if request.header("x-key").is_none() {
            return Err(Error::permission_denied("no key"));
        }
        Ok(next.run(request).await)
    }

    /// All three places of Django's hooks.
    async fn hooks(request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
        let name = request.resolver_match().and_then(|found| found.url_name().map(str::to_owned));
        if name.as_deref() == Some("closed") {
            return Ok(HttpResponse::text("process_view"));
        }
        match next.run(request).await {
            Ok(response) => Ok(response.with_header("x-after", &name.unwrap_or_default())?),
            Err(Error::Internal(error)) => Ok(HttpResponse::text(format!("process_exception: {error}"))),
            Err(other) => Err(other),
        }
    }

    async fn view(_request: HttpRequest, how: String) -> Result<HttpResponse> {
        match how.as_str() {
            "fail" => Err(Error::internal("the wheel came off")),
            "panic" => panic!("the axle broke"),
            "missing" => Err(Error::not_found("nothing")),
            _ => Ok(HttpResponse::text("view")),
        }
    }

    #[tokio::test]
    async fn functions_are_layers() -> Result<(), BoxError> {
        let site = Site::new("no-such-folder")
            .urls(urls![
                path("closed/", async |_: HttpRequest| view_is_not_called()).name("closed"),
                path("<how>/", view).name("view")
            ])
            .middleware(MiddlewareDef::function("tests.marks", &marks))
            .middleware(MiddlewareDef::function("tests.guards", &guards))
            .middleware(MiddlewareDef::view_function("tests.hooks", &hooks));
        let names = ["tests.marks", "tests.hooks", "tests.guards"];
        let client = Client::builder(site).setting("MIDDLEWARE", names).build().await?;
        let response = client.get("/a/").await?;
        assert_eq!((response.status.as_u16(), response.header("x-path")), (403, Some("/a/")));
        client.always("x-key", "1")?;
        for (path, status, text, after) in [
            ("/a/", 200, "view", Some("view")),
            ("/closed/", 200, "process_view", None),
            ("/fail/", 200, "process_exception: the wheel came off", None),
            ("/panic/", 200, "process_exception: the view panicked: the axle broke", None),
        ] {
            let response = client.get(path).await?;
            assert_eq!(
                (response.status.as_u16(), &*response.text(), response.header("x-after")),
                (status, text, after)
            );
            assert_eq!(response.header("x-path"), Some(path));
        }
        let missing = client.get("/missing/").await?;
        assert_eq!((missing.status.as_u16(), missing.header("x-path")), (404, Some("/missing/")));
        Ok(())
    }

    fn view_is_not_called() -> Result<HttpResponse> {
        unreachable!("a layer answers in its place")
    }
}
