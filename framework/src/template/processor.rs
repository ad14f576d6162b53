//! Context processors, as the engine keeps them.
//!
//! Requests live on a floor above this one, so the engine holds a processor as a name and a function of an erased
//! request. Processors are written against [`ContextProcessor`](crate::context_processors::ContextProcessor).

use std::any::Any;

use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::template::context::Context;
use crate::template::uses::Uses;

/// The request, erased.
pub type AnyRequest = dyn Any + Send + Sync;

/// What a processor adds to the context of a template that uses those names.
pub(crate) type Process = for<'a> fn(&'a AnyRequest, &'a Uses) -> BoxFuture<'a, Result<Context>>;

/// A context processor's row in an app's table: made with
/// [`of`](crate::context_processors::of).
#[derive(Debug, Clone, Copy)]
pub struct ContextProcessorDef {
    /// The dotted name in `TEMPLATES`.
    pub name: &'static str,
    pub(crate) process: Process,
}
