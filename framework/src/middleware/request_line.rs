//! What is left of a request when a view has taken it.

use std::sync::OnceLock;

use http::header::COOKIE;
use http::{HeaderValue, Method, Uri};

use super::snapshot::Snapshot;
use crate::http::cookies::RequestCookies;
use crate::http::request::HttpRequest;
use crate::session::handle::Session;

/// What is still known of a request when the view has taken it: for logs and error pages. Cheap to make.
#[derive(Debug)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The target as it was sent.
    pub uri: Uri,
    /// What a proxy calls the request (`X-Request-ID`).
    id: Option<HeaderValue>,
    /// The cookies as they were sent: one header, see [`HttpRequest::headers`].
    cookie: Option<HeaderValue>,
    session: OnceLock<Session>,
    /// The whole head, under `DEBUG`.
    snapshot: Option<Box<Snapshot>>,
}

impl RequestLine {
    /// What is known of that request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let debug = request.project().core().debug;
        let cookie = request.headers().get(COOKIE).cloned().map(|mut cookie| {
            // So that `Debug` does not show it.
            cookie.set_sensitive(true);
            cookie
        });
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            id: request.headers().get("x-request-id").cloned(),
            cookie,
            session: OnceLock::new(),
            snapshot: debug.then(|| Box::new(Snapshot::of(request))),
        }
    }

    /// The id under which the log tells of the request: the proxy's, if it is one, or a new one.
    pub(crate) fn id(&self) -> String {
        let plain = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match self.id.as_ref().and_then(|id| id.to_str().ok()).filter(plain) {
            Some(id) => id.to_owned(),
            None => {
                let mut bytes = [0; 8];
                // Without randomness it is an id that others have too: no reason to lose the line.
                let _ = getrandom::fill(&mut bytes);
                format!("{:016x}", u64::from_be_bytes(bytes))
            }
        }
    }

    /// The cookies that the visitor brought.
    pub(super) fn cookies(&self) -> RequestCookies {
        let header = self.cookie.as_ref().map(|cookie| String::from_utf8_lossy(cookie.as_bytes()));
        header.map(|header| RequestCookies::parse(&header)).unwrap_or_default()
    }

    /// Notes the visitor's session, once there is a middleware that knows it.
    pub(crate) fn note_session(&self, session: &Session) {
        // A second one would be a second session middleware's; the outer one stays.
        let _ = self.session.set(session.clone());
    }

    /// The visitor's session, if a middleware noted it.
    pub(super) fn session(&self) -> Option<&Session> {
        self.session.get()
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }
}
