//! The contract suite over every session engine.

#[macro_use]
mod contract;
mod place;

mod db {
    session_contract!(crate::place::db);
}

mod file {
    session_contract!(crate::place::file);
}
