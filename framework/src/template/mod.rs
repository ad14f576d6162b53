//! Templates: tera with Django's functions and context processors.

pub mod engine;
