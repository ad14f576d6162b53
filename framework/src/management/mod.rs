//! The `manage` command line: Django's commands, with Django's names, arguments, words and exit statuses.
//!
//! [`run`](run::run) is all of it: it reads the words, builds the site, runs the checks and the command. A command that only
//! needs the project is an [`apps::command::Command`](crate::apps::command::Command), whether nuages or an app brings it; the
//! two that need the built site itself, `check` and `runserver`, are `SiteCommand`s.

mod addr_port;
mod check;
mod cli;
pub mod createcachetable;
pub mod diffsettings;
mod entry;
mod help;
mod logging;
pub mod migrate;
mod migration_names;
#[cfg(test)]
mod migration_tests;
mod reload;
mod report;
pub mod run;
mod runserver;
pub mod showmigrations;
mod site_command;
pub mod sqlmigrate;
