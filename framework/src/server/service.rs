//! What a server serves, and what it does around each call.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{HeaderValue, SERVER};
use http::{Method, Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::access_log::{AccessLog, Entry};
use super::activity::Activity;
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use crate::conf::server::ServerSettings;
use crate::error::BoxError;
use crate::http::connection::Connection;

/// Answers requests. A clone is cheap: it is made per request.
pub trait Service: Clone + Send + Sync + 'static {
    /// The bodies of the responses.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// The response to a request that came in on that connection.
    fn call(
        &self,
        request: Request<RequestBody>,
        connection: Connection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// The response to a request whose call panicked.
    fn panicked(&self) -> Response<Self::Body>;
}

/// A service on one connection, as hyper calls it.
#[derive(Debug)]
pub(super) struct OnConnection<S> {
    pub(super) service: S,
    pub(super) connection: Connection,
    pub(super) activity: Arc<Activity>,
    pub(super) settings: Arc<ServerSettings>,
    pub(super) log: Option<AccessLog>,
}

impl<S: Service> OnConnection<S> {
    /// The future of a call: all it needs is moved into it, because HTTP/2 runs it apart from the connection.
    pub(super) fn call(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ResponseBody<S::Body>>, Infallible>> + Send + use<S> {
        let in_flight = self.activity.begin(request.version() == Version::HTTP_2);
        let mut entry = self.log.as_ref().map(|log| Box::new(Entry::new(log, &request)));
        let (service, connection) = (self.service.clone(), self.connection.clone());
        let request = request.map(|body| RequestBody::new(body, in_flight.activity(), &self.settings));
        async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let call = AssertUnwindSafe(service.call(request, connection)).catch_unwind();
            let mut response = match call.await {
                Ok(response) => response,
                Err(panic) => {
                    log_panic(&method, &uri, panic.as_ref());
                    service.panicked()
                }
            };
            response.headers_mut().entry(SERVER).or_insert(NAME);
            if let Some(entry) = &mut entry {
                entry.answered(response.status());
            }
            Ok(response.map(|body| ResponseBody::new(body, in_flight, entry)))
        }
    }
}

/// The product token of every response (RFC 9110 section 10.2.4): the name alone, no version for scanners.
const NAME: HeaderValue = HeaderValue::from_static("nuages");

fn log_panic(method: &Method, uri: &Uri, panic: &(dyn Any + Send)) {
    let reason = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a panic without words)");
    tracing::error!(%method, path = uri.path(), "Internal Server Error: the view panicked: {reason}");
}
