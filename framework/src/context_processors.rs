//! Context processors: what every template that is rendered for a request may use, by Django's names
//! (Django 5.2 `template/context_processors.py`).
//!
//! `TEMPLATES` chooses and orders them; an app brings its own.
//!
//! ```
//! use nuages::context;
//! use nuages::context_processors::{self, ContextProcessor};
//! use nuages::error::Result;
//! use nuages::http::request::HttpRequest;
//! use nuages::template::context::Context;
//! use nuages::template::processor::ContextProcessorDef;
//! use nuages::template::uses::Uses;
//!
//! /// `{{ debug_build }}`
//! struct DebugBuild;
//!
//! impl ContextProcessor for DebugBuild {
//!     const NAME: &'static str = "shop.context_processors.debug_build";
//!
//!     async fn process(_request: &HttpRequest, _uses: &Uses) -> Result<Context> {
//!         Ok(context! { debug_build: cfg!(debug_assertions) })
//!     }
//! }
//!
//! const PROCESSORS: &[ContextProcessorDef] = &[context_processors::of::<DebugBuild>()];
//! ```

use crate::context;
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::template::context::Context;
use crate::template::processor::ContextProcessorDef;
use crate::template::uses::Uses;

/// Adds to the context of every template that is rendered for a request. What the view gave stays on top.
pub trait ContextProcessor: 'static {
    /// The dotted name in `TEMPLATES`.
    const NAME: &'static str;

    /// What it adds. `uses` tells what the template mentions: what it does not mention need not be worked out.
    ///
    /// # Errors
    /// Whatever it says becomes the response.
    fn process(request: &HttpRequest, uses: &Uses) -> impl Future<Output = Result<Context>> + Send;
}

/// The row of that processor.
#[must_use]
pub const fn of<P: ContextProcessor>() -> ContextProcessorDef {
    ContextProcessorDef {
        name: P::NAME,
        process: |request, uses| match request.downcast_ref::<HttpRequest>() {
            Some(request) => Box::pin(P::process(request, uses)),
            None => Box::pin(std::future::ready(Err(Error::internal(format!(
                "the context processor {} was not given a request",
                P::NAME
            ))))),
        },
    }
}

/// The processors that need no app: every site may name them.
pub const BUILT_IN: &[ContextProcessorDef] = &[of::<Request>(), of::<Debug>()];

/// `django.template.context_processors.request`: `{{ request.path }}`, `{{ request.session.name }}`, …
///
/// | in a template | |
/// |---|---|
/// | `request.session` | the session's dict: loaded, and marked as accessed, if the template names it |
#[derive(Debug)]
pub struct Request;

impl ContextProcessor for Request {
    const NAME: &'static str = "django.template.context_processors.request";

    async fn process(_request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        Ok(Context::new())
    }
}

/// `django.template.context_processors.debug`: `debug` is true under `DEBUG` for a client of `INTERNAL_IPS`.
#[derive(Debug)]
pub struct Debug;

impl ContextProcessor for Debug {
    const NAME: &'static str = "django.template.context_processors.debug";

    async fn process(request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        match request.project().core().debug {
            true => Ok(context! { debug: true }),
            false => Ok(Context::new()),
        }
    }
}
