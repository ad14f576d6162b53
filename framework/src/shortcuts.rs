//! What nearly every view does, in one line (Django 5.2 `shortcuts.py`).

use http::StatusCode;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::template::context::Context;

/// The template, rendered for the request, as a 200.
///
/// The context processors of `TEMPLATES` add what they have; where a name is in `context` too, `context` wins.
///
/// ```
/// use nuages::context;
/// use nuages::error::Result;
/// use nuages::http::{request::HttpRequest, response::HttpResponse};
/// use nuages::shortcuts::render;
///
/// async fn hello(request: HttpRequest) -> Result<HttpResponse> {
///     render(&request, "student/hello.html", context! { name: "Sonam" }).await
/// }
/// ```
///
/// # Errors
/// A [`TemplateError`](crate::template::error::TemplateError), or what a context processor says.
pub async fn render(request: &HttpRequest, template: &str, context: Context) -> Result<HttpResponse> {
    render_with_status(request, StatusCode::OK, template, context).await
}

/// The template, rendered for the request, with that status.
///
/// # Errors
/// As [`render`].
pub async fn render_with_status(
    request: &HttpRequest,
    status: StatusCode,
    template: &str,
    context: Context,
) -> Result<HttpResponse> {
    let page = render_to_string(request, template, context).await?;
    let mut response = HttpResponse::new(page);
    response.status = status;
    Ok(response)
}

/// The template, rendered for the request, as text (Django's `render_to_string`).
///
/// # Errors
/// As [`render`].
pub async fn render_to_string(request: &HttpRequest, template: &str, context: Context) -> Result<String> {
    let templates = request.project().templates();
    templates.refresh().await?;
    let template = templates.get(template)?;
    let mut below = Context::new();
    for processor in templates.processors() {
        below = below.with((processor.process)(request, template.uses()).await?);
    }
    Ok(template.render(below.with(context))?)
}

/// The cousin of Django's `get_object_or_404`: nothing there becomes a 404.
///
/// ```
/// use nuages::shortcuts::OrNotFound;
///
/// let product: Option<&str> = None;
/// let error = product.or_404("no such product").unwrap_err();
/// assert_eq!(error.status(), 404);
/// ```
pub trait OrNotFound<T> {
    /// What is there, or [`Error::NotFound`] with that reason (shown under `DEBUG` alone).
    ///
    /// # Errors
    /// When there is nothing.
    fn or_404(self, reason: impl Into<String>) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    fn or_404(self, reason: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| Error::not_found(reason))
    }
}

/// A row that is not there becomes a 404, every other failure stays what it is.
impl<T> OrNotFound<T> for std::result::Result<T, sqlx::Error> {
    fn or_404(self, reason: impl Into<String>) -> Result<T> {
        self.map_err(|error| match error {
            sqlx::Error::RowNotFound => Error::not_found(reason),
            other => other.into(),
        })
    }
}
