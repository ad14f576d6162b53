//! The values a session or a cache holds, and their wire forms.

pub mod value;
