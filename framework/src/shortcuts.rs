//! What nearly every view does, in one line (Django 5.2 `shortcuts.py`).

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use tera::Value;

use crate::conf::core::{self, CoreSettings};
use crate::error::{Error, Result};
use crate::http::charset::Charset;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::csrf::get_token;
use crate::project::Project;
use crate::routes::resolved::{ResolverMatch, RouteMatch};
use crate::routes::reverse::{NoReverseMatch, ReverseArgs};
use crate::template::context::Context;
use crate::template::error::TemplateError;
use crate::template::rendering::Asked;

/// The template, rendered for the request, as a 200.
///
/// The context processors of `TEMPLATES` add what they have; where a name is in `context` too, `context` wins. A template that
/// mentions `csrf_input` is given the hidden field of a form, one that mentions `csrf_token` the token alone.
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
/// A [`TemplateError`], or what a context processor says.
pub async fn render<'t>(
    request: &HttpRequest,
    template: impl Into<TemplateNames<'t>>,
    context: Context,
) -> Result<HttpResponse> {
    render_with_status(request, StatusCode::OK, template, context).await
}

/// The template, rendered for the request, with that status.
///
/// # Errors
/// As [`render`].
pub async fn render_with_status<'t>(
    request: &HttpRequest,
    status: StatusCode,
    template: impl Into<TemplateNames<'t>>,
    context: Context,
) -> Result<HttpResponse> {
    let page = render_to_string(request, template, context).await?;
    Ok(html(request.project().core(), page)?.with_status(status))
}

/// The same, if the site has the template.
pub(crate) async fn render_if_there(
    request: &HttpRequest,
    status: StatusCode,
    template: &str,
    context: Context,
) -> Result<Option<HttpResponse>> {
    let templates = request.project().templates();
    templates.refresh().await?;
    match templates.get(template) {
        Ok(_) => render_with_status(request, status, template, context).await.map(Some),
        Err(TemplateError::DoesNotExist { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A page in `DEFAULT_CHARSET`.
pub(crate) fn html(core: &CoreSettings, page: String) -> Result<HttpResponse> {
    Ok(match core.default_charset {
        core::Charset::Utf8 => HttpResponse::new(page),
        core::Charset::Latin1 => HttpResponse::encoded(&page, Charset::Latin1)?,
    })
}

/// The template, rendered for the request, as text (Django's `render_to_string`).
///
/// # Errors
/// As [`render`].
pub async fn render_to_string<'t>(
    request: &HttpRequest,
    template: impl Into<TemplateNames<'t>>,
    context: Context,
) -> Result<String> {
    let TemplateNames(names) = template.into();
    let templates = request.project().templates();
    templates.refresh().await?;
    let template = match names.as_slice() {
        [name] => templates.get(name)?,
        names => templates.select(names)?,
    };
    // What the view has set is not asked for below: whoever shows its own `messages` has not read the visitor's.
    let uses = template.uses().without(|name| context.contains(name));
    let mut below = Context::new();
    below.set_asked(Asked {
        query: if uses.name("querystring") { request.uri().query().map(str::to_owned) } else { None },
        current_app: if uses.name("url") { current_app(request) } else { None },
    });
    if uses.name("csrf_token") {
        below.insert("csrf_token", &get_token(request)?);
    }
    if uses.name("csrf_input") {
        // Letters and digits alone: nothing in it needs escaping.
        let token = get_token(request)?;
        let input = format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{token}\">");
        below.insert_value("csrf_input", Value::safe_string(&input));
    }
    for processor in templates.processors() {
        below = below.with(processor.run(request, &uses).await?);
    }
    Ok(template.render(below.with(context))?)
}

/// The name of a template, or several: the first one that there is (Django's `select_template`).
///
/// ```
/// use nuages::prelude::*;
///
/// async fn product(request: HttpRequest, slug: String) -> Result<HttpResponse> {
///     let own = format!("shop/product_{slug}.html");
///     render(&request, [&own, "shop/product.html"], context! { slug }).await
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateNames<'t>(Vec<&'t str>);

impl<'t> From<&'t str> for TemplateNames<'t> {
    fn from(name: &'t str) -> Self {
        Self(vec![name])
    }
}

