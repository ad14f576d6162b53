//! stub
pub mod codec;
pub mod crypto;
pub mod keys;
