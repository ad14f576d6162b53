//! Several views under one route: its parameter names the one that answers.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use nuages::prelude::*;
use nuages::urls::view::{Arguments, View};

type Call = Arc<dyn Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> + Send + Sync>;

/// Views by name.
#[derive(Clone, Default)]
pub(crate) struct ByKind(Vec<(&'static str, Call)>);

impl ByKind {
    /// The same with a view more.
    pub(crate) fn with<Args: 'static>(mut self, kind: &'static str, view: impl View<Args>) -> Self {
        self.0.push((kind, Arc::new(move |request| view.call(request, Arguments::from(Vec::new())))));
        self
    }

    /// One view for all: 404 for a name that there is not.
    pub(crate) fn view(
        self,
    ) -> impl Fn(HttpRequest, String) -> BoxFuture<'static, Result<HttpResponse>> + Send + Sync + 'static
    {
        let views = Arc::new(self.0);
        move |request, kind| match views.iter().find(|(name, _)| *name == kind) {
            Some((_, call)) => call(request),
            None => Box::pin(std::future::ready(Err(Error::not_found(kind)))),
        }
    }
}
