//! A middleware's row in an app's table: the name that `MIDDLEWARE` says, and how it is made, once, at start-up.

use std::sync::Arc;

use crate::checks::CheckMessage;
use crate::middleware::onion::Middleware;
use crate::project::Project;

/// A middleware that is built from the project's settings when the site starts, never per request.
pub trait FromProject: Sized {
    /// Builds it, or says every fault of its settings.
    ///
    /// # Errors
    /// The faults that stop the start.
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>>;
}

/// How one middleware is made.
pub type Build = fn(&Project) -> Result<Arc<dyn Middleware>, Vec<CheckMessage>>;

/// A row of an app's middleware table: made with [`MiddlewareDef::of`].
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
        Self { name, build: |project| Ok(Arc::new(M::from_project(project)?)) }
    }
}
