//! The values a session or a cache holds, and their wire forms.
//!
//! * [`value`]: [`Value`](value::Value), [`Dict`](value::Dict) and [`Key`](value::Key): Python's values, in order
//! * [`datetime`], [`timedelta`]: Python's points and spans of time
//! * [`json`]: Python's JSON, to the byte
//! * [`float`]: Python's `repr()` of a float

mod conversions;
pub mod datetime;
pub mod dict;
pub mod float;
pub mod json;
mod key;
pub mod timedelta;
pub mod value;

#[cfg(test)]
pub(crate) mod vectors;
