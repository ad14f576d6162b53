//! The views of the tour. Each shows its own source on its page, so each is as short as a view can be.

pub mod archive;
pub mod counter;
pub mod dict;
pub mod engines;
pub mod expiry;
pub mod identity;
pub mod item;
pub mod settings;
pub mod test_cookie;
pub mod tour;
