//! The views of the protocol, one file a family.

pub(crate) mod addresses;
pub(crate) mod by_kind;
pub(crate) mod cache;
pub(crate) mod csrf;
pub(crate) mod echo;
pub(crate) mod errors;
pub(crate) mod frame;
pub(crate) mod messages;
pub(crate) mod methods;
pub(crate) mod respond;
pub(crate) mod signed;
pub(crate) mod static_files;
