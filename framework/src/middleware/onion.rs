//! The layers of `MIDDLEWARE` around the views of the URLconf: one layer, the rest of the onion seen from it, and all of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use smallvec::SmallVec;

use crate::error::panic::{guarded, keep_places, panicked};
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::error_handlers::ErrorHandlers;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::refusal::refuse;
use crate::middleware::request_line::RequestLine;
use crate::middleware::request_log::log_answer;
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
        let mut response = self.answer(request, &mut passed).await;
        self.outwards(&mut passed, &mut response).await;
        response
    }

    /// The response before it goes back out.
    async fn answer(self, request: HttpRequest, passed: &mut Passed) -> HttpResponse {
        let outcome = {
            let inwards = pin!(self.inwards(request, passed));
            guarded("a middleware", inwards).await
        };
        match outcome {
            Ok(response) => response,
            // Boxed, so that no layer's future has to have room for it.
            Err(error) => Box::pin(refuse(error, self.line, self.onion)).await,
        }
    }

    /// Through the first halves to the view, or to a layer that answers or asks the rest by itself.
    #[expect(clippy::manual_async_fn, reason = "an async fn has room for what it is given twice")]
    fn inwards(
        self,
        mut request: HttpRequest,
        passed: &mut Passed,
    ) -> impl Future<Output = Result<HttpResponse>> {
        async move {
            loop {
                match self.onion.layers.get(self.depth + passed.len()) {
                    Some(Shell::Halves(layer)) => {
                        let waiting = match layer.before(&mut request, self) {
                            Before::Next(kept) => {
                                passed.push(kept);
                                continue;
                            }
                            Before::Wait(waiting) => waiting,
                            Before::Fail(error) => return Err(error),
                            Before::Answer(response, kept) => {
                                passed.push(kept);
                                return Ok(response);
                            }
                        };
                        passed.push(waiting.await?);
                    }
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
    }

    /// Back through the second halves.
    async fn outwards(self, passed: &mut Passed, response: &mut HttpResponse) {
        while let Some(kept) = passed.pop() {
            // What was passed stands there.
            let Some(Shell::Halves(layer)) = self.onion.layers.get(self.depth + passed.len()) else {
                continue;
            };
            let outcome = match catch_unwind(AssertUnwindSafe(|| layer.after(kept, self, response))) {
                Ok(After::Done(outcome)) => outcome,
                Ok(After::Wait(waiting)) => guarded("a middleware", pin!(waiting)).await,
                Err(payload) => Err(panicked("a middleware", &*payload)),
            };
            if let Err(error) = outcome {
                *response = Box::pin(refuse(error, self.line, self.onion)).await;
            }
        }
    }
}

/// What the layers in halves whose first halves are done keep for their second, outermost first.
type Passed = SmallVec<[Kept; 6]>;

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
        if response.status.as_u16() >= 400 {
            log_answer(&response, line.as_sent());
        }
        response
    }

    /// Resolves the path and calls the view, through the layers before it.
    pub(crate) fn view(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse>> {
        let route = self.resolve(&request);
        async move {
            let Some(route) = route else { return Err(Error::not_found("no route matches the path")) };
            NextView { onion: self, route, depth: 0 }.run(request).await
        }
    }

    /// Notes on the request the route that its path leads to, and tells its number.
    fn resolve(&self, request: &HttpRequest) -> Option<usize> {
        let found = self.project.routes().resolve(request.path_info())?;
        let route = found.route();
        request.set_route(found);
        Some(route)
    }
}

#[cfg(test)]
mod tests;
