//! Views that come with nuages.

pub mod csrf;
pub mod static_files;
