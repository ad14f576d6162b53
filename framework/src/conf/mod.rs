//! Settings: Django's flat names in TOML become typed sections.

pub mod core;
pub mod databases;
pub mod secret;
pub mod session;
pub mod settings;
