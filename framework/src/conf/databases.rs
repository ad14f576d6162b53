//! `DATABASES`.

use std::collections::BTreeMap;

/// `DATABASES`: aliases and what they stand for.
#[derive(Debug, Clone, Default)]
pub struct DatabasesSettings {
    /// By alias; `default` is the one that sessions use.
    pub databases: BTreeMap<String, DatabaseSettings>,
}

/// One entry of `DATABASES`.
#[derive(Debug, Clone, Default)]
pub struct DatabaseSettings {
    /// `django.db.backends.sqlite3`, `.postgresql` or `.mysql`.
    pub engine: String,
    /// The database's name; for SQLite the file, relative to the project, or `:memory:`.
    pub name: String,
    /// `USER`
    pub user: String,
    /// `PASSWORD`
    pub password: crate::conf::secret::Secret,
    /// `HOST`
    pub host: String,
    /// `PORT`
    pub port: Option<u16>,
    /// `CONN_MAX_AGE`, seconds; `None` for ever.
    pub conn_max_age: Option<u64>,
    /// `OPTIONS`
    pub options: toml::Table,
}
