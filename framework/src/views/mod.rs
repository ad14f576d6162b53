//! Views that come with nuages.

pub mod static_files;
