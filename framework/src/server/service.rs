//! What a server serves, and what it does around each call.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderValue, SERVER};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::access_log::{AccessLog, Entry};
use super::activity::Activity;
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use crate::conf::server::ServerSettings;
use crate::error::BoxError;
use crate::error::panic::{caught, words};
use crate::http::connection::Connection;

/// Answers requests. Each connection has a clone to itself, which all of its requests share.
pub trait Service: Clone + Send + Sync + 'static {
    /// The bodies of the responses.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// The response to a request that came in on that connection. Whatever is large is best put in its place before the future is made,
    /// which is moved with all that it has room for.
    fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Connection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// The response to a request whose call panicked.
    fn panicked(&self) -> Response<Self::Body>;

    /// The response to a request that the server does not call for: 413 when its body says that it is too long, 431 when it
    /// has too many headers, 400 when it names two hosts.
    fn refused(&self, status: StatusCode) -> Response<Self::Body> {
        let mut response = self.panicked();
        *response.status_mut() = status;
        response
    }
}

/// A service on one connection, as hyper calls it.
#[derive(Debug)]
pub(super) struct OnConnection<S> {
    pub(super) service: Arc<S>,
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
        let asked =
            Asked { method: request.method().clone(), target: request.uri().path_and_query().cloned() };
        let request = request.map(|body| RequestBody::new(body, in_flight.activity(), &self.settings));
        let service = Arc::clone(&self.service);
        // On the heap, because hyper moves what it is given.
        let call = match refusal(&request, &self.settings) {
            Some(status) => {
                asked.log_refusal(status);
                Err(Box::new(service.refused(status)))
            }
            None => {
                let (service, connection) = (Arc::clone(&service), self.connection.clone());
                let call = catch_unwind(AssertUnwindSafe(|| Box::pin(service.call(request, connection))));
                call.map_err(|panic| Box::new(asked.panicked(&*self.service, panic.as_ref())))
            }
        };
        async move {
            let mut response = match call {
                Ok(mut call) => match caught(call.as_mut()).await {
                    Ok(response) => response,
                    Err(panic) => asked.panicked(&*service, panic.as_ref()),
                },
                Err(response) => *response,
            };
            response.headers_mut().entry(SERVER).or_insert(NAME);
            if let Some(entry) = &mut entry {
                entry.answered(response.status());
            }
            Ok(response.map(|body| ResponseBody::new(body, in_flight, entry)))
        }
    }
}

/// Why a request is refused by its head alone. One of HTTP/2 that names two hosts is malformed (RFC 9113 section 8.3.1): the site
/// would believe the one, and a proxy may have chosen by the other. HTTP/1 counts its headers while it reads them; in HTTP/2 they are counted here,
/// where a browser sends the cookies as one header each, and all of them count as one (RFC 9113 section 8.2.3).
fn refusal(request: &Request<RequestBody>, settings: &ServerSettings) -> Option<StatusCode> {
    let headers = request.headers();
    if request.version() == Version::HTTP_2
        && let Some(host) = headers.get(HOST)
        && let Some(authority) = request.uri().authority()
        && !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
    {
        return Some(StatusCode::BAD_REQUEST);
    }
    if headers.len() > settings.head_max_fields {
        let cookies = headers.get_all(COOKIE).iter().count().saturating_sub(1);
        if headers.len() - cookies > settings.head_max_fields {
            return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
    }
    let limit = settings.body_max_size?;
    let announced = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
    (announced > limit as u64).then_some(StatusCode::PAYLOAD_TOO_LARGE)
}

/// The product token of every response (RFC 9110 section 10.2.4): the name alone, no version for scanners.
const NAME: HeaderValue = HeaderValue::from_static("nuages");

/// What was asked for, as the log tells it.
#[derive(Debug)]
struct Asked {
    method: Method,
    target: Option<PathAndQuery>,
}

impl Asked {
    fn path(&self) -> &str {
        self.target.as_ref().map_or("", PathAndQuery::path)
    }

    fn log_refusal(&self, status: StatusCode) {
        let (method, path, reason) =
            (&self.method, self.path(), status.canonical_reason().unwrap_or("Refused"));
        tracing::warn!(target: "django.request", status = status.as_u16(), %method, "{reason}: {path:?}");
    }

    /// The response to it, for which something panicked.
    fn panicked<S: Service>(&self, service: &S, panic: &(dyn Any + Send)) -> Response<S::Body> {
        let (method, path, reason) = (&self.method, self.path(), words(panic));
        tracing::error!(target: "django.request", status = 500, %method, "Internal Server Error: {path:?}: {reason:?}");
        service.panicked()
    }
}
