//! Context processors, as the engine keeps them.
//!
//! Requests live on a floor above this one, so the engine holds a processor as a name and a function of an erased
//! request. Processors are written against [`ContextProcessor`](crate::context_processors::ContextProcessor).

use std::any::Any;
use std::fmt;

use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::template::context::Context;
use crate::template::uses::Uses;

/// The request, erased.
pub type AnyRequest = dyn Any + Send + Sync;

/// What a processor adds to the context of a template that uses those names.
pub(crate) trait Process: Sync {
    fn process<'a>(&'a self, request: &'a AnyRequest, uses: &'a Uses) -> BoxFuture<'a, Result<Context>>;
}

/// A context processor's row in an app's table: made with
/// [`of`](crate::context_processors::of) or [`function`](crate::context_processors::function).
#[derive(Clone, Copy)]
pub struct ContextProcessorDef {
    /// The dotted name in `TEMPLATES`.
    pub name: &'static str,
    pub(crate) process: &'static dyn Process,
}

impl ContextProcessorDef {
    /// What it adds.
    pub(crate) fn run<'a>(
        &'a self,
        request: &'a AnyRequest,
        uses: &'a Uses,
    ) -> BoxFuture<'a, Result<Context>> {
        self.process.process(request, uses)
    }
}

impl fmt::Debug for ContextProcessorDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContextProcessorDef").field(&self.name).finish()
    }
}
