//! Templates: tera, with Django's loader order, functions and context processors.
//!
//! `templates/` of the project and then the `templates/` of each installed app are read and compiled once, when the
//! site starts; every fault is reported at once, with file and line. Every one
//! escapes what it prints, whatever it is called, as Django does: a mail in plain text says `{{ name | safe }}`.
//!
//! ```
//! use nuages::context;
//! use nuages::template::engine::{TemplateOptions, Templates};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("hello.html"), "Hello {{ name }}!")?;
//! let mut options = TemplateOptions::default();
//! options.dirs.push(folder.path().to_owned());
//! let templates = Templates::load(options).unwrap();
//! assert_eq!(templates.render("hello.html", context! { name: "<Sonam>" })?, "Hello &lt;Sonam&gt;!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * [`engine`]: [`Templates`](engine::Templates), every template of the site
//! * [`context`]: what a view hands to a template, and the [`context!`](crate::context!) macro
//! * [`uses`]: which names a template mentions, so that nothing else is worked out for it
//! * [`rendered`]: what was rendered, for tests
//! * [`processor`]: context processors, as the engine keeps them
//! * [`filters`]: Django's filters
//! * [`functions`]: `url()`, `static()` and the others
//! * [`escape`]: text in HTML
//! * [`error`]: what can go wrong, with template and line

pub use tera;

mod compile;
pub mod context;
pub mod engine;
pub mod error;
pub mod escape;
pub mod filters;
pub mod functions;
mod loader;
pub mod processor;
pub mod rendered;
pub(crate) mod rendering;
pub mod uses;
