//! (shortcuts)
