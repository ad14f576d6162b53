//! The layers of `MIDDLEWARE` around the views of the URLconf.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::{Method, Uri};

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::layer::{Middleware, Next};
use crate::project::Project;
use crate::urls::views::Views;

/// Everything between the server and a view.
pub struct Onion {
    pub(crate) project: Arc<Project>,
    pub(crate) layers: Vec<Arc<dyn Middleware>>,
    pub(crate) views: Views,
}

impl fmt::Debug for Onion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onion").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

/// What is still known of a request when the view has taken it: for logs and error pages. Cheap to make.
#[derive(Debug, Clone)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub uri: Uri,
}

impl Onion {
    /// Puts the layers, outermost first, around the views.
    #[must_use]
    pub const fn new(project: Arc<Project>, layers: Vec<Arc<dyn Middleware>>, views: Views) -> Self {
        Self { project, layers, views }
    }

    /// The site.
    #[must_use]
    pub const fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// From the request to the response: always a response.
    pub async fn respond(&self, request: HttpRequest) -> HttpResponse {
        let line = RequestLine { method: request.method().clone(), uri: request.uri().clone() };
        Next { onion: self, line: &line, depth: 0 }.run(request).await
    }

    /// Resolves the path and calls the view. A panic in it is an error like any other.
    pub(crate) async fn view(&self, mut request: HttpRequest) -> Result<HttpResponse> {
        let routes = self.project.routes();
        let Some(found) = routes.resolve(request.path_info()) else {
            return Err(Error::not_found("no route matches the path"));
        };
        let number = found.route();
        request.set_route(found);
        let arguments = request.resolver_match().map(|found| found.arguments()).unwrap_or_default();
        let view = self.views.call(number, request, arguments);
        AssertUnwindSafe(view).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(&*panic)))
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::internal(format!("the view panicked: {said}"))
}
