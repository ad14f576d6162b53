//! `django.middleware.csrf.CsrfViewMiddleware`: no other site's page makes a visitor's browser post a form here.
//!
//! A request that changes something must bring the visitor's token, which only pages of this site know, and say that it comes
//! from this site (`Origin`, or over HTTPS `Referer`). In a template `{{ csrf_input }}` puts the token into a form:
//!
//! ```html
//! <form method="post">{{ csrf_input }} … </form>
//! ```
//!
//! A script sends what [`get_token`] gives, or the cookie `csrftoken`, in the header `X-CSRFToken`. The check stands right before
//! the view, after routing: an address that leads nowhere is 404, not 403. For single views there are the
//! [decorators](crate::decorators::csrf).
//!
//! A GET whose view asks for no token gets no cookie and costs no random number.
//!
//! * [`token`]: secrets, masks and tokens
//! * [`reason`]: why a request is refused
//! * [`views::csrf`](crate::views::csrf): the page that a refused visitor sees

mod origin;
pub(crate) mod protection;
pub mod reason;
mod secret;
pub mod token;

use std::sync::Arc;

use async_trait::async_trait;
use futures_core::future::BoxFuture;

use crate::checks::CheckMessage;
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::cache::personal::Personal;
use crate::middleware::csrf::protection::CsrfProtection;
use crate::middleware::csrf::secret::VisitorSecret;
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::Next;
use crate::middleware::view::{NextView, ViewMiddleware};
use crate::project::Project;
use crate::urls::marks::Marks;

/// The name in `MIDDLEWARE`.
pub(crate) const NAME: &str = "django.middleware.csrf.CsrfViewMiddleware";

/// The CSRF middleware (Django 5.2 `middleware/csrf.py`).
#[derive(Debug)]
pub struct CsrfViewMiddleware {
    protection: Arc<CsrfProtection>,
}

/// The token for a form or a script of this page: another text at each call, all of them good as long as the visitor's
/// secret stays.
///
/// The response gets the cookie (or the session keeps the secret), and `Vary: Cookie`, since the page is now one visitor's.
///
/// ```
/// use nuages::middleware::csrf::get_token;
/// use nuages::prelude::*;
///
/// async fn for_scripts(request: HttpRequest) -> Result<HttpResponse> {
///     HttpResponse::json(&get_token(&request)?)
/// }
/// # let _ = for_scripts;
/// ```
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn get_token(request: &HttpRequest) -> Result<String> {
    Personal::note(request.notes());
    let secret = VisitorSecret::of(request)?;
    Ok(token::mask(&secret.wanted())?)
}

/// Gives the visitor a new secret: to be called when somebody logs in, so that whoever planted the old one knows nothing.
///
/// Tokens of pages that were loaded before are refused from then on.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn rotate_token(request: &HttpRequest) -> Result<()> {
    VisitorSecret::renew(request.notes())
}

/// Left among the extensions of a request that is believed without a token: the test client's, unless it is told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotEnforced;

impl FromProject for CsrfViewMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let protection = project.part::<CsrfProtection>().ok_or_else(|| {
            vec![CheckMessage::error("nuages.E014", "the site was built without its CSRF protection")]
        })?;
        protection.check(project.core())?;
        Ok(Self { protection })
    }
}

impl CsrfViewMiddleware {
    /// The session, if that is where the secret is.
    fn kept(&self, request: &HttpRequest) -> Kept {
        Kept { session: self.protection.uses_sessions().then(|| request.session.clone()), ..Kept::NOTHING }
    }
}

impl Halves for CsrfViewMiddleware {
    fn before(&self, request: &mut HttpRequest, _next: Next<'_>) -> Before {
        match self.protection.begin_at_once(request) {
            Some(begun) => begun.map(|()| self.kept(request)).into(),
            None => Before::Wait,
        }
    }

    fn wait_before<'a>(
        &'a self,
        request: &'a mut HttpRequest,
        _next: Next<'a>,
    ) -> BoxFuture<'a, Result<Kept>> {
        let request = &*request;
        Box::pin(async move { self.protection.begin(request).await.map(|()| self.kept(request)) })
    }

    fn after(&self, kept: &Kept, next: Next<'_>, response: &mut HttpResponse) -> After {
        let Some(notes) = next.line.notes() else { return After::Done(Ok(())) };
        match kept.session {
            Some(_) => After::Wait,
            None => After::Done(self.protection.end_at_once(notes, response)),
        }
    }

    fn wait_after<'a>(
        &'a self,
        kept: &'a Kept,
        next: Next<'a>,
        response: &'a mut HttpResponse,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match (next.line.notes(), &kept.session) {
                (Some(notes), Some(session)) => self.protection.end(notes, session, response).await,
                _ => Ok(()),
            }
        })
    }
}

#[async_trait]
impl ViewMiddleware for CsrfViewMiddleware {
    fn lets_through(&self, request: &HttpRequest, marks: Marks) -> bool {
        marks.csrf_exempt || CsrfProtection::is_safe(request)
    }

    async fn process_view(&self, request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
        if next.marks().csrf_exempt {
            return next.run(request).await;
        }
        match self.protection.refusal(&request).await? {
            None => next.run(request).await,
            Some(reason) => self.protection.refuse(request, &reason).await,
        }
    }
}

/// The protection of the request's site.
pub(crate) fn protection_of(request: &HttpRequest) -> Result<Arc<CsrfProtection>> {
    let missing = || Error::internal("the site was built without its CSRF protection");
    request.project().part::<CsrfProtection>().ok_or_else(missing)
}

#[cfg(test)]
mod tests;
