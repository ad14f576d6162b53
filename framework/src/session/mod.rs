//! The visitor's dict, and the stores it may live in.
//!
//! What a view uses is [`handle::Session`], the field `request.session`. What an engine implements is
//! [`store::SessionStore`]. Between them stand pure parts: [`data`] (a dict which knows what changed), [`expiry`] (how
//! long a session lives), [`codec`] (the signed text in which Django keeps it).
//!
//! Source of the contract: Django 5.2 `contrib/sessions/`.

pub mod backends;
pub mod codec;
pub mod data;
pub mod engine;
pub mod error;
pub mod expiry;
pub mod handle;
pub mod key;
mod renewals;
pub mod serializers;
pub mod store;
