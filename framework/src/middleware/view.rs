//! The layers between the routes and the view: where Django has `process_view`, `process_exception` and
//! `process_template_response`.

use std::fmt;
use std::pin::pin;

use async_trait::async_trait;

use crate::error::Result;
use crate::error::panic::guarded;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::Onion;
use crate::urls::marks::Marks;

/// A second side of a middleware: a layer between the routes and the view.
///
/// It is called when the route is known ([`HttpRequest::resolver_match`]) and nothing but the other layers of this kind, in the
/// order of `MIDDLEWARE`, stands before the view. What Django does in three hooks is three places in one function:
///
/// | Django | here |
/// |---|---|
/// | `process_view` | before [`NextView::run`]; answer without it, and the view is not called |
/// | `process_exception` | when [`NextView::run`] gives an `Err`: the view's own error, not a response yet; a panic is one, too |
/// | `process_template_response` | when it gives an `Ok`. Templates are rendered when the view asks, so what goes into their context is the work of a [context processor](crate::context_processors) |
///
/// A middleware with this side is registered with [`MiddlewareDef::with_view`](crate::middleware::def::MiddlewareDef::with_view).
///
/// ```
/// use nuages::prelude::*;
///
/// /// Closes the views whose names begin with `shop:` while the stock is counted.
/// struct Stocktaking;
///
/// impl FromProject for Stocktaking {
///     fn from_project(_project: &Project) -> Result<Self, Vec<CheckMessage>> {
///         Ok(Self)
///     }
/// }
///
/// #[async_trait]
/// impl Middleware for Stocktaking {
///     async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
///         Ok(next.run(request).await)
///     }
/// }
///
/// #[async_trait]
/// impl ViewMiddleware for Stocktaking {
///     async fn process_view(&self, request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
///         if request.resolver_match().is_some_and(|found| found.namespace() == "shop") {
///             return Ok(HttpResponse::text("We are counting.").with_status(StatusCode::SERVICE_UNAVAILABLE));
///         }
///         next.run(request).await
///     }
/// }
///
/// const STOCKTAKING: MiddlewareDef = MiddlewareDef::with_view::<Stocktaking>("shop.middleware.Stocktaking");
/// ```
#[async_trait]
pub trait ViewMiddleware: Send + Sync + 'static {
    /// Answers in place of the view, or asks it with [`NextView::run`] and may change what comes back.
    ///
    /// # Errors
    /// What the view fails with, or of its own: it becomes a response before the onion's layers see it.
    async fn process_view(&self, request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse>;

    /// Whether [`process_view`](ViewMiddleware::process_view) would do nothing to this request but ask the rest. It is then not
    /// called, which saves its future. `marks` is what the view's decorators say of it.
    fn lets_through(&self, request: &HttpRequest, marks: Marks) -> bool {
        let _ = (request, marks);
        false
    }
}

/// The view, and the layers before it that are left.
#[derive(Clone, Copy)]
pub struct NextView<'a> {
    pub(super) onion: &'a Onion,
    /// The number of the route.
    pub(super) route: usize,
    /// How many layers of this kind the request has passed.
    pub(super) depth: usize,
}

impl fmt::Debug for NextView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextView")
            .field("route", &self.route)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

impl NextView<'_> {
    /// What the view's decorators say of it.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.onion.views.marks(self.route)
    }

    /// Asks the layers that are left, and then the view. A panic of the view is an error like any other.
    ///
    /// # Errors
    /// What the view fails with.
    pub async fn run(self, request: HttpRequest) -> Result<HttpResponse> {
        let layers = self.onion.view_layers.get(self.depth..).unwrap_or_default();
        let marks = if layers.is_empty() { Marks::default() } else { self.marks() };
        for (passed, layer) in layers.iter().enumerate() {
            if !layer.lets_through(&request, marks) {
                return layer.process_view(request, Self { depth: self.depth + passed + 1, ..self }).await;
            }
        }
        // The call is part of what is guarded: a closure may panic before it has a future.
        let view = pin!(async move { self.onion.call_view(self.route, request).await });
        guarded("the view", view).await
    }
}
