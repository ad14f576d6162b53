//! `django.contrib.sessions`: the middleware that gives every request its session, `clearsessions`, `sessions`, the table.

pub mod app;
pub mod clearsessions;
pub mod decision;
pub mod middleware;
pub mod migrations;
pub mod sessions_command;
