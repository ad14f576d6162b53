//! `django.contrib.messages`: what a view has to say to its visitor, shown once, with the next page.
//!
//! ```toml
//! INSTALLED_APPS = ["django.contrib.sessions", "django.contrib.messages", "…"]
//! MIDDLEWARE = [
//!     "django.contrib.sessions.middleware.SessionMiddleware",
//!     "django.contrib.messages.middleware.MessageMiddleware",
//!     "…",
//! ]
//! [[TEMPLATES]]
//! OPTIONS = { context_processors = ["django.contrib.messages.context_processors.messages", "…"] }
//! ```
//!
//! ```
//! use nuages::contrib::messages;
//! use nuages::prelude::*;
//!
//! async fn order(request: HttpRequest) -> Result<HttpResponse> {
//!     messages::success(&request, "Thank you for your order.")?;
//!     redirect(&request, "shop:catalogue")
//! }
//! # let _ = order;
//! ```
//!
//! Messages wait in the cookie `messages`, which is signed and that Django reads and writes as well, and what does not fit there in
//! the session under `_messages` (`MESSAGE_STORAGE` chooses).
//!
//! * [`api`]: what a view says and asks
//! * [`message`]: one message, and the levels
//! * [`settings`]: the settings `MESSAGE_*`
//! * [`context_processors`]: `messages` in templates

pub mod api;
pub mod app;
pub mod context_processors;
mod cookie;
pub mod message;
pub mod middleware;
pub mod settings;
mod storage;
mod stored;
pub(crate) mod waiting;

pub use self::api::{
    MessageFailure, Messages, add, add_message, debug, error, get_level, get_messages, info, set_level,
    success, warning,
};
pub use self::message::{DEBUG, DEFAULT_LEVELS, ERROR, INFO, Message, SUCCESS, WARNING};

#[cfg(test)]
mod tests;
