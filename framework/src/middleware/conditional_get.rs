//! `django.middleware.http.ConditionalGetMiddleware`: 304 for a page that the browser has.

use async_trait::async_trait;
use http::Method;
use http::header::{CACHE_CONTROL, ETAG, LAST_MODIFIED};

use crate::checks::CheckMessage;
use crate::error::Result;
use crate::http::conditional::{Preconditions, set_response_etag};
use crate::http::date::parse_http_date;
use crate::http::header_text::header_text;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;

/// Gives every answer to GET an `ETag` made of its body, and answers 304 or 412 where the request's conditions say so (Django 5.2
/// `middleware/http.py`).
///
/// Streams, empty answers and those with `Cache-Control: no-store` get no `ETag`. The view runs in any case: to save its work, see
/// [`Validators`](crate::http::conditional::Validators).
#[derive(Debug, Clone, Copy, Default)]
pub struct ConditionalGetMiddleware;

impl FromProject for ConditionalGetMiddleware {
    fn from_project(_project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self)
    }
}

#[async_trait]
impl Middleware for ConditionalGetMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        match Conditional::of(&request) {
            Some(conditional) => Ok(conditional.answer(next.run(request).await)),
            None => Ok(next.run(request).await),
        }
    }
}

/// What a GET says of the page that the browser has.
pub(crate) struct Conditional(Preconditions);

impl Conditional {
    /// `None` for other methods: nothing is done to their answers.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let conditions = || Self(Preconditions::of(request.method(), request.headers()));
        (request.method() == Method::GET).then(conditions)
    }

    /// The response with an ETag, or a 304 or 412 in its place.
    pub(crate) fn answer(self, mut response: HttpResponse) -> HttpResponse {
        let Self(conditions) = self;
        if !response.headers.contains_key(ETAG) && may_be_stored(&response) {
            set_response_etag(&mut response);
        }
        if conditions.is_empty() {
            return response;
        }
        let header = |name| header_text(&response.headers, name).map(|text| text.into_owned());
        let etag = header(ETAG.as_str()).filter(|etag| !etag.is_empty());
        let last_modified = header(LAST_MODIFIED.as_str()).and_then(|date| parse_http_date(&date));
        // The epoch counts as no date, as in Django.
        let last_modified = last_modified.filter(|&seconds| seconds != 0);
        if etag.is_none() && last_modified.is_none() {
            return response;
        }
        conditions.answer(etag.as_deref(), last_modified, response)
    }
}

fn may_be_stored(response: &HttpResponse) -> bool {
    let Some(line) = header_text(&response.headers, CACHE_CONTROL.as_str()) else { return true };
    !line.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::test::client::Client;

    /// The rules themselves are held against Django's vectors in `http::conditional`; here they meet the middleware.
    #[tokio::test]
    async fn pages_are_answered_short() {
        async fn page(request: HttpRequest) -> Result<HttpResponse> {
            let mut response = HttpResponse::text("page").with_cookie(SetCookie::new("k", "v"))?;
            response.set_header("X-Own", "1")?;
            if let Some(control) = request.query()?.get("control") {
                response.set_header("Cache-Control", control)?;
            }
            Ok(response)
        }
        let site = Site::new("no-such-folder").urls(urls![path("", page)]);
        let names = ["django.middleware.http.ConditionalGetMiddleware"];
        let client = Client::builder(site).setting("MIDDLEWARE", names).build().await.unwrap();
        let first = client.get("/").await.unwrap();
        let etag = first.header("etag").unwrap().to_owned();
        assert_eq!(etag, "\"71860c77c6745379b0d44304d66b6a13\"");

        let again = client.get("/").header("if-none-match", &etag).await.unwrap();
        assert_eq!((again.status.as_u16(), &*again.text()), (304, ""));
        assert_eq!((again.header("etag"), again.header("x-own")), (Some(&*etag), None));
        assert!(again.cookie("k").is_some(), "a 304 keeps the cookies");

        let failed = client.get("/").header("if-match", "\"other\"").await.unwrap();
        assert_eq!((failed.status.as_u16(), failed.cookie("k")), (412, None));
        for control in ["no-store", "private, NO-STORE ,max-age=0"] {
            let unstored = client.get("/").query("control", control).await.unwrap();
            assert_eq!(unstored.header("etag"), None, "{control}");
        }
        let posted = client.post("/").header("if-none-match", &etag).await.unwrap();
        assert_eq!((posted.status.as_u16(), posted.header("etag")), (200, None));
        let lost = client.get("/nowhere/").await.unwrap();
        assert!(lost.header("etag").is_some(), "an error page has one, too");
    }
}
