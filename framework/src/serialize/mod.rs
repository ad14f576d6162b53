//! The values a session or a cache holds, and their wire forms.
//!
//! * [`value`]: [`Value`](value::Value), [`Dict`](value::Dict) and [`Key`](value::Key): Python's values, in order
//! * [`datetime`], [`timedelta`]: Python's points and spans of time

mod conversions;
pub mod datetime;
pub mod dict;
mod key;
pub mod timedelta;
pub mod value;
