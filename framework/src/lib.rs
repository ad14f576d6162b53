//! A Django-style web framework whose sessions are Django's, byte for byte.
//!
//! ```
//! use nuages::prelude::*;
//! use nuages::test::client::Client;
//!
//! async fn visits(request: HttpRequest) -> Result<HttpResponse> {
//!     let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
//!     Ok(HttpResponse::text(format!("visit {visits}")))
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let site = Site::new("no-such-folder").urls(urls![path("", visits)]);
//! let client = Client::builder(site)
//!     .setting("INSTALLED_APPS", ["django.contrib.sessions"])
//!     .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
//!     .build()
//!     .await?;
//! assert_eq!(client.get("/").await?.text(), "visit 1");
//! assert_eq!(client.get("/").await?.text(), "visit 2");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rooms, from the ground up:
//!
//! * [`error`]: what a view may fail with, and the status it becomes
//! * [`checks`]: what `manage check` finds, with Django's ids
//! * [`conf`]: `settings.toml` and the environment become typed sections
//! * [`serialize`]: the values a session holds, and their JSON
//! * [`signing`]: Django's signatures
//! * [`db`]: databases, timestamps, migrations
//! * [`cache`]: Django's cache framework, its keys and value bytes
//! * [`routes`]: routes as text: parse, match, reverse
//! * [`staticfiles`]: where static files are found, collected and served
//! * [`template`]: tera, Django's loader order, functions and context processors
//! * [`session`]: the visitor's dict, and the stores it may live in
//! * [`project`]: what a request may ask of the site it runs in
//! * [`http`]: requests and responses
//! * [`mod@urls`]: an async fn becomes a view, views become a URLconf
//! * [`middleware`]: the onion
//! * [`views`]: views that come with nuages
//! * [`decorators`]: what goes around one view
//! * [`shortcuts`]: `render`, `redirect`, `reverse`
//! * [`context_processors`]: what every template may use
//! * [`apps`]: what an app brings: commands, middleware, migrations, settings
//! * [`contrib`]: the apps nuages ships
//! * [`server`], [`site`]: from the socket to the view and back
//! * [`management`]: the `manage` command line
//! * [`mod@test`]: the test client

// So that a test may share a file with another crate.
#[cfg(test)]
extern crate self as nuages;

pub mod apps;
pub mod cache;
pub mod checks;
pub mod conf;
pub mod context_processors;
pub mod contrib;
pub mod db;
pub mod decorators;
pub mod error;
pub mod grouping;
pub mod http;
pub mod management;
pub mod middleware;
mod near;
pub mod prelude;
pub mod project;
pub mod routes;
pub mod serialize;
pub mod server;
pub mod session;
pub mod shortcuts;
pub mod signing;
pub mod site;
pub mod staticfiles;
pub mod template;
pub mod test;
pub mod urls;
pub mod views;

/// The `main` of a site's `manage` program: runs the command that the command line names.
///
/// See [`management::run::run`] for what it takes, and [`site::Site`] for an example.
pub fn manage(site: site::Site) -> std::process::ExitCode {
    management::run::run(site, std::env::args_os())
}

/// The examples of the README, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the guide to sessions, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/sessions.md")]
struct SessionsGuide;

/// The examples of the guide to static files, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/static-files.md")]
struct StaticFilesGuide;

/// The examples of the first site, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/tutorial.md")]
struct Tutorial;

/// The examples of the dictionary for Django's users, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-django.md")]
struct FromDjango;

/// The examples of the guide to middleware, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/middleware.md")]
struct MiddlewareGuide;
