//! An ordinary site written against nuages: its `manage` program, with the endpoints that every peer has.
//!
//! usage: nuages-peer migrate; nuages-peer runserver PORT

mod urls;
mod views;

use std::process::ExitCode;

use nuages::prelude::*;

fn main() -> ExitCode {
    nuages::manage(Site::new(env!("CARGO_MANIFEST_DIR")).urls(urls::urls()))
}