impl<'t> From<&'t String> for TemplateNames<'t> {
    fn from(name: &'t String) -> Self {
        Self(vec![name])
    }
}

impl<'t> From<&'t [&'t str]> for TemplateNames<'t> {
    fn from(names: &'t [&'t str]) -> Self {
        Self(names.to_vec())
    }
}

impl<'t, const N: usize> From<[&'t str; N]> for TemplateNames<'t> {
    fn from(names: [&'t str; N]) -> Self {
        Self(names.to_vec())
    }
}

impl<'t> From<Vec<&'t str>> for TemplateNames<'t> {
    fn from(names: Vec<&'t str>) -> Self {
        Self(names)
    }
}

/// The address of a route, under the site's script name.
///
/// Where an app is there more than once, its own name means the default instance, as in Django; to stay in the instance
/// of the request, say so: `args![].current_app(…)`. `url()` in a template stays there by itself.
///
/// ```
/// use nuages::error::Result;
/// use nuages::http::{request::HttpRequest, response::HttpResponse};
/// use nuages::kwargs;
/// use nuages::shortcuts::reverse;
///
/// async fn newest(request: HttpRequest) -> Result<HttpResponse> {
///     Ok(HttpResponse::text(reverse(&request, "student:archive", kwargs! { year: 2026, slug: "new" })?))
/// }
/// ```
///
/// # Errors
/// [`NoReverseMatch`], with Django's words for what was tried.
pub fn reverse(
    request: &HttpRequest,
    name: &str,
    args: impl Into<ReverseArgs>,
) -> Result<String, NoReverseMatch> {
    let project = request.project();
    let mut args = args.into();
    if let Some(script_name) = &project.core().force_script_name {
        args = args.script_name(script_name);
    }
    project.routes().reverse(name, args)
}

/// The namespace of the request's route: what makes `url()` stay in it when an app is there more than once.
fn current_app(request: &HttpRequest) -> Option<String> {
    request.resolver_match().map(|found| found.namespace()).filter(|namespace| !namespace.is_empty())
}

/// A 302 to a route or an address (Django's `redirect`).
///
/// ```
/// use nuages::args;
/// use nuages::error::Result;
/// use nuages::http::{request::HttpRequest, response::HttpResponse};
/// use nuages::shortcuts::redirect;
///
/// async fn login(request: HttpRequest) -> Result<HttpResponse> {
///     match request.query()?.get("then") {
///         Some("archive") => redirect(&request, ("student:archive", args![2026, "new"])),
///         Some("django") => redirect(&request, "https://docs.djangoproject.com/"),
///         _ => redirect(&request, "student:tour"),
///     }
/// }
/// ```
///
/// Text that is no route's name is an address if it has a `/` or a `.` in it, or begins with `?` or `#`.
///
/// # Errors
/// [`NoReverseMatch`] for what is neither, and `DisallowedRedirect` (400) for a scheme that no browser should be sent to.
pub fn redirect<'a>(request: &HttpRequest, to: impl Into<Destination<'a>>) -> Result<HttpResponse> {
    Ok(HttpResponse::redirect(&to.into().address(request)?)?.in_default_charset(request.project().core()))
}

/// A 301 to a route or an address: browsers keep it.
///
/// # Errors
/// As [`redirect`].
pub fn permanent_redirect<'a>(request: &HttpRequest, to: impl Into<Destination<'a>>) -> Result<HttpResponse> {
    let response = HttpResponse::permanent_redirect(&to.into().address(request)?)?;
    Ok(response.in_default_charset(request.project().core()))
}

