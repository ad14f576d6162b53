//! The layers of `MIDDLEWARE` around the views of the URLconf: one layer, the rest of the onion seen from it, and all of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use smallvec::SmallVec;

use crate::error::panic::{Payload, guarded, keep_places, panicked};
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::error_handlers::ErrorHandlers;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::refusal::refuse;
use crate::middleware::request_line::RequestLine;
use crate::middleware::view::{NextView, ViewMiddleware};
use crate::project::Project;
use crate::urls::views::Views;

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
    /// Always a response: what fails or panics further in is turned into one before it comes back out, so that each layer can
    /// rely on getting one (Django 5.2 `core/handlers/exception.py`, `convert_exception_to_response`).
    pub async fn run(self, request: HttpRequest) -> HttpResponse {
        let mut passed = Passed::new();
        self.go_on(Place::In(request), &mut passed).await
    }

    /// The same from any place on the way, when those layers have been passed.
    pub(super) async fn go_on(self, place: Place, passed: &mut Passed) -> HttpResponse {
        let outcome = match place {
            Place::In(request) => {
                let inwards = pin!(self.inwards(request, passed));
                guarded("a middleware", inwards).await
            }
            Place::Out(outcome) => outcome,
        };
        let mut response = match outcome {
            Ok(response) => response,
            // Boxed, so that no layer's future has to have room for it.
            Err(error) => Box::pin(refuse(error, self.line, self.onion)).await,
        };
        self.outwards(passed, &mut response).await;
        response
    }

    /// Through the first halves to the view, or to a layer that answers or asks the rest by itself.
    async fn inwards(self, mut request: HttpRequest, passed: &mut Passed) -> Result<HttpResponse> {
        loop {
            match self.onion.layers.get(self.depth + passed.len()) {
                Some(Shell::Halves(layer)) => match layer.before(&mut request, self) {
                    Before::Next(kept) => passed.push(kept),
                    Before::Wait => passed.push(layer.wait_before(&mut request, self).await?),
                    Before::Fail(error) => return Err(error),
                    Before::Answer(response, kept) => {
                        passed.push(kept);
                        return Ok(response);
                    }
                },
                Some(Shell::Around(layer)) => {
                    let next = Next { depth: self.depth + passed.len() + 1, ..self };
                    return layer.handle(request, next).await;
                }
                None => {
                    self.line.note_layers(&request);
                    return self.onion.view(request).await;
                }
            }
        }
    }

    /// Back through the second halves.
    pub(super) async fn outwards(self, passed: &mut Passed, response: &mut HttpResponse) {
        while let Some(kept) = passed.pop() {
            let Some(layer) = self.passed_layer(passed.len() + 1) else { continue };
            let outcome = match second_half(layer, &kept, self, response) {
                Ok(After::Done(outcome)) => outcome,
                Ok(After::Wait) => {
                    guarded("a middleware", pin!(layer.wait_after(&kept, self, response))).await
                }
                Err(payload) => Err(panicked("a middleware", &*payload)),
            };
            if let Err(error) = outcome {
                *response = Box::pin(refuse(error, self.line, self.onion)).await;
            }
        }
    }

    /// The last of so many layers in halves that were passed from here.
    pub(super) fn passed_layer(&self, count: usize) -> Option<&Arc<dyn Halves>> {
        match self.onion.layers.get(self.depth + count.checked_sub(1)?)? {
            Shell::Halves(layer) => Some(layer),
            Shell::Around(_) => None,
        }
    }
}

/// The second half of a layer; an error is what it panicked with.
pub(super) fn second_half(
    layer: &Arc<dyn Halves>,
    kept: &Kept,
    next: Next<'_>,
    response: &mut HttpResponse,
) -> Result<After, Payload> {
    catch_unwind(AssertUnwindSafe(|| layer.after(kept, next, response)))
}

/// Where a request is on its way.
pub(super) enum Place {
    /// On the way to the view.
    In(HttpRequest),
    /// On the way back, with what came of it.
    Out(Result<HttpResponse>),
}

/// What the layers in halves whose first halves are done keep for their second, outermost first.
pub(super) type Passed = SmallVec<[Kept; 6]>;

/// A layer of the onion.
#[derive(Clone)]
pub(crate) enum Shell {
    /// A future around the rest.
    Around(Arc<dyn Middleware>),
    /// One half before the rest, and one after it.
    Halves(Arc<dyn Halves>),
}

/// Everything between the server and a view.
pub struct Onion {
    pub(crate) project: Arc<Project>,
    pub(crate) layers: Vec<Shell>,
    /// The layers between the routes and the view.
    pub(crate) view_layers: Vec<Arc<dyn ViewMiddleware>>,
    pub(crate) views: Views,
    pub(crate) error_handlers: ErrorHandlers,
}

impl fmt::Debug for Onion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onion").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl Onion {
    /// Puts the layers, outermost first, around the views.
    pub(crate) fn new(project: Arc<Project>, layers: Vec<Shell>, views: Views) -> Self {
        keep_places();
        Self { project, layers, view_layers: Vec::new(), views, error_handlers: ErrorHandlers::default() }
    }

    /// Puts layers between the routes and the views, outermost first.
    pub(crate) fn with_view_layers(mut self, layers: Vec<Arc<dyn ViewMiddleware>>) -> Self {
        self.view_layers = layers;
        self
    }

    /// Says who makes the pages of errors.
    pub(crate) fn with_error_handlers(mut self, handlers: ErrorHandlers) -> Self {
        self.error_handlers = handlers;
        self
    }

    /// Puts one more layer around all others.
    pub(crate) fn wrap(&mut self, layer: Arc<dyn Middleware>) {
        self.layers.insert(0, Shell::Around(layer));
    }

    /// The site.
    #[must_use]
    pub const fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// From the request to the response: always a response.
    pub async fn respond(&self, request: HttpRequest) -> HttpResponse {
        let line = RequestLine::of(&request);
        let response = Next { onion: self, line: &line, depth: 0 }.run(request).await;
        line.log(&response);
        response
    }

    /// Resolves the path and calls the view, through the layers before it.
    async fn view(&self, request: HttpRequest) -> Result<HttpResponse> {
        let route = self.resolve(&request)?;
        NextView { onion: self, route, depth: 0 }.run(request).await
    }

    /// The number of the route that the path leads to, which the request notes.
    pub(super) fn resolve(&self, request: &HttpRequest) -> Result<usize> {
        if let Some(route) = request.route() {
            return Ok(route.route());
        }
        let Some(found) = self.project.routes().resolve(request.path_info()) else {
            return Err(Error::not_found("no route matches the path"));
        };
        let route = found.route();
        request.set_route(found);
        Ok(route)
    }

    /// Calls the view of that route, to which the request was led.
    pub(super) fn call_view(
        &self,
        route: usize,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpResponse>> {
        let arguments = request.resolver_match().map(|found| found.arguments()).unwrap_or_default();
        self.views.call(route, request, arguments)
    }
}

#[cfg(test)]
mod tests;
