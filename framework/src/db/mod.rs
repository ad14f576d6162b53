//! Databases: the pools, Django's timestamps, migrations.

pub mod database;
