//! The `manage` command line: Django's commands, with Django's names, arguments, words and exit statuses.

mod addr_port;
mod cli;
mod diffsettings;
mod help;
mod report;
