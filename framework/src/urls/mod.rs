//! An async fn becomes a view, views become a URLconf.
//!
//! ```
//! use nuages::error::Result;
//! use nuages::http::{request::HttpRequest, response::HttpResponse};
//! use nuages::urls;
//! use nuages::urls::{compile::compile, declare::{Urls, include, path}};
//!
//! async fn index(_request: HttpRequest) -> Result<HttpResponse> {
//!     Ok(HttpResponse::new("All years"))
//! }
//! async fn archive(_request: HttpRequest, year: u32, slug: String) -> Result<HttpResponse> {
//!     Ok(HttpResponse::new(format!("{slug} in {year}")))
//! }
//!
//! fn student() -> Urls {
//!     urls![
//!         path("", index).name("index"),
//!         path("<int:year>/<slug:slug>/", archive).name("archive"),
//!     ]
//!     .app_name("student")
//! }
//!
//! let site = compile(urls![include("student/", student())]);
//! assert!(site.messages.is_empty());
//! assert_eq!(site.table.reverse("student:index", nuages::args![]).as_deref(), Ok("/student/"));
//! ```
//!
//! * [`declare`]: `path`, `include`, `urls!`
//! * [`view`]: what is a view
//! * [`class`]: views with one method per HTTP method
//! * [`decorator`], [`marks`]: what stands around one view, and what is said of it
//! * [`param`]: what may be a parameter of one
//! * [`compile`]: the declarations, held against the views, become the table of routes and the views behind it
//! * [`views`]: the views of that table, ready to be called

pub mod class;
pub mod compile;
pub mod declare;
pub mod decorator;
pub mod marks;
pub mod param;
pub mod view;
pub mod views;
