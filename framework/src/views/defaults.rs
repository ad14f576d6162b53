//! `django.views.defaults`: the pages for errors that the site's templates make, `400.html`, `403.html`, `404.html` and
//! `500.html` (Django 5.2 `views/defaults.py`). A site without such a template shows the
//! [plain page](crate::http::defaults::error_page).
//!
//! They are what `Site::handler404` and its likes take the place of, and can be called from there.

use http::StatusCode;

use crate::context;
use crate::error::{Error, Result};
use crate::http::defaults::error_page;
use crate::http::quote::{Safe, quote};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::csrf::protection_of;
use crate::middleware::error_handlers::ErrorHandlers;
use crate::shortcuts::{html, render_if_there};
use crate::template::context::Context;
use crate::template::error::TemplateError;

/// 400: the template `400.html`, which is told nothing of the error.
///
/// # Errors
/// When the template fails.
pub async fn bad_request(request: HttpRequest, _error: Error) -> Result<HttpResponse> {
    page(&request, StatusCode::BAD_REQUEST, "400.html", Context::new()).await
}

/// 403: the template `403.html` with `exception`, the error's words.
///
/// # Errors
/// When the template fails.
pub async fn permission_denied(request: HttpRequest, error: Error) -> Result<HttpResponse> {
    let context = context! { exception: error.to_string() };
    page(&request, StatusCode::FORBIDDEN, "403.html", context).await
}

/// 404: the template `404.html` with `request_path`, escaped as in an address, and `exception`, the error's words.
///
/// # Errors
/// When the template fails.
pub async fn page_not_found(request: HttpRequest, error: Error) -> Result<HttpResponse> {
    let request_path = quote(request.path(), Safe::PATH).into_owned();
    let context = context! { request_path, exception: error.to_string() };
    page(&request, StatusCode::NOT_FOUND, "404.html", context).await
}

/// 500: the template `500.html`, rendered without the request and without context processors: whatever failed may fail there
/// again.
///
/// # Errors
/// When the template fails.
pub async fn server_error(request: HttpRequest, _error: Error) -> Result<HttpResponse> {
    const STATUS: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    let core = request.project().core();
    let templates = request.project().templates();
    with_secret(&request, async {
        templates.refresh().await?;
        match templates.render("500.html", Context::new()) {
            Ok(page) => Ok(html(core, page)?.with_status(STATUS)),
            Err(TemplateError::DoesNotExist { .. }) => Ok(error_page(STATUS).in_default_charset(core)),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

async fn page(
    request: &HttpRequest,
    status: StatusCode,
    template: &str,
    context: Context,
) -> Result<HttpResponse> {
    with_secret(request, async {
        let made = render_if_there(request, status, template, context).await?;
        Ok(made.unwrap_or_else(|| error_page(status).in_default_charset(request.project().core())))
    })
    .await
}

/// The page, with the visitor's CSRF secret at hand, whether the middleware stands before what failed or not: it may show a form.
/// As in Django (`requires_csrf_token`), a cookie that is no secret is replaced, and with the secret in the session the page is one
/// visitor's, with a form or without.
async fn with_secret(
    request: &HttpRequest,
    page: impl Future<Output = Result<HttpResponse>>,
) -> Result<HttpResponse> {
    let protection = protection_of(request)?;
    // A store that is down, or a session middleware that was not reached, must not take the page away.
    if let Err(error) = protection.begin(request).await {
        tracing::warn!(target: "django.request", "the visitor's CSRF secret, for the page of an error: {error}");
        return page.await;
    }
    let mut page = page.await?;
    protection.end(request.notes(), &request.session, &mut page).await?;
    Ok(page)
}

/// Adds these views where the site has no handler of its own.
pub(crate) fn complete(handlers: &mut ErrorHandlers) {
    if !handlers.has(StatusCode::BAD_REQUEST) {
        handlers.set(StatusCode::BAD_REQUEST, bad_request);
    }
    if !handlers.has(StatusCode::FORBIDDEN) {
        handlers.set(StatusCode::FORBIDDEN, permission_denied);
    }
    if !handlers.has(StatusCode::NOT_FOUND) {
        handlers.set(StatusCode::NOT_FOUND, page_not_found);
    }
    if !handlers.has(StatusCode::INTERNAL_SERVER_ERROR) {
        handlers.set(StatusCode::INTERNAL_SERVER_ERROR, server_error);
    }
}
