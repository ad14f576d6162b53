//! What the shop shows and does.

pub mod cart;
pub mod catalogue;
pub mod checkout;
