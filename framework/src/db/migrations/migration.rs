//! A migration: its files together.

use crate::db::migrations::name::MigrationKey;
use crate::db::migrations::script::Script;
use crate::db::vendor::Vendor;

/// A migration's file that an app brings in its program, named as it would be on disk.
///
/// ```
/// use nuages::db::migrations::migration::EmbeddedMigration;
///
/// const MIGRATIONS: &[EmbeddedMigration] = &[EmbeddedMigration {
///     file: "0001_initial.sql",
///     sql: "CREATE TABLE poll_answer (id integer NOT NULL PRIMARY KEY);",
/// }];
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedMigration {
    /// The file's name: `0001_initial.sqlite.sql`.
    pub file: &'static str,
    /// What is in it: `include_str!(…)`.
    pub sql: &'static str,
}

/// What Django calls an operation that is SQL (`RunSQL.describe`).
const RAW: &str = "Raw SQL operation";

/// A migration.
#[derive(Debug)]
pub struct Migration {
    pub(crate) key: MigrationKey,
    /// Those of other apps that its files name, without the one before it in its own app.
    pub(crate) dependencies: Vec<MigrationKey>,
    pub(crate) operations: Vec<String>,
    pub(crate) atomic: bool,
    pub(crate) up: Variants,
    pub(crate) down: Variants,
}

impl Migration {
    /// Its app and name.
    #[must_use]
    pub const fn key(&self) -> &MigrationKey {
        &self.key
    }

    /// Whether it runs in a transaction, where the database can take back what it does to tables.
    #[must_use]
    pub const fn atomic(&self) -> bool {
        self.atomic
    }

    /// What it does, in the words of its header, else that it is SQL, in Django's.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        let unnamed = self.operations.is_empty().then_some(RAW);
        self.operations.iter().map(String::as_str).chain(unnamed)
    }

    /// What applies it there, or, `backwards`, takes it back; `None` when it has nothing for that kind of database.
    #[must_use]
    pub fn script(&self, vendor: Vendor, backwards: bool) -> Option<&Script> {
        if backwards { self.down.get(vendor) } else { self.up.get(vendor) }
    }

    /// What it does, in Django's words (Django 5.2 `core/management/commands/migrate.py`, `describe_operation`): the operations that
    /// its header names, else the beginning of its SQL. `Err` when it cannot be taken back.
    pub fn describe(&self, vendor: Vendor, backwards: bool) -> Result<Vec<String>, String> {
        let Some(script) = self.script(vendor, backwards) else {
            return Err(format!("{RAW} -> IRREVERSIBLE"));
        };
        if !self.operations.is_empty() {
            let undo = if backwards { "Undo " } else { "" };
            return Ok(self.operations.iter().map(|operation| format!("{undo}{operation}")).collect());
        }
        let sql: String = format!(" -> {}", script.text.replace('\n', ""));
        Ok(vec![format!("{RAW}{}", truncated(&sql, 40))])
    }
}

/// At most that many characters, the last an ellipsis when something is missing.
fn truncated(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// The files of a migration that do the same on different databases.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    any: Option<Script>,
    sqlite: Option<Script>,
    postgres: Option<Script>,
    mysql: Option<Script>,
}

impl Variants {
    pub(crate) fn get(&self, vendor: Vendor) -> Option<&Script> {
        let own = match vendor {
            Vendor::Sqlite => &self.sqlite,
            Vendor::Postgres => &self.postgres,
            Vendor::MySql => &self.mysql,
        };
        own.as_ref().or(self.any.as_ref())
    }

    /// Puts one there; gives back the one that was there before.
    pub(crate) fn set(&mut self, vendor: Option<Vendor>, script: Script) -> Option<Script> {
        let slot = match vendor {
            None => &mut self.any,
            Some(Vendor::Sqlite) => &mut self.sqlite,
            Some(Vendor::Postgres) => &mut self.postgres,
            Some(Vendor::MySql) => &mut self.mysql,
        };
        slot.replace(script)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.any.is_none() && self.sqlite.is_none() && self.postgres.is_none() && self.mysql.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn it_is_described_in_djangos_words() {
        let script = |text| Script { from: "x.sql".to_owned(), text: Cow::Borrowed(text) };
        let mut migration = Migration {
            key: MigrationKey::new("shop", "0001_initial"),
            dependencies: Vec::new(),
            operations: Vec::new(),
            atomic: true,
            up: Variants::default(),
            down: Variants::default(),
        };
        migration.up.set(None, script("CREATE TABLE shop_product\n(id integer NOT NULL PRIMARY KEY);"));
        migration.up.set(Some(Vendor::MySql), script("SELECT 1"));
        // Django's own truncation of the same text.
        assert_eq!(
            migration.describe(Vendor::Sqlite, false),
            Ok(vec!["Raw SQL operation -> CREATE TABLE shop_product(id intege…".to_owned()])
        );
        assert_eq!(
            migration.describe(Vendor::MySql, false),
            Ok(vec!["Raw SQL operation -> SELECT 1".to_owned()])
        );
        assert_eq!(
            migration.describe(Vendor::Sqlite, true),
            Err("Raw SQL operation -> IRREVERSIBLE".to_owned())
        );
        migration.operations = vec!["Create model Product".to_owned()];
        migration.down.set(None, script("DROP TABLE shop_product"));
        assert_eq!(migration.describe(Vendor::Sqlite, false), Ok(vec!["Create model Product".to_owned()]));
        assert_eq!(
            migration.describe(Vendor::Sqlite, true),
            Ok(vec!["Undo Create model Product".to_owned()])
        );
    }
}
