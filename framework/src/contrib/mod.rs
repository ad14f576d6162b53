//! (contrib)
