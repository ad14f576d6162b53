//! What the protocol asks of the server in front of the framework.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use nuages::http::connection::Connection;
use nuages::server::onion_service::OnionService;
use nuages::server::request_body::RequestBody;
use nuages::server::service::Service;

/// A site under a name of its own, for requests that name no host.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    site: OnionService,
    name: Arc<str>,
}

impl Named {
    pub(crate) fn new(site: OnionService, name: &str) -> Self {
        Self { site, name: name.into() }
    }
}

impl Service for Named {
    type Body = <OnionService as Service>::Body;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        mut connection: Connection,
    ) -> Response<Self::Body> {
        connection.server_name = Some(Arc::clone(&self.name));
        Arc::new(self.site.clone()).call(request, connection).await
    }

    fn panicked(&self) -> Response<Self::Body> {
        self.site.panicked()
    }

    fn refused(&self, status: StatusCode) -> Response<Self::Body> {
        self.site.refused(status)
    }
}
