//! The request, as a view receives it.

use std::sync::Arc;

use crate::project::Project;
use crate::session::handle::Session;

/// A request on its way to a view, owned by whoever holds it.
#[derive(Debug)]
pub struct HttpRequest {
    /// The visitor's session: loaded when something asks, saved by the middleware.
    pub session: Session,
    project: Arc<Project>,
}

impl HttpRequest {
    /// The site that the request runs in.
    #[must_use]
    pub const fn project(&self) -> &Arc<Project> {
        &self.project
    }
}

const _: () = {
    const fn both<T: Send + Sync>() {}
    both::<HttpRequest>();
};
