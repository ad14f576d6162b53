//! What is left of a request when a view has taken it.

use http::{HeaderValue, Method, Uri};

use super::snapshot::Snapshot;
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
    /// The whole head, under `DEBUG`.
    snapshot: Option<Box<Snapshot>>,
}

impl RequestLine {
    /// What is known of that request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let debug = request.project().core().debug;
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            id: request.headers().get("x-request-id").cloned(),
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

    /// Notes the visitor's session for a debug page.
    pub(crate) fn note_session(&self, session: &Session) {
        if let Some(snapshot) = &self.snapshot {
            snapshot.note_session(session);
        }
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }
}
