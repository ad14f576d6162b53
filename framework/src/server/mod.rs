//! Bytes in, bytes out: HTTP/1.1 and HTTP/2 (prior knowledge) over TCP, with a limit on everything a client may hold on to.
//!
//! [`serve::serve`] runs a [`service::Service`] on listeners until a future says stop, and then drains:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use nuages::conf::server::ServerSettings;
//! use nuages::http::connection::Connection;
//! use nuages::server::request_body::RequestBody;
//! use nuages::server::serve::serve;
//! use nuages::server::service::Service;
//!
//! #[derive(Clone)]
//! struct Hello;
//!
//! impl Service for Hello {
//!     type Body = Full<Bytes>;
//!     async fn call(self: Arc<Self>, _request: Request<RequestBody>, _on: Connection) -> Response<Full<Bytes>> {
//!         Response::new(Full::new(Bytes::from_static(b"hello")))
//!     }
//!     fn panicked(&self) -> Response<Full<Bytes>> {
//!         Response::builder().status(500).body(Full::default()).unwrap_or_default()
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let stop = tokio::time::sleep(Duration::from_millis(10));
//! let ended = serve(vec![listener], Hello, &ServerSettings::default(), None, stop).await;
//! assert_eq!(ended.cut, 0);
//! # std::io::Result::Ok(()) })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! What limits what: the size and number of headers is hyper's business; how long a head, an idle connection and a stalled
//! client may take is watched by one timer per connection that a request never touches ([`ServerSettings`](crate::conf::server::ServerSettings)
//! tells the numbers); how large a body may grow is decided by who reads it.

pub mod access_log;
mod activity;
mod connections;
pub mod onion_service;
mod protocol;
pub mod request_body;
mod response_body;
pub mod serve;
pub mod service;
pub mod signals;
mod socket;
mod supervisor;
