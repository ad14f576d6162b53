//! What nuages makes of bad input: at the start, in the database, from a client.
#![allow(missing_docs, reason = "tests")]

mod advisories;
mod client_words;
mod cookies;
mod damage;
mod database;
mod decoders;
mod floods;
mod framing;
mod http2;
mod http_advisories;
mod http_parsers;
mod logged;
mod pieces;
mod program;
mod request_log;
mod requests;
#[path = "../rows/mod.rs"]
mod rows;
mod secrets;
mod site;
mod sockets;
mod start;
mod stored_text;
mod stores;
