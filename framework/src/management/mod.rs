//! The `manage` command line: Django's commands, with Django's names, arguments, words and exit statuses.

mod addr_port;
mod cli;
mod diffsettings;
mod help;
pub mod migrate;
mod migration_names;
#[cfg(test)]
mod migration_tests;
mod report;
pub mod showmigrations;
pub mod sqlmigrate;
