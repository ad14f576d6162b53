//! (management)
