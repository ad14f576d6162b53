//! What an app brings to the site.

pub mod app;
pub mod command;
pub mod style;
