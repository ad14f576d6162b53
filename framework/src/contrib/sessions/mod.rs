//! `django.contrib.sessions`: the middleware that gives every request its session, `clearsessions`, the table.

pub mod app;
pub mod clearsessions;
pub mod decision;
pub mod middleware;
pub mod migrations;
