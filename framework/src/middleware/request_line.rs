//! What is left of a request when a view has taken it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use http::{Extensions, Method, Uri};

use crate::http::request::HttpRequest;
use crate::http::request::notes::Notes;
use crate::http::response::HttpResponse;
use crate::middleware::request_log::log_answer;
use crate::session::handle::Session;

/// What is still known of a request when the view has taken it: for logs and error pages. It shares the request with the layers
/// and the view, and so costs next to nothing.
#[derive(Debug)]
pub struct RequestLine {
    request: HttpRequest,
    /// What the layers put on it later.
    session: Mutex<Option<Session>>,
    extensions: OnceLock<Extensions>,
}

impl RequestLine {
    /// What is known of that request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self { request: request.shared(), session: Mutex::default(), extensions: OnceLock::new() }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// The target as it was sent.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// The id under which the log tells of the request: see [`HttpRequest::id`].
    pub(crate) fn id(&self) -> &str {
        self.request.id()
    }

    /// The request as it came in.
    pub(crate) const fn as_sent(&self) -> &HttpRequest {
        &self.request
    }

    /// Logs the answer to it, if it is an error.
    pub(super) fn log(&self, response: &HttpResponse) {
        if response.status.as_u16() >= 400 {
            log_answer(response, &self.request);
        }
    }

    /// What layers and the view told each other, if they did.
    pub(crate) fn notes(&self) -> Option<&Notes> {
        self.request.noted()
    }

    /// Notes the visitor's session, once there is a middleware that knows it. A second one would be a second session
    /// middleware's; the outer one stays.
    pub(crate) fn note_session(&self, session: &Session) {
        self.session().get_or_insert_with(|| session.clone());
    }

    /// Notes what the layers put on the request before the view gets it.
    pub(super) fn note_layers(&self, request: &HttpRequest) {
        if !request.extensions().is_empty() {
            let _ = self.extensions.set(request.extensions().clone());
        }
    }

    /// The request, with the visitor's session and whatever the layers put on it.
    pub(super) fn request(&self) -> HttpRequest {
        let mut request = self.request.shared();
        if let Some(session) = &*self.session() {
            request.session = session.clone();
        }
        if let Some(extensions) = self.extensions.get() {
            *request.extensions_mut() = extensions.clone();
        }
        request
    }

    /// Nothing panics while it is held.
    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
