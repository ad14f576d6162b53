//! What a debug page shows of a request: taken before anything else has it, under `DEBUG` alone.

use std::net::SocketAddr;

use http::{HeaderMap, Version};

use crate::http::accept::{AcceptedTypes, MediaType};
use crate::http::request::HttpRequest;
use crate::http::uri::escape_uri_path;

/// A request's head.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, String)>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) version: Version,
    pub(super) path: String,
    /// Which URL was asked for, without its query, which may hold secrets; without the host, where it is none that may be asked.
    pub(super) url: String,
}

impl Snapshot {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let host =
            request.get_host().map(|host| format!("{}://{host}", request.scheme())).unwrap_or_default();
        Self {
            headers: request.headers().clone(),
            query: request.query().map(|query| query.items().map(owned).collect()).unwrap_or_default(),
            cookies: request.cookies().iter().map(owned).collect(),
            remote: request.remote_addr(),
            version: request.version(),
            path: request.path().to_owned(),
            url: format!("{host}{}", escape_uri_path(request.path())),
        }
    }

    /// Whether the client takes a page, or rather plain text: a script.
    pub(super) fn wants_html(&self) -> bool {
        let accept = self.headers.get(http::header::ACCEPT);
        let Some(accept) = accept.map(|accept| String::from_utf8_lossy(accept.as_bytes())) else {
            return true;
        };
        AcceptedTypes::parse(&accept).best(&MediaType::parse("text/html")).is_some()
    }
}
