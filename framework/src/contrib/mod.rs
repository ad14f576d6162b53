//! The apps that nuages ships, under Django's names.

pub mod messages;
pub mod sessions;
pub mod staticfiles;
