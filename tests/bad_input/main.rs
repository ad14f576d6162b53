//! What nuages makes of bad input: at the start, in the database, from a client.
#![allow(missing_docs, reason = "tests")]

mod advisories;
mod cookies;
mod damage;
mod database;
mod decoders;
mod logged;
mod program;
mod requests;
#[path = "../rows/mod.rs"]
mod rows;
mod secrets;
mod site;
mod start;
mod stored_text;
mod stores;