/// A redirect with a status of your choice to a route or an address: 303 after a form, 307 and 308 for a redirect that keeps the
/// method and the body (Django's `preserve_request`).
///
/// ```
/// # use nuages::prelude::*;
/// # use nuages::shortcuts::redirect_with;
/// async fn order(request: HttpRequest) -> Result<HttpResponse> {
///     redirect_with(&request, StatusCode::SEE_OTHER, ("shop:receipt", args![42]))
/// }
/// # let _ = order;
/// ```
///
/// # Errors
/// As [`redirect`].
pub fn redirect_with<'a>(
    request: &HttpRequest,
    status: StatusCode,
    to: impl Into<Destination<'a>>,
) -> Result<HttpResponse> {
    let response = HttpResponse::redirect_with(status, &to.into().address(request)?)?;
    Ok(response.in_default_charset(request.project().core()))
}

/// The route of a path, and all that is known of it (Django's `resolve`). The path is one of the site: decoded, without a query, and
/// without the script name.
///
/// ```
/// # use nuages::prelude::*;
/// # use nuages::shortcuts::resolve;
/// async fn back(request: HttpRequest) -> Result<HttpResponse> {
///     let there = resolve(&request, "/student/2026/")?;
///     Ok(HttpResponse::text(there.found().view_name()))
/// }
/// # let _ = back;
/// ```
///
/// # Errors
/// [`Error::NotFound`] when it leads nowhere (Django's `Resolver404`).
pub fn resolve(request: &HttpRequest, path: &str) -> Result<Resolved> {
    let project = request.project();
    let found =
        project.routes().resolve(path).ok_or_else(|| Error::not_found("no route matches the path"))?;
    Ok(Resolved { project: Arc::clone(project), found, path: path.to_owned() })
}

/// Whether a path leads to a view (Django's `is_valid_path`).
#[must_use]
pub fn is_valid_path(request: &HttpRequest, path: &str) -> bool {
    request.project().routes().resolve(path).is_some()
}

/// A path that [`resolve`] found the route of.
#[derive(Debug, Clone)]
pub struct Resolved {
    project: Arc<Project>,
    found: RouteMatch,
    path: String,
}

impl Resolved {
    /// All that is known of the match.
    #[must_use]
    pub fn found(&self) -> ResolverMatch<'_> {
        self.project.routes().of_own(&self.found, &self.path)
    }
}

/// Where [`redirect`] leads: made from a text, or from a route's name with its arguments.
#[derive(Debug, Clone)]
pub struct Destination<'a> {
    to: Cow<'a, str>,
    args: Option<ReverseArgs>,
}

impl Destination<'_> {
    /// Django 5.2 `shortcuts.py`, `resolve_url`.
    fn address(self, request: &HttpRequest) -> Result<String, NoReverseMatch> {
        if self.to.starts_with("./") || self.to.starts_with("../") {
            return Ok(self.to.into_owned());
        }
        match reverse(request, &self.to, self.args.unwrap_or_default()) {
            Err(NoReverseMatch::Mixed) => Err(NoReverseMatch::Mixed),
            Err(_) if is_address(&self.to) => Ok(self.to.into_owned()),
            outcome => outcome,
        }
    }
}

fn is_address(text: &str) -> bool {
    text.contains(['/', '.']) || text.starts_with(['?', '#'])
}

impl<'a> From<&'a str> for Destination<'a> {
    fn from(to: &'a str) -> Self {
        Self { to: to.into(), args: None }
    }
}

impl From<String> for Destination<'_> {
    fn from(to: String) -> Self {
        Self { to: to.into(), args: None }
    }
}

impl<'a, A: Into<ReverseArgs>> From<(&'a str, A)> for Destination<'a> {
    fn from((name, args): (&'a str, A)) -> Self {
        Self { to: name.into(), args: Some(args.into()) }
    }
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

/// No row becomes a 404, too (Django's `get_list_or_404`).
///
/// ```
/// use nuages::shortcuts::OrNotFound;
///
/// let tunes: Vec<&str> = Vec::new();
/// assert_eq!(tunes.or_404("no tune of that year").unwrap_err().status(), 404);
/// ```
impl<T> OrNotFound<Self> for Vec<T> {
    fn or_404(self, reason: impl Into<String>) -> Result<Self> {
        if self.is_empty() { Err(Error::not_found(reason)) } else { Ok(self) }
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

#[cfg(test)]
mod tests;
