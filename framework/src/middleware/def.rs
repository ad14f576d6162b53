//! A middleware's row in an app's table: the name that `MIDDLEWARE` says, and how it is made, once, at start-up.

use std::sync::Arc;

use crate::checks::CheckMessage;
use crate::middleware::onion::Middleware;
use crate::middleware::view::ViewMiddleware;
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
pub(crate) struct Layer {
    /// Around the rest of the onion.
    pub(crate) around: Arc<dyn Middleware>,
    /// Between the routes and the view.
    pub(crate) view: Option<Arc<dyn ViewMiddleware>>,
}

/// How one middleware is made.
type Build = fn(&Project) -> Result<Layer, Vec<CheckMessage>>;

/// A row of an app's middleware table: made with [`MiddlewareDef::of`] or [`MiddlewareDef::with_view`].
#[derive(Debug, Clone, Copy)]
pub struct MiddlewareDef {
    /// The dotted name in `MIDDLEWARE`.
    pub name: &'static str,
    pub(crate) build: Build,
}

impl MiddlewareDef {
    /// The row of that middleware.
    #[must_use]
    pub const fn of<M: Middleware + FromProject>(name: &'static str) -> Self {
        Self { name, build: |project| Ok(Layer { around: Arc::new(M::from_project(project)?), view: None }) }
    }

    /// The row of that middleware, which stands before the view as well.
    #[must_use]
    pub const fn with_view<M: Middleware + ViewMiddleware + FromProject>(name: &'static str) -> Self {
        Self {
            name,
            build: |project| {
                let both = Arc::new(M::from_project(project)?);
                Ok(Layer { around: Arc::clone(&both) as Arc<dyn Middleware>, view: Some(both) })
            },
        }
    }
}
