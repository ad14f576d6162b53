//! A site as the server serves it.

use std::sync::Arc;

use http::{Request, Response, StatusCode};

use super::request_body::RequestBody;
use super::service::Service;
use crate::http::body::ResponseBody;
use crate::http::connection::Connection;
use crate::http::defaults::error_page;
use crate::http::request::HttpRequest;
use crate::middleware::onion::Onion;

/// A site's middleware and views as a [`Service`].
#[derive(Debug, Clone)]
pub struct OnionService(Arc<Onion>);

impl OnionService {
    /// Serves that site.
    #[must_use]
    pub const fn new(onion: Arc<Onion>) -> Self {
        Self(onion)
    }
}

impl Service for OnionService {
    type Body = ResponseBody;

    async fn call(&self, request: Request<RequestBody>, connection: Connection) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let request = HttpRequest::new(head, body, Arc::clone(self.0.project())).on(connection);
        self.0.respond(request).await.into_http()
    }

    fn panicked(&self) -> Response<ResponseBody> {
        error_page(StatusCode::INTERNAL_SERVER_ERROR).into_http()
    }
}
