//! The sessions app's migration: Django's own table and index on each kind of database.

use crate::db::migrations::migration::EmbeddedMigration;

macro_rules! embedded {
    ($($file:literal),* $(,)?) => {
        &[$(EmbeddedMigration { file: $file, sql: include_str!(concat!("migrations/", $file)) }),*]
    };
}

/// `sessions.0001_initial`, as `sqlmigrate` of Django 5.2 prints it.
pub const MIGRATIONS: &[EmbeddedMigration] = embedded![
    "0001_initial.sqlite.sql",
    "0001_initial.postgres.sql",
    "0001_initial.mysql.sql",
    "0001_initial.down.sqlite.sql",
    "0001_initial.down.postgres.sql",
    "0001_initial.down.mysql.sql",
];
