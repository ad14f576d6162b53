//! Routes as text: parse, match, reverse. No view, no request.

pub mod table;
