//! The `manage` command line: Django's commands, with Django's names, arguments, words and exit statuses.

mod addr_port;
mod cli;
mod help;
mod report;
