//! The whole of `request.session`, method by method, in views that are asked over HTTP: what each answers, and what it leaves
//! on the wire and in the store (Django 5.2 `contrib/sessions`).
#![allow(missing_docs, reason = "tests")]

mod cost;
mod every_engine;
mod expiry;
mod keys;
mod methods;
mod rotation;
#[path = "../rows/mod.rs"]
mod rows;
mod settings;
mod status;
mod wire;
