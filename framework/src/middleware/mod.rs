//! The onion: every request passes the layers of `MIDDLEWARE` on its way to the view, every response on its way back.

pub mod common;
pub mod def;

pub mod onion;
pub mod refusal;
pub mod request_line;
pub mod security;
mod snapshot;
mod technical;
