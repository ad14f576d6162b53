//! What stands around one view: Django's view decorators.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::urls::marks::Marks;
use crate::urls::param::Parameter;
use crate::urls::view::{Arguments, View};
use crate::urls::views::AnyView;

/// Something around one view, as a middleware is around all of them: put there with [`decorate`].
///
/// The errors of the view come as they are; unlike in middleware, they are not responses yet.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::urls::decorator::{Decorator, Undecorated, decorate};
/// use nuages::urls::view::View;
///
/// struct Beta;
///
/// #[async_trait]
/// impl Decorator for Beta {
///     async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse> {
///         if request.cookies().get("beta").is_none() {
///             return Err(Error::not_found("for testers alone"));
///         }
///         view.call(request).await
///     }
/// }
///
/// /// Shows the view to visitors with the cookie `beta`.
/// fn beta<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
///     decorate(view, Beta)
/// }
///
/// async fn editor(_request: HttpRequest, id: u64) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(id.to_string()))
/// }
/// path("editor/<int:id>/", beta(editor));
/// ```
#[async_trait]
pub trait Decorator: Send + Sync + 'static {
    /// Answers by itself, or calls the view and may change what comes back.
    ///
    /// # Errors
    /// What the view fails with, or of its own.
    async fn call(&self, request: HttpRequest, view: Undecorated) -> Result<HttpResponse>;

    /// What is said of the decorated view, of which that is said without it: the same, for most.
    fn marks(&self, view: Marks) -> Marks {
        view
    }
}

/// The view inside a decorator, with what its route captured.
#[derive(Debug)]
pub struct Undecorated {
    view: AnyView,
    arguments: Arguments,
}

impl Undecorated {
    /// What its own decorators say of it.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.view.marks()
    }

    /// Calls it.
    ///
    /// # Errors
    /// What it fails with.
    pub async fn call(self, request: HttpRequest) -> Result<HttpResponse> {
        self.view.call(request, self.arguments).await
    }
}

/// That view with that around it: a view again. Of several decorators the first that is written is the outermost, as in
/// Django: `cache_page(60, vary_on_cookie(view))`.
pub fn decorate<Args: 'static, V: View<Args>, D: Decorator>(view: V, decorator: D) -> Decorated<V, Args> {
    Decorated { view: AnyView::new(view), decorator: Arc::new(decorator), of: PhantomData }
}

/// A view with something around it: made by [`decorate`] and by the functions of [`decorators`](crate::decorators).
pub struct Decorated<V, Args> {
    view: AnyView,
    decorator: Arc<dyn Decorator>,
    of: PhantomData<fn() -> (V, Args)>,
}

impl<V, Args> fmt::Debug for Decorated<V, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decorated").field(&self.view).finish()
    }
}

impl<V: View<Args>, Args: 'static> View<Args> for Decorated<V, Args> {
    fn parameters() -> Vec<Parameter> {
        V::parameters()
    }

    fn name() -> &'static str {
        V::name()
    }

    fn marks(&self) -> Marks {
        self.decorator.marks(self.view.marks())
    }

    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>> {
        let decorator = Arc::clone(&self.decorator);
        let view = Undecorated { view: self.view.clone(), arguments };
        Box::pin(async move { decorator.call(request, view).await })
    }
}

/// A view of which something is said, and around which nothing stands.
pub struct Marked<V, Args> {
    view: V,
    marks: Marks,
    of: PhantomData<fn() -> Args>,
}

impl<V: View<Args>, Args> Marked<V, Args> {
    /// Says of the view what `say` makes of what was said before.
    pub(crate) fn new(view: V, say: impl FnOnce(Marks) -> Marks) -> Self {
        let marks = say(view.marks());
        Self { view, marks, of: PhantomData }
    }
}

impl<V, Args> fmt::Debug for Marked<V, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Marked").field(&self.marks).finish()
    }
}

impl<V: View<Args>, Args: 'static> View<Args> for Marked<V, Args> {
    fn parameters() -> Vec<Parameter> {
        V::parameters()
    }

    fn name() -> &'static str {
        V::name()
    }

    fn marks(&self) -> Marks {
        self.marks
    }

    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>> {
        self.view.call(request, arguments)
    }
}
