//! Django's cache framework: the same keys, the same value bytes, the same settings (`CACHES`).
//!
//! A view asks the project for a cache by its alias:
//!
//! ```
//! use nuages::cache::backend::Timeout;
//! use nuages::prelude::*;
//!
//! async fn home(request: HttpRequest) -> Result<HttpResponse> {
//!     let cache = request.project().caches().get("default")?;
//!     let visits = cache.get_or_set("visits", Timeout::Never, async || Ok::<_, Error>(0_u64)).await?;
//!     Ok(HttpResponse::new(format!("{visits} visits")))
//! }
//! ```
//!
//! What `cache.set` of a Django process stores is what [`Cache::get`](handle::Cache::get) reads here, and back, for every value that
//! pickle's data codec knows. [`backend::CacheBackend`] is what a cache of one's own implements.

pub mod backend;
pub mod caches;
pub mod db;
pub mod dummy;
pub mod error;
pub mod file;
#[cfg(test)]
mod golden;
pub mod handle;
pub mod key;
pub mod locmem;
#[cfg(feature = "memcached")]
pub mod memcached;
pub mod options;
mod pickled;
#[cfg(feature = "redis")]
pub mod redis;
