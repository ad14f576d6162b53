//! The names of migrations and of their files.

use std::fmt;

use crate::db::vendor::Vendor;

/// A migration's app and name: `sessions.0001_initial`. In order by app, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MigrationKey {
    /// The label of its app.
    pub app: String,
    /// Its name, which starts with its number.
    pub name: String,
}

impl MigrationKey {
    /// That migration of that app.
    pub fn new(app: impl Into<String>, name: impl Into<String>) -> Self {
        Self { app: app.into(), name: name.into() }
    }

    /// Reads `app.0001_name`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (app, name) = text.split_once('.')?;
        (!app.is_empty() && is_migration_name(name)).then(|| Self::new(app, name))
    }
}

impl fmt::Display for MigrationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}

/// What the name of a migration's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    /// The migration's name: `0001_initial`.
    pub name: &'a str,
    /// Whether it takes the migration back.
    pub down: bool,
    /// The kind of database it is for; `None` for all.
    pub vendor: Option<Vendor>,
}

impl<'a> FileName<'a> {
    /// What is right, for messages.
    pub const GRAMMAR: &'static str = "NNNN_name[.down][.sqlite|.postgres|.mysql].sql, for instance 0001_initial.sql or 0001_initial.down.sqlite.sql";

    /// Reads it; `None` when it is not [`GRAMMAR`](Self::GRAMMAR).
    #[must_use]
    pub fn parse(file: &'a str) -> Option<Self> {
        let mut rest = file.strip_suffix(".sql")?;
        let mut vendor = None;
        for kind in Vendor::ALL {
            if let Some(before) =
                rest.strip_suffix(kind.feature()).and_then(|before| before.strip_suffix('.'))
            {
                vendor = Some(kind);
                rest = before;
                break;
            }
        }
        let (name, down) = match rest.strip_suffix(".down") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        is_migration_name(name).then_some(Self { name, down, vendor })
    }
}

/// The number that a migration's name starts with.
#[must_use]
pub fn number(name: &str) -> u32 {
    name.get(..4).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Four digits, `_`, and letters, digits or `_`. Django's column for it holds 255 characters.
fn is_migration_name(name: &str) -> bool {
    match name.split_once('_') {
        Some((digits, rest)) => {
            digits.len() == 4
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.len() <= 255
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_what_it_is() {
        let up = |vendor| Some(FileName { name: "0001_initial", down: false, vendor });
        let down = |vendor| Some(FileName { name: "0001_initial", down: true, vendor });
        for (file, expected) in [
            ("0001_initial.sql", up(None)),
            ("0001_initial.sqlite.sql", up(Some(Vendor::Sqlite))),
            ("0001_initial.postgres.sql", up(Some(Vendor::Postgres))),
            ("0001_initial.mysql.sql", up(Some(Vendor::MySql))),
            ("0001_initial.down.sql", down(None)),
            ("0001_initial.down.mysql.sql", down(Some(Vendor::MySql))),
            ("0001_initial.postgresql.sql", None),
            ("0001_initial.mysql.down.sql", None),
            ("0001_initial.SQL", None),
            ("001_initial.sql", None),
            ("00001_initial.sql", None),
            ("0001-initial.sql", None),
            ("0001_.sql", None),
            ("0001_mysql.sql", Some(FileName { name: "0001_mysql", down: false, vendor: None })),
            ("initial.sql", None),
            (".sql", None),
        ] {
            assert_eq!(FileName::parse(file), expected, "{file}");
        }
    }

    #[test]
    fn a_key_is_read_and_shown() {
        assert_eq!(
            MigrationKey::parse("sessions.0001_initial").unwrap().to_string(),
            "sessions.0001_initial"
        );
        for wrong in ["sessions", "sessions.initial", ".0001_initial", "a.b.0001_initial"] {
            assert_eq!(MigrationKey::parse(wrong), None, "{wrong}");
        }
    }
}
