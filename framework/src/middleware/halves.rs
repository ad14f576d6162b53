//! A layer in two halves: Django's `process_request` and `process_response`.

use std::future::ready;

use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::Next;
use crate::session::handle::Session;

/// A layer that does something before the rest of the onion and something after it, mostly without waiting.
///
/// A [`Middleware`](crate::middleware::onion::Middleware) is a future around the rest: it is put on the heap, and request and
/// response are moved through it. Most layers of a site are the framework's own, and do next to nothing to most requests. As
/// halves they cost just what they do.
pub(crate) trait Halves: Send + Sync + 'static {
    /// What comes before the rest. Whoever gets [`Before::Wait`], for which nothing has been done yet, may ask again, and then asks
    /// [`Halves::wait_before`].
    fn before(&self, request: &mut HttpRequest, next: Next<'_>) -> Before;

    /// What comes before the rest when it has to be waited for: of a layer that says [`Before::Wait`].
    fn wait_before<'a>(
        &'a self,
        _request: &'a mut HttpRequest,
        _next: Next<'a>,
    ) -> BoxFuture<'a, Result<Kept>> {
        ready(Ok(Kept::NOTHING)).boxed()
    }

    /// What comes after it: also after an answer in place of the rest, and after the response of an error further in, but not
    /// when the first half failed. [`After::Wait`] is as [`Before::Wait`].
    fn after(&self, kept: &Kept, next: Next<'_>, response: &mut HttpResponse) -> After;

    /// What comes after it when it has to be waited for: of a layer that says [`After::Wait`].
    fn wait_after<'a>(
        &'a self,
        _kept: &'a Kept,
        _next: Next<'a>,
        _response: &'a mut HttpResponse,
    ) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }
}

/// How a first half ends.
pub(crate) enum Before {
    /// The rest is asked.
    Next(Kept),
    /// The rest is not asked.
    Answer(HttpResponse, Kept),
    /// It fails, which becomes a response.
    Fail(Error),
    /// It has to wait for something, then the rest is asked.
    Wait,
}

/// How a second half ends; what it fails with becomes a response.
pub(crate) enum After {
    /// At once.
    Done(Result<()>),
    /// It has to wait for something.
    Wait,
}

/// What the first half leaves for the second.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The visitor's session, as the layer knows it.
    pub(crate) session: Option<Session>,
    /// An answer that the layer found: what it means is the layer's.
    pub(crate) flag: bool,
}

impl Kept {
    /// Nothing.
    pub(crate) const NOTHING: Self = Self { session: None, flag: false };
}

impl From<Result<Kept>> for Before {
    fn from(outcome: Result<Kept>) -> Self {
        match outcome {
            Ok(kept) => Self::Next(kept),
            Err(error) => Self::Fail(error),
        }
    }
}
