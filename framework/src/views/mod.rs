//! Views that come with nuages.

pub mod csrf;
pub mod defaults;
pub mod static_files;
