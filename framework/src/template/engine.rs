//! The templates of the site.

/// Every template, compiled.
#[derive(Debug, Default)]
pub struct Templates {}
