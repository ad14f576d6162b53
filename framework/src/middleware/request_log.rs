//! The lines of the log `django.request`: one for each answer that is an error, whoever made it (Django 5.2 `utils/log.py`,
//! `log_response`).

use std::fmt::{self, Write as _};

use http::StatusCode;

use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;

/// Among the extensions of a response that has its line already.
#[derive(Clone, Copy)]
struct Logged;

/// Notes that the response has its line.
pub(crate) fn mark_logged(response: &mut HttpResponse) {
    response.extensions_mut().insert(Logged);
}

/// Logs an answer that is an error, unless whoever made it has done so: 4xx are warnings, 5xx errors.
pub(super) fn log_answer(response: &HttpResponse, request: &HttpRequest) {
    if response.extensions().get::<Logged>().is_some() {
        return;
    }
    let (status, reason) = (response.status.as_u16(), OneLine(response.reason()));
    let (method, path, id) = (request.method(), request.path(), request.id());
    if response.status.is_server_error() {
        tracing::error!(target: "django.request", status, %method, request_id = id, "{reason}: {path:?}");
    } else {
        tracing::warn!(target: "django.request", status, %method, request_id = id, "{reason}: {path:?}");
    }
}

/// A 405, which its maker logs because it is no failure of the view.
pub(crate) fn not_allowed(request: &HttpRequest, methods: &[&str]) -> HttpResponse {
    let (method, path, id) = (request.method(), request.path(), request.id());
    let status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    tracing::warn!(target: "django.request", status, request_id = id, "Method Not Allowed ({method}): {path:?}");
    let mut response = HttpResponse::not_allowed(methods);
    mark_logged(&mut response);
    response
}

/// A text for the log, in which control characters and what turns the direction of writing are escaped: a client's words in
/// it must not be able to forge a line, or to hide one. `{:?}` would escape quotes as well, of which sentences have many.
#[derive(Debug)]
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '\'' | '"' => self.0.write_char(character),
            other => write!(self.0, "{}", other.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OneLine;

    #[test]
    fn a_text_is_one_line() {
        let text = "it's \"é\"\r\n2026 ERROR \u{1b}[31mforged\u{202e}\u{2028}\0 \\n 日本";
        assert_eq!(
            OneLine(text).to_string(),
            "it's \"é\"\\r\\n2026 ERROR \\u{1b}[31mforged\\u{202e}\\u{2028}\\0 \\\\n 日本"
        );
    }
}
