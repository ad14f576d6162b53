//! A site as the server serves it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode};

use super::request_body::RequestBody;
use super::service::Service;
use crate::http::body::ResponseBody;
use crate::http::connection::Connection;
use crate::http::defaults::error_page;
use crate::http::header_value::header_number;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::direct::respond;
use crate::middleware::onion::Onion;
use crate::near::Near;
use crate::project::HeldProject;

/// A site's middleware and views as a [`Service`].
#[derive(Debug)]
pub struct OnionService {
    onion: Near<Onion>,
    held: Arc<HeldProject>,
}

/// A connection's own.
impl Clone for OnionService {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.onion))
    }
}

impl OnionService {
    /// Serves that site.
    #[must_use]
    pub fn new(onion: Arc<Onion>) -> Self {
        let held = HeldProject::new(Arc::clone(onion.project()));
        Self { onion: Near::new(onion), held }
    }
}

/// To a site `head` is HEAD, as in Django, and gets no body. To whoever reads the response it is not (RFC 9110 section 9.1): a
/// length that is announced would be waited for.
fn is_head_in_lower_case(method: &Method) -> bool {
    *method != Method::HEAD && method.as_str().eq_ignore_ascii_case("HEAD")
}

/// Whether a response has its body.
#[derive(Debug, Clone, Copy)]
enum BodyWanted {
    Yes,
    No,
    /// It has none, and says the length that it would have.
    AsSaid,
}

fn finished(response: HttpResponse, body: BodyWanted) -> Response<ResponseBody> {
    let mut response = response.into_http();
    match body {
        BodyWanted::No => {
            *response.body_mut() = ResponseBody::Full(None);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        BodyWanted::Yes
            if !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) =>
        {
            correct_length(&mut response);
        }
        BodyWanted::Yes | BodyWanted::AsSaid => {}
    }
    response
}

/// Says the length that the body has. A layer that changed the body may have left the length of the one before: the client
/// would wait for bytes that never come, or take what is left over for the next response.
fn correct_length(response: &mut Response<ResponseBody>) {
    let ResponseBody::Full(body) = response.body() else { return };
    let length = body.as_ref().map_or(0, |body| body.len() as u64);
    let headers = response.headers();
    let Some(first) = headers.get(CONTENT_LENGTH) else { return };
    // Few responses have any header twice.
    let alone = headers.len() == headers.keys_len() || headers.get_all(CONTENT_LENGTH).iter().count() == 1;
    if first.as_bytes() == itoa::Buffer::new().format(length).as_bytes() && alone {
        return;
    }
    tracing::warn!(said = ?first, length, "a response had the Content-Length of another body: a middleware changed the body and left it");
    response.headers_mut().insert(CONTENT_LENGTH, header_number(length));
}

impl Service for OnionService {
    type Body = ResponseBody;

    fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        connection: Connection,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        let (head, body) = request.into_parts();
        let body_wanted = match head.method {
            Method::HEAD => BodyWanted::AsSaid,
            ref method if is_head_in_lower_case(method) => BodyWanted::No,
            _ => BodyWanted::Yes,
        };
        let request = HttpRequest::come_in(head, body, Arc::clone(&self.held), connection);
        respond(self.onion.clone(), request).map(move |response| finished(response, body_wanted))
    }

    fn panicked(&self) -> Response<ResponseBody> {
        error_page(StatusCode::INTERNAL_SERVER_ERROR).into_http()
    }

    fn refused(&self, status: StatusCode) -> Response<ResponseBody> {
        error_page(status).into_http()
    }
}
