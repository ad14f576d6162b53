//! The engines that nuages brings, by Django's names.

pub mod cache;
pub mod cached_db;
pub mod db;
pub mod file;
pub mod signed_cookies;

use crate::session::engine::EngineDef;

/// `SESSION_ENGINE`: every engine that is built in.
pub const ENGINES: &[EngineDef] =
    &[db::ENGINE, file::ENGINE, cache::ENGINE, cached_db::ENGINE, signed_cookies::ENGINE];
