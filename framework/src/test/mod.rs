//! Testing a site: a client that asks it without a socket.

pub mod cookie_jar;
