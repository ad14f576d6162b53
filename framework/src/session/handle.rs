//! `request.session`.

/// The visitor's session: a cheap handle, every clone is the same session.
#[derive(Debug, Clone, Default)]
pub struct Session {}
