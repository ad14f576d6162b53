//! The response, as a view makes it.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A response: one concrete type.
#[derive(Debug, Default)]
pub struct HttpResponse {
    /// The status line's code.
    pub status: StatusCode,
    /// The headers, but for the cookies.
    pub headers: HeaderMap,
    body: Bytes,
}

impl HttpResponse {
    /// A 200 with that body, `text/html; charset=utf-8`.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }
}
