//! A middleware's row in an app's table: the name that `MIDDLEWARE` says, and how it is made, once, at start-up.

use std::fmt;
use std::sync::Arc;

use crate::checks::CheckMessage;
use crate::middleware::function::{AroundFn, BeforeViewFn, MiddlewareFn};
use crate::middleware::halves::Halves;
use crate::middleware::onion::{Middleware, Next, Shell};
use crate::middleware::view::{NextView, ViewMiddleware};
use crate::project::Project;

/// A middleware that is built from the project's settings when the site starts, never per request.
pub trait FromProject: Sized {
    /// Builds it, or says every fault of its settings.
    ///
    /// # Errors
    /// The faults that stop the start.
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>>;
}

/// A middleware, made: its sides.
#[derive(Default)]
pub(crate) struct Layer {
    /// Around the rest of the onion.
    pub(crate) around: Option<Shell>,
    /// Between the routes and the view.
    pub(crate) view: Option<Arc<dyn ViewMiddleware>>,
}

/// How one middleware is made.
#[derive(Clone, Copy)]
enum Build {
    Type(fn(&Project) -> Result<Layer, Vec<CheckMessage>>),
    Around(&'static dyn AroundFn),
    BeforeView(&'static dyn BeforeViewFn),
}

/// A row of an app's middleware table: made from a type with [`MiddlewareDef::of`] or [`MiddlewareDef::with_view`], from a
/// function with [`MiddlewareDef::function`] or [`MiddlewareDef::view_function`].
#[derive(Clone, Copy)]
pub struct MiddlewareDef {
    /// The dotted name in `MIDDLEWARE`.
    pub name: &'static str,
    build: Build,
}

impl MiddlewareDef {
    /// The row of that middleware.
    #[must_use]
    pub const fn of<M: Middleware + FromProject>(name: &'static str) -> Self {
        let build = |project: &Project| {
            let around = Shell::Around(Arc::new(M::from_project(project)?));
            Ok(Layer { around: Some(around), view: None })
        };
        Self { name, build: Build::Type(build) }
    }

    /// The row of that middleware, which comes in halves.
    pub(crate) const fn halves<M: Halves + FromProject>(name: &'static str) -> Self {
        let build = |project: &Project| {
            let around = Shell::Halves(Arc::new(M::from_project(project)?));
            Ok(Layer { around: Some(around), view: None })
        };
        Self { name, build: Build::Type(build) }
    }

    /// The row of that middleware, which comes in halves and stands before the view as well.
    pub(crate) const fn halves_with_view<M: Halves + ViewMiddleware + FromProject>(
        name: &'static str,
    ) -> Self {
        let build = |project: &Project| {
            let both = Arc::new(M::from_project(project)?);
            let around = Shell::Halves(Arc::clone(&both) as Arc<dyn Halves>);
            Ok(Layer { around: Some(around), view: Some(both) })
        };
        Self { name, build: Build::Type(build) }
    }

    /// The row of that middleware, which stands before the view as well.
    #[must_use]
    pub const fn with_view<M: Middleware + ViewMiddleware + FromProject>(name: &'static str) -> Self {
        let build = |project: &Project| {
            let both = Arc::new(M::from_project(project)?);
            let around = Shell::Around(Arc::clone(&both) as Arc<dyn Middleware>);
            Ok(Layer { around: Some(around), view: Some(both) })
        };
        Self { name, build: Build::Type(build) }
    }

    /// The row of that function.
    ///
    /// ```
    /// use nuages::prelude::*;
    ///
    /// async fn greeter(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
    ///     Ok(next.run(request).await.with_header("x-greeting", "hello")?)
    /// }
    ///
    /// let site = Site::new("shop").middleware(MiddlewareDef::function("shop.middleware.greeter", &greeter));
    /// # drop(site);
    /// ```
    #[must_use]
    pub const fn function<F: for<'a> MiddlewareFn<Next<'a>>>(
        name: &'static str,
        function: &'static F,
    ) -> Self {
        Self { name, build: Build::Around(function) }
    }

    /// The row of that function, which stands between the routes and the view alone: see [`ViewMiddleware`].
    ///
    /// ```
    /// use nuages::prelude::*;
    ///
    /// /// Django's `process_exception`: what the bank says is no fault of ours.
    /// async fn bank(request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
    ///     match next.run(request).await {
    ///         Err(Error::Internal(error)) if error.is::<std::io::Error>() => {
    ///             Ok(HttpResponse::text("Please try again.").with_status(StatusCode::BAD_GATEWAY))
    ///         }
    ///         outcome => outcome,
    ///     }
    /// }
    ///
    /// let site = Site::new("shop").middleware(MiddlewareDef::view_function("shop.middleware.bank", &bank));
    /// # drop(site);
    /// ```
    #[must_use]
    pub const fn view_function<F: for<'a> MiddlewareFn<NextView<'a>>>(
        name: &'static str,
        function: &'static F,
    ) -> Self {
        Self { name, build: Build::BeforeView(function) }
    }

    /// Makes it.
    ///
    /// # Errors
    /// The faults that stop the start.
    pub(crate) fn build(&self, project: &Project) -> Result<Layer, Vec<CheckMessage>> {
        match self.build {
            Build::Type(build) => build(project),
            Build::Around(function) => {
                Ok(Layer { around: Some(Shell::Around(function.layer())), ..Layer::default() })
            }
            Build::BeforeView(function) => Ok(Layer { view: Some(function.layer()), ..Layer::default() }),
        }
    }
}

impl fmt::Debug for MiddlewareDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiddlewareDef").field("name", &self.name).finish_non_exhaustive()
    }
}
