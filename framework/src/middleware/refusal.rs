//! An error becomes a response.

use std::sync::Arc;

use http::StatusCode;

use crate::error::{Error, Internal};
use crate::http::defaults::error_page;
use crate::http::response::HttpResponse;
use crate::middleware::csrf::protection::CsrfProtection;
use crate::middleware::request_line::RequestLine;
use crate::middleware::technical::technical_page;
use crate::project::Project;
use crate::session::error::SessionError;

/// The 4xx that Django has for an error which a view passed on with `?`.
fn classified(error: &Error) -> Option<Error> {
    let Error::Internal(inner) = error else { return None };
    match inner.downcast_ref::<SessionError>()? {
        invalid @ SessionError::InvalidKey => {
            Some(Error::suspicious("InvalidSessionKey", invalid.to_string()))
        }
        _ => None,
    }
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

/// Logs the error as Django does and makes its page: Django's default one, or under DEBUG one that says what happened.
pub async fn refuse(error: &Error, line: &RequestLine, project: &Project) -> HttpResponse {
    let classified = classified(error);
    let error = classified.as_ref().unwrap_or(error);
    let status = status_of(error);
    let RequestLine { method, uri, .. } = line;
    // `{:?}` escapes control characters: a path must not be able to forge a line of the log.
    let path = uri.path();
    let mut raised = None;
    match error {
        Error::NotFound(_) => tracing::warn!(target: "django.request", status = 404, "Not Found: {path:?}"),
        Error::PermissionDenied(reason) => {
            tracing::warn!(target: "django.request", status = 403, "Forbidden ({reason}): {path:?}");
        }
        Error::Suspicious { kind, reason } => {
            tracing::error!(target: "django.security", kind, status = 400, "{reason}");
        }
        Error::BadRequest(reason) => {
            tracing::warn!(target: "django.request", status = 400, "Bad Request ({reason}): {path:?}");
        }
        Error::Internal(inner) if status == StatusCode::BAD_REQUEST => {
            tracing::warn!(target: "django.request", status = 400, "Bad Request ({inner}): {path:?}");
        }
        Error::Internal(inner) => {
            let chain = chain(inner);
            let id = line.id();
            tracing::error!(target: "django.request", status = 500, %method, request_id = id, "Internal Server Error: {path:?}: {chain}");
            raised = Some(Raised(chain.into()));
        }
    }
    let mut response = if project.core().debug {
        technical_page(status, error, line, project)
    } else {
        let mut page = error_page(status);
        if let Some(protection) = project.part::<CsrfProtection>()
            && let Err(error) = protection.on_error_page(line, &mut page).await
        {
            tracing::error!(target: "django.request", "the visitor's CSRF secret, on the page of an error: {error}");
        }
        page
    }
    .in_default_charset(project.core());
    if let Some(raised) = raised {
        response.extensions_mut().insert(raised);
    }
    response
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
