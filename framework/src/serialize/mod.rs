//! The values a session or a cache holds, and their wire forms.
//!
//! * [`value`]: [`Value`](value::Value), [`Dict`](value::Dict) and [`Key`](value::Key): Python's values, in order
//! * [`datetime`], [`timedelta`]: Python's points and spans of time
//! * [`json`]: Python's JSON, to the byte
//! * [`pickle`]: Python's pickles of data, to the byte, with nothing executed
//! * [`float`]: Python's `repr()` of a float
//! * [`repr`]: Python's `repr()` of any value
//! * [`ser`], [`de`]: any `serde` type to a value and back

mod conversions;
pub mod convert_error;
pub mod datetime;
pub mod de;
pub mod dict;
pub(crate) mod digits;
pub mod encode_error;
mod exotic;
pub mod float;
pub mod json;
mod key;
pub mod pickle;
pub mod repr;
pub mod ser;
pub mod timedelta;
pub mod value;

#[cfg(test)]
pub(crate) mod vectors;
