//! The onion: every request passes the layers of `MIDDLEWARE` on its way to the view, every response on its way back.

pub mod cache;
pub mod clickjacking;
pub mod common;
pub mod conditional_get;
pub mod csrf;
pub mod def;
pub(crate) mod direct;
pub(crate) mod error_handlers;
pub mod function;
pub mod gzip;
pub(crate) mod halves;
pub mod onion;
pub mod refusal;
pub mod request_line;
pub(crate) mod request_log;
pub mod security;
mod technical;
pub mod view;
