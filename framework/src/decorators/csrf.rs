//! CSRF protection of one view (Django 5.2 `views/decorators/csrf.py`).

use async_trait::async_trait;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::csrf::{get_token, protection_of};
use crate::urls::decorator::{Decorator, Marked, Undecorated, decorate};
use crate::urls::marks::Marks;
use crate::urls::view::View;

/// The middleware lets every request through to the view: for one that another site's server calls, and that knows its
/// callers by other means.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::csrf::csrf_exempt;
///
/// # async fn payment_hook(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("hooks/payment/", csrf_exempt(payment_hook));
/// ```
pub fn csrf_exempt<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    Marked::new(view, |marks| Marks { csrf_exempt: true, ..marks })
}

/// Protects the view as the middleware does, where the middleware is not in `MIDDLEWARE`; where it is, this changes nothing.
pub fn csrf_protect<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Csrf { refuses: true, sends_cookie: false })
}

/// The view's pages bring the cookie even if they show no token: for scripts that take the token from it.
pub fn ensure_csrf_cookie<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Csrf { refuses: false, sends_cookie: true })
}

/// The view's tokens are the visitor's, though it refuses nobody: for an exempt view, or an error page, that shows a form.
pub fn requires_csrf_token<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Csrf { refuses: false, sends_cookie: false })
}

struct Csrf {
    refuses: bool,
    sends_cookie: bool,
}

#[async_trait]
impl Decorator for Csrf {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let protection = protection_of(&request)?;
        protection.begin(&request).await?;
        let (notes, session) = (request.notes().clone(), request.session.clone());
        // Who refuses nobody reads the form all the same, as Django does: a torn one is a 400 here already.
        let refusal = if view.marks().csrf_exempt { None } else { protection.refusal(&request).await? };
        let refusal = refusal.filter(|_| self.refuses);
        if self.sends_cookie {
            get_token(&request)?;
        }
        let mut response = match refusal {
            Some(reason) => return protection.refuse(request, &reason).await,
            None => view.call(request).await?,
        };
        protection.end(&notes, &session, &mut response).await?;
        Ok(response)
    }
}
