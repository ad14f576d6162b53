//! Class-based views: a type with one method per HTTP method (Django 5.2 `views/generic/base.py`).

use std::any::TypeId;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use http::Method;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::request_log::not_allowed;
use crate::urls::marks::Marks;
use crate::urls::param::Parameter;
use crate::urls::view::{Arguments, Params, View};

/// A view with one method per HTTP method; registered with [`view`].
///
/// Write the methods that it has as `async fn`. The others answer 405 with `Allow`; HEAD follows `get`, and OPTIONS
/// answers by itself. What the route captures comes as one tuple.
///
/// ```
/// use nuages::error::Result;
/// use nuages::http::{request::HttpRequest, response::HttpResponse};
/// use nuages::urls;
/// use nuages::urls::{class::{ClassView, view}, declare::path};
///
/// #[derive(Clone)]
/// struct Archive;
///
/// impl ClassView for Archive {
///     type Params = (u32, String);
///
///     async fn get(self, _request: HttpRequest, (year, slug): (u32, String)) -> Result<HttpResponse> {
///         Ok(HttpResponse::new(format!("{slug} in {year}")))
///     }
/// }
/// let urls = urls![path("<int:year>/<slug:slug>/", view(Archive)).name("archive")];
/// ```
pub trait ClassView: Clone + Send + Sync + 'static {
    /// What the route captures: `()`, `(u32,)`, `(u32, String)`, …
    type Params: Params;

    /// Answers GET, and HEAD unless [`ClassView::head`] does.
    fn get(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers POST.
    fn post(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers PUT.
    fn put(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers PATCH.
    fn patch(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers DELETE.
    fn delete(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers HEAD.
    fn head(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }

    /// Answers OPTIONS, in place of the list of methods.
    fn options(
        self,
        request: HttpRequest,
        params: Self::Params,
    ) -> impl Future<Output = Result<HttpResponse>> + Send + 'static {
        Absent::of(request, params)
    }
}

/// A class-based view for [`path`](crate::urls::declare::path) (Django's `as_view`).
pub const fn view<V: ClassView>(class: V) -> Class<V> {
    Class(class)
}

/// A class-based view, as `path` takes it: made by [`view`].
#[derive(Debug, Clone, Copy)]
pub struct Class<V>(V);

impl<V: ClassView> View<Self> for Class<V> {
    fn parameters() -> Vec<Parameter> {
        V::Params::parameters()
    }

    fn name() -> &'static str {
        std::any::type_name::<V>()
    }

    fn marks(&self) -> Marks {
        Marks::default()
    }

    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>> {
        let params = match V::Params::take(arguments) {
            Ok(params) => params,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let view = self.0.clone();
        let has = Has::of::<V>();
        match *request.method() {
            Method::GET if has.get => Box::pin(view.get(request, params)),
            Method::POST if has.post => Box::pin(view.post(request, params)),
            Method::PUT if has.put => Box::pin(view.put(request, params)),
            Method::PATCH if has.patch => Box::pin(view.patch(request, params)),
            Method::DELETE if has.delete => Box::pin(view.delete(request, params)),
            Method::HEAD if has.head => Box::pin(view.head(request, params)),
            Method::HEAD if has.get => Box::pin(view.get(request, params)),
            Method::OPTIONS if has.options => Box::pin(view.options(request, params)),
            Method::OPTIONS => Box::pin(std::future::ready(has.list())),
            _ => Box::pin(std::future::ready(Ok(not_allowed(&request, &has.allowed())))),
        }
    }
}

/// The future of a method that a view does not have: its type tells it from a method that it has.
struct Absent;

impl Absent {
    /// Takes what it is given, so that the methods' signatures need no underscores.
    fn of<T>(_request: HttpRequest, _params: T) -> Self {
        Self
    }
}

impl Future for Absent {
    type Output = Result<HttpResponse>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(Error::internal(
            "a method that the view does not have was called: it may not call itself",
        )))
    }
}

/// The methods that a view has.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "one for each method")]
struct Has {
    get: bool,
    post: bool,
    put: bool,
    patch: bool,
    delete: bool,
    head: bool,
    options: bool,
}

impl Has {
    /// Known when the program is built: each is a constant.
    fn of<V: ClassView>() -> Self {
        Self {
            get: present(V::get),
            post: present(V::post),
            put: present(V::put),
            patch: present(V::patch),
            delete: present(V::delete),
            head: present(V::head),
            options: present(V::options),
        }
    }

    /// In Django's order.
    fn allowed(self) -> Vec<&'static str> {
        let all = [
            ("GET", self.get),
            ("POST", self.post),
            ("PUT", self.put),
            ("PATCH", self.patch),
            ("DELETE", self.delete),
            ("HEAD", self.head || self.get),
            ("OPTIONS", true),
        ];
        all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
    }

    /// The answer to OPTIONS.
    fn list(self) -> Result<HttpResponse> {
        Ok(HttpResponse::new("")
            .with_header("Allow", &self.allowed().join(", "))?
            .with_header("Content-Length", "0")?)
    }
}

/// Is it a method that the view wrote?
fn present<V, P, F: Future + 'static>(_method: impl FnOnce(V, HttpRequest, P) -> F) -> bool {
    TypeId::of::<F>() != TypeId::of::<Absent>()
}
