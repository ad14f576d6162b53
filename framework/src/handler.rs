//! (handler)
