//! The databases of `DATABASES`.

/// Every database by its alias.
#[derive(Debug, Default)]
pub struct Databases {}
