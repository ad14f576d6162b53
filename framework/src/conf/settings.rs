//! The loaded settings.

/// Every setting of the site.
#[derive(Debug, Default)]
pub struct Settings {}
