//! The views of the route table, ready to be called.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::urls::marks::Marks;
use crate::urls::param::Parameter;
use crate::urls::view::{Arguments, View};

/// The views, each at the number of its route.
#[derive(Clone, Default)]
pub struct Views {
    views: Arc<[AnyView]>,
}

/// A view of any parameters.
#[derive(Clone)]
pub(crate) struct AnyView(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn parameters(&self) -> Vec<Parameter>;
    fn name(&self) -> &'static str;
    fn marks(&self) -> Marks;
    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>>;
}

struct Typed<V, Args> {
    view: V,
    args: PhantomData<fn() -> Args>,
}

impl<Args: 'static, V: View<Args>> Erased for Typed<V, Args> {
    fn parameters(&self) -> Vec<Parameter> {
        V::parameters()
    }

    fn name(&self) -> &'static str {
        V::name()
    }

    fn marks(&self) -> Marks {
        self.view.marks()
    }

    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>> {
        self.view.call(request, arguments)
    }
}

impl AnyView {
    pub(crate) fn new<Args: 'static, V: View<Args>>(view: V) -> Self {
        Self(Arc::new(Typed { view, args: PhantomData }))
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn marks(&self) -> Marks {
        self.0.marks()
    }

    pub(crate) fn call(
        &self,
        request: HttpRequest,
        arguments: Arguments,
    ) -> BoxFuture<'static, Result<HttpResponse>> {
        self.0.call(request, arguments)
    }
}

impl Views {
    pub(crate) fn new(views: Vec<AnyView>) -> Self {
        Self { views: views.into() }
    }

    /// Calls the view of a route with what the match captured
    /// ([`ResolverMatch::arguments`](crate::routes::resolved::ResolverMatch::arguments)).
    ///
    /// The future fails with [`Error::Internal`] if there is no such route.
    pub fn call(
        &self,
        route: usize,
        request: HttpRequest,
        arguments: impl Into<Arguments>,
    ) -> BoxFuture<'static, Result<HttpResponse>> {
        match self.views.get(route) {
            Some(view) => view.call(request, arguments.into()),
            None => Box::pin(std::future::ready(Err(Error::internal(format!(
                "route {route} has no view: it is a match of another table"
            ))))),
        }
    }

    /// What is said of the view of a route; what is said of most, if there is no such route.
    #[must_use]
    pub fn marks(&self, route: usize) -> Marks {
        self.views.get(route).map(AnyView::marks).unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").field("len", &self.views.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for AnyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyView").field(&self.parameters()).finish()
    }
}
