//! An error becomes a response.

use std::pin::pin;
use std::sync::Arc;

use http::StatusCode;

use crate::error::panic::guarded;
use crate::error::{Error, Internal, Result};
use crate::http::defaults::error_page;
use crate::http::response::HttpResponse;
use crate::middleware::onion::Onion;
use crate::middleware::request_line::RequestLine;
use crate::middleware::request_log::{OneLine, mark_logged};
use crate::middleware::technical::technical_page;
use crate::session::error::SessionError;
use crate::template::error::TemplateError;

/// The 4xx that Django has for an error which a view passed on with `?`.
fn classified(error: &Error) -> Option<Error> {
    let Error::Internal(inner) = error else { return None };
    if let Some(invalid @ SessionError::InvalidKey) = inner.downcast_ref() {
        return Some(Error::suspicious("InvalidSessionKey", invalid.to_string()));
    }
    if let Some(suspicious @ TemplateError::Suspicious { .. }) = inner.downcast_ref() {
        return Some(Error::suspicious("SuspiciousOperation", suspicious.to_string()));
    }
    None
}

/// The status of an error: most are 500, a session that was deleted meanwhile is Django's 400.
fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Internal(inner) => match inner.downcast_ref::<SessionError>() {
            Some(SessionError::Interrupted | SessionError::Gone) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        error => error.status(),
    }
}

/// Left among the extensions of the response that an unforeseen error became: the error and its causes, for the log of a
/// middleware and for the test client. It never reaches a visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised(pub Arc<str>);

/// Logs the error as Django does and makes its page: that of the site's handler, or the plain one; under `DEBUG` one that says
/// what happened (Django 5.2 `core/handlers/exception.py`, `response_for_exception`).
///
/// A handler that fails itself is a 500; if the handler of that one fails too, there is the plain page.
pub(super) async fn refuse(error: Error, line: &RequestLine, onion: &Onion) -> HttpResponse {
    let error = classified(&error).unwrap_or(error);
    let status = status_of(&error);
    let mut logged = log(&error, status, line);
    let mut page = page(status, error, line, onion).await;
    if let Err(failure) = page {
        let failure = unforeseen(failure);
        logged = log(&failure, StatusCode::INTERNAL_SERVER_ERROR, line);
        page = match status {
            StatusCode::INTERNAL_SERVER_ERROR => Err(failure),
            _ => self::page(StatusCode::INTERNAL_SERVER_ERROR, failure, line, onion).await.inspect_err(
                |failure| {
                    log(failure, StatusCode::INTERNAL_SERVER_ERROR, line);
                },
            ),
        };
    }
    let mut response = page.unwrap_or_else(|_| {
        error_page(StatusCode::INTERNAL_SERVER_ERROR).in_default_charset(onion.project.core())
    });
    if let Line::Written(raised) = logged {
        mark_logged(&mut response);
        if let Some(raised) = raised {
            response.extensions_mut().insert(raised);
        }
    }
    response
}

/// Whatever a handler fails with: nobody said it to a visitor on purpose.
fn unforeseen(error: Error) -> Error {
    match error {
        Error::Internal(_) => error,
        other => Error::internal(other.to_string()),
    }
}

/// The page of an error. As in Django, `DEBUG` takes no part in a 403.
async fn page(status: StatusCode, error: Error, line: &RequestLine, onion: &Onion) -> Result<HttpResponse> {
    let core = onion.project.core();
    if core.debug && status != StatusCode::FORBIDDEN {
        return Ok(technical_page(status, &error, line, &onion.project).in_default_charset(core));
    }
    match onion.error_handlers.call(status, line.request(), error) {
        Some(view) => guarded("the handler of errors", pin!(view)).await,
        None => Ok(error_page(status).in_default_charset(core)),
    }
}

/// Notes the error in the log. A 404 has no line of its own here, as in Django: what becomes of it has, when the layers are
/// done with it, and `APPEND_SLASH` may make it a redirect. What is suspicious has one more besides that of its answer.
fn log(error: &Error, status: StatusCode, line: &RequestLine) -> Line {
    // `{:?}` escapes control characters, as `OneLine` does: a client's words must not be able to forge a line of the log.
    let (method, path, id) = (line.method(), line.uri().path(), line.id());
    match error {
        Error::NotFound(_) => return Line::Later,
        Error::Suspicious { kind, reason } => {
            let reason = OneLine(reason);
            tracing::error!(target: "django.security", kind, status = 400, request_id = id, "{reason}");
            return Line::Later;
        }
        Error::PermissionDenied(reason) => {
            let reason = OneLine(reason);
            tracing::warn!(target: "django.request", status = 403, %method, request_id = id, "Forbidden ({reason}): {path:?}");
        }
        Error::BadRequest(reason) => {
            let reason = OneLine(reason);
            tracing::warn!(target: "django.request", status = 400, %method, request_id = id, "Bad Request ({reason}): {path:?}");
        }
        Error::Internal(inner) if status == StatusCode::BAD_REQUEST => {
            let inner = OneLine(inner);
            tracing::warn!(target: "django.request", status = 400, %method, request_id = id, "Bad Request ({inner}): {path:?}");
        }
        Error::Internal(inner) => {
            let (chain, at) = (chain(inner), inner.location());
            let said = OneLine(&chain);
            tracing::error!(target: "django.request", status = 500, %method, request_id = id, %at, "Internal Server Error: {path:?}: {said}");
            return Line::Written(Some(Raised(chain.into())));
        }
    }
    Line::Written(None)
}

/// Whether an error has its line in the log `django.request`.
enum Line {
    Written(Option<Raised>),
    Later,
}

fn chain(error: &Internal) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // Many errors end with what their cause says.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
