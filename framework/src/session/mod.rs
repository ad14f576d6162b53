//! The visitor's dict, and the stores it may live in.

pub mod handle;
