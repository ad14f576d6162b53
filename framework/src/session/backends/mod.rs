//! The engines that nuages brings, by Django's names.

pub mod db;
pub mod file;

use crate::session::engine::EngineDef;

/// `SESSION_ENGINE`: every engine that is built in.
pub const ENGINES: &[EngineDef] = &[db::ENGINE, file::ENGINE];
