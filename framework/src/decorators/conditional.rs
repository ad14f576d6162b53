//! Answers that a browser has already (Django 5.2 `views/decorators/http.py`).

use std::marker::PhantomData;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::error::Result;
use crate::http::conditional::Validators;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::conditional_get::Conditional;
use crate::urls::decorator::{Decorator, Undecorated, decorate};
use crate::urls::view::View;

/// Answers 304 or 412 in the view's place where the request's conditions say so, by what `validators` knows of the page: its
/// ETag, its date, or both. Other answers get the `ETag` and the `Last-Modified` that they do not set themselves.
///
/// What the route captured is in [`HttpRequest::resolver_match`].
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::conditional::condition;
/// use nuages::http::conditional::Validators;
///
/// async fn versions(request: HttpRequest) -> Result<Validators> {
///     let route = request.resolver_match().or_404("no route")?;
///     let version = 7; // asked of the database
///     Ok(Validators::new().etag(format!("{:?}-{version}", route.kwargs())))
/// }
///
/// # async fn tune(_: HttpRequest, _id: u64) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("<int:id>/", condition(versions, tune));
/// ```
pub fn condition<Args: 'static, F, Fut>(validators: F, view: impl View<Args>) -> impl View<Args>
where
    F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Validators>> + Send + 'static,
{
    decorate(view, Condition { validators, of: PhantomData })
}

/// [`condition`] by an ETag alone; `None`: there is no page.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::conditional::etag;
///
/// # async fn report(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("report/", etag(async |_request: HttpRequest| Ok(Some("v7".to_owned())), report));
/// ```
pub fn etag<Args: 'static, F, Fut>(etag: F, view: impl View<Args>) -> impl View<Args>
where
    F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<String>>> + Send + 'static,
{
    let validators = move |request| {
        let etag = etag(request);
        async move { Ok(Validators::new().etag(etag.await?)) }
    };
    condition(validators, view)
}

/// [`condition`] by a date alone; `None`: it is not known.
pub fn last_modified<Args: 'static, F, Fut>(changed: F, view: impl View<Args>) -> impl View<Args>
where
    F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<OffsetDateTime>>> + Send + 'static,
{
    let validators = move |request| {
        let changed = changed(request);
        async move { Ok(Validators::new().last_modified(changed.await?)) }
    };
    condition(validators, view)
}

/// Does for one view what
/// [`ConditionalGetMiddleware`](crate::middleware::conditional_get::ConditionalGetMiddleware) does for all: an ETag made of the
/// page, and 304 for a browser that has it. The view runs in any case.
pub fn conditional_page<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    decorate(view, Page)
}

struct Condition<F, Fut> {
    validators: F,
    of: PhantomData<fn() -> Fut>,
}

#[async_trait]
impl<F, Fut> Decorator for Condition<F, Fut>
where
    F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Validators>> + Send + 'static,
{
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        let validators = (self.validators)(request.shared()).await?;
        let asked = request.shared();
        validators.respond(&asked, view.call(request)).await
    }
}

struct Page;

#[async_trait]
impl Decorator for Page {
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
        match Conditional::of(&request) {
            Some(conditional) => Ok(conditional.answer(view.call(request).await?)),
            None => view.call(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn page(_request: HttpRequest, id: u64) -> Result<HttpResponse> {
        if id == 9 {
            return Err(Error::internal("the view was called"));
        }
        Ok(HttpResponse::text(format!("page {id}")))
    }

    async fn by_route(request: HttpRequest) -> Result<Validators> {
        let id = request.resolver_match().map(|found| format!("{:?}", found.kwargs()));
        Ok(Validators::new().etag(id.map(|id| format!("v{}", id.len()))))
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_made_again() {
        let changed = async |_: HttpRequest| Ok(Some(datetime!(2026-11-06 08:49:37 UTC)));
        let client = Client::new(Site::new("no-such-folder").urls(urls![
            path("condition/<int:id>/", condition(by_route, page)),
            path("etag/<int:id>/", etag(async |_: HttpRequest| Ok(Some("v7".to_owned())), page)),
            path("date/<int:id>/", last_modified(changed, page)),
            path("page/<int:id>/", conditional_page(page)),
        ]))
        .await
        .unwrap();
        for (path, header) in
            [("condition", "etag"), ("etag", "etag"), ("date", "last-modified"), ("page", "etag")]
        {
            let first = client.get(&format!("/{path}/1/")).await.unwrap();
            assert_eq!((first.status.as_u16(), &*first.text()), (200, "page 1"), "{path}");
            let known = first.header(header).unwrap_or_else(|| panic!("{path} has {header}")).to_owned();
            let condition = if header == "etag" { "if-none-match" } else { "if-modified-since" };
            // But for the last, nobody is asked for a page that the browser has.
            let id = if path == "page" { 1 } else { 9 };
            let again = client.get(&format!("/{path}/{id}/")).header(condition, &known).await.unwrap();
            assert_eq!((again.status.as_u16(), &*again.text()), (304, ""), "{path}");
            assert_eq!(again.header(header), Some(&*known), "{path}");
        }
        let failed = client.post("/etag/9/").header("if-match", "\"v6\"").await.unwrap();
        assert_eq!(failed.status.as_u16(), 412);
    }
}
