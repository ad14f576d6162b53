//! What many requests want at the same moment, done for all of them as one.
//!
//! A statement for a hundred rows costs a server little more than one for a single row, and a commit costs the same. Session rows
//! and values in Redis go this way: whoever comes alone has a [`Lane`](lane::Lane) to itself, whoever comes meanwhile joins the
//! [`Group`](group::Group).

pub mod closing;
pub mod group;
pub mod lane;
