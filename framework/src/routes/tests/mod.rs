//! The room as a whole.

mod cost;
mod golden;
mod order;
mod reversing;
