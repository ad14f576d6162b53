//! The migrations of a site, read and checked.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::checks::CheckMessage;
use crate::db::migrations::graph;
use crate::db::migrations::migration::{EmbeddedMigration, Migration, Variants};
use crate::db::migrations::name::{FileName, MigrationKey, number};
use crate::db::migrations::script::Script;
use crate::db::vendor::Vendor;

/// The folder of a site's migrations.
pub const FOLDER: &str = "migrations";

/// Every migration of every installed app.
#[derive(Debug, Default)]
pub struct Migrations {
    by_key: BTreeMap<MigrationKey, Migration>,
    labels: BTreeSet<String>,
    migrated: BTreeSet<String>,
}

impl Migrations {
    /// Reads the migrations of those apps (label, and what their programs bring) and of `base_dir`'s folder `migrations/`.
    ///
    /// It reads files, so it is for the start of a program.
    ///
    /// What comes back second is every fault: file names that mean nothing, two migrations with one number, a number left out, a
    /// dependency that does not exist, a circle, a file that cannot be read, a wrong header; and a warning for a folder that belongs to
    /// no installed app.
    #[must_use]
    pub fn load<'a>(
        base_dir: &Path,
        apps: impl IntoIterator<Item = (&'a str, &'static [EmbeddedMigration])>,
    ) -> (Self, Vec<CheckMessage>) {
        let mut loader = Loader::default();
        for (label, embedded) in apps {
            loader.labels.insert(label.to_owned());
            for file in embedded {
                let from = format!("{label}/{}", file.file);
                loader.file(label, file.file, Script { from, text: Cow::Borrowed(file.sql) });
            }
            if !embedded.is_empty() {
                loader.migrated.insert(label.to_owned());
            }
        }
        loader.folder(&base_dir.join(FOLDER), base_dir);
        loader.finish()
    }

    /// That migration.
    #[must_use]
    pub fn get(&self, key: &MigrationKey) -> Option<&Migration> {
        self.by_key.get(key)
    }

    /// Every migration, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.by_key.values()
    }

    /// The migrations of an app, in the order of their numbers.
    pub fn of_app<'a>(&'a self, label: &'a str) -> impl DoubleEndedIterator<Item = &'a Migration> {
        self.iter().filter(move |migration| migration.key.app == label)
    }

    /// The labels of the installed apps.
    #[must_use]
    pub const fn labels(&self) -> &BTreeSet<String> {
        &self.labels
    }

    /// The labels of those that have migrations, or a folder for them.
    #[must_use]
    pub const fn migrated_labels(&self) -> &BTreeSet<String> {
        &self.migrated
    }

    /// A fault for each migration that has nothing to run on that kind of database.
    #[must_use]
    pub fn check_vendor(&self, vendor: Vendor) -> Vec<CheckMessage> {
        self.iter()
            .filter(|migration| migration.script(vendor, false).is_none())
            .map(|migration| {
                let name = &migration.key.name;
                CheckMessage::error("nuages.E318", format!("The migration has no SQL for {vendor}."))
                    .hint(format!(
                        "Add {name}.{}.sql, or {name}.sql for every kind of database.",
                        vendor.feature()
                    ))
                    .object(migration.key.to_string())
            })
            .collect()
    }
}

#[derive(Debug, Default)]
struct Loader {
    by_key: BTreeMap<MigrationKey, Migration>,
    labels: BTreeSet<String>,
    migrated: BTreeSet<String>,
    faults: Vec<CheckMessage>,
}

impl Loader {
    fn folder(&mut self, folder: &Path, base_dir: &Path) {
        let Some(apps) = self.entries(folder, base_dir) else { return };
        for app in apps {
            let shown = shown(&app, base_dir);
            let label = app.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // A README, an editor's or the system's own files.
            if !app.is_dir() || label.starts_with('.') {
                continue;
            }
            if !self.labels.contains(&label) {
                let known: Vec<&str> = self.labels.iter().map(String::as_str).collect();
                self.faults.push(
                    CheckMessage::warning(
                        "nuages.W310",
                        "The folder belongs to no installed app, nothing in it is applied.",
                    )
                    .hint(format!("The installed apps are: {}.", known.join(", ")))
                    .object(shown),
                );
                continue;
            }
            self.migrated.insert(label.clone());
            for file in self.entries(&app, base_dir).unwrap_or_default() {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with('.') || name.ends_with('~') {
                    continue;
                }
                let from = format!("{shown}/{name}");
                match fs::read_to_string(&file) {
                    Ok(text) => self.file(&label, &name, Script { from, text: Cow::Owned(text) }),
                    Err(error) => self.unreadable(from, &error),
                }
            }
        }
    }

    /// What is in a folder, in order; nothing when there is none.
    fn entries(&mut self, folder: &Path, base_dir: &Path) -> Option<Vec<PathBuf>> {
        let read = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        match read {
            Ok(mut paths) => {
                paths.sort();
                Some(paths)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.unreadable(shown(folder, base_dir), &error);
                None
            }
        }
    }

    fn unreadable(&mut self, from: String, error: &io::Error) {
        self.faults.push(
            CheckMessage::error("nuages.E315", format!("The migration cannot be read: {error}."))
                .hint("It is to be a file of UTF-8 text that the user that runs this may read.")
                .object(from),
        );
    }

    fn file(&mut self, label: &str, file: &str, script: Script) {
        let Some(name) = FileName::parse(file) else {
            self.faults.push(
                CheckMessage::error(
                    "nuages.E310",
                    format!("{file:?} is not the name of a migration's file."),
                )
                .hint(format!("It is to be {}.", FileName::GRAMMAR))
                .object(script.from),
            );
            return;
        };
        let header = match script.header() {
            Ok(header) => header,
            Err(faults) => {
                self.faults.extend(faults);
                return;
            }
        };
        let key = MigrationKey::new(label, name.name);
        let migration = self.by_key.entry(key).or_insert_with_key(|key| Migration {
            key: key.clone(),
            dependencies: Vec::new(),
            operations: Vec::new(),
            atomic: true,
            up: Variants::default(),
            down: Variants::default(),
        });
        if !name.down {
            for dependency in header.dependencies {
                if !migration.dependencies.contains(&dependency) {
                    migration.dependencies.push(dependency);
                }
            }
            if migration.operations.is_empty() {
                migration.operations = header.operations;
            }
        }
        migration.atomic &= header.atomic.unwrap_or(true);
        let from = script.from.clone();
        let variants = if name.down { &mut migration.down } else { &mut migration.up };
        if let Some(before) = variants.set(name.vendor, script) {
            self.faults.push(
                CheckMessage::error(
                    "nuages.E311",
                    format!("{} and {from} are the same migration.", before.from),
                )
                .hint("Remove one, or give it the next number.")
                .object(from),
            );
        }
    }

    fn finish(mut self) -> (Migrations, Vec<CheckMessage>) {
        self.check_numbers();
        self.check_scripts();
        self.check_dependencies();
        let migrations = Migrations { by_key: self.by_key, labels: self.labels, migrated: self.migrated };
        if let Some(circle) = graph::circle(&migrations) {
            let names: Vec<String> = circle.iter().map(ToString::to_string).collect();
            self.faults.push(
                CheckMessage::error(
                    "nuages.E314",
                    format!("The migrations wait for each other: {}.", names.join(", ")),
                )
                .hint("Remove one of the `-- depends:` lines between them.")
                .object(names.first().cloned().unwrap_or_default()),
            );
        }
        (migrations, self.faults)
    }

    fn check_numbers(&mut self) {
        for label in &self.migrated {
            let mut before: Option<&MigrationKey> = None;
            for key in self.by_key.keys().filter(|key| key.app == *label) {
                let (last, this) = (before.map_or(0, |key| number(&key.name)), number(&key.name));
                if let Some(before) = before
                    && last == this
                {
                    self.faults.push(
                        CheckMessage::error(
                            "nuages.E311",
                            format!("{before} and {key} have the same number."),
                        )
                        .hint("Give one of them the next free number.")
                        .object(key.to_string()),
                    );
                } else if last + 1 != this {
                    self.faults.push(
                        CheckMessage::error(
                            "nuages.E312",
                            format!("There is no migration {:04} of {label} before {}.", last + 1, key.name),
                        )
                        .hint("Add the file that is missing, or number them without a gap from 0001.")
                        .object(key.to_string()),
                    );
                }
                before = Some(key);
            }
        }
    }

    fn check_scripts(&mut self) {
        for migration in self.by_key.values() {
            if migration.up.is_empty() {
                let name = &migration.key.name;
                self.faults.push(
                    CheckMessage::error(
                        "nuages.E310",
                        format!("There is a {name}.down.sql, but no {name}.sql to take back."),
                    )
                    .hint("Add the file that is missing, or remove the other.")
                    .object(migration.key.to_string()),
                );
            }
            if !migration.atomic {
                continue;
            }
            let mut told = BTreeSet::new();
            for (vendor, backwards) in
                Vendor::ALL.into_iter().flat_map(|vendor| [(vendor, false), (vendor, true)])
            {
                let Some(script) = migration.script(vendor, backwards) else { continue };
                if let Some((line, word)) = script.transaction_statement(vendor)
                    && told.insert(&script.from)
                {
                    self.faults.push(
                        CheckMessage::error("nuages.E317", format!("{word} cannot stand in the transaction of a migration."))
                            .hint("Remove it: each migration has its own transaction. Or write `-- atomic: no` at the top.")
                            .object(format!("{}:{line}", script.from)),
                    );
                }
            }
        }
    }

    fn check_dependencies(&mut self) {
        for migration in self.by_key.values() {
            for dependency in &migration.dependencies {
                if self.by_key.contains_key(dependency) {
                    continue;
                }
                let hint = match self.labels.contains(&dependency.app) {
                    true => {
                        let known: Vec<&str> = self
                            .by_key
                            .keys()
                            .filter(|key| key.app == dependency.app)
                            .map(|key| key.name.as_str())
                            .collect();
                        format!(
                            "{} has: {}.",
                            dependency.app,
                            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                        )
                    }
                    false => format!("Add {} to INSTALLED_APPS.", dependency.app),
                };
                self.faults.push(
                    CheckMessage::error(
                        "nuages.E313",
                        format!("It depends on {dependency}, which does not exist."),
                    )
                    .hint(hint)
                    .object(migration.key.to_string()),
                );
            }
        }
    }
}

fn shown(path: &Path, base_dir: &Path) -> String {
    path.strip_prefix(base_dir).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: &[EmbeddedMigration] =
        &[EmbeddedMigration { file: "0001_initial.sql", sql: "CREATE TABLE s (k)" }];

    fn load(files: &[(&str, &str)]) -> (Migrations, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = folder.path().join(FOLDER).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let (migrations, faults) =
            Migrations::load(folder.path(), [("sessions", SESSIONS), ("shop", &[]), ("student", &[])]);
        let told = faults
            .iter()
            .map(|fault| {
                format!("{} {}: {}", fault.id, fault.object.as_deref().unwrap_or_default(), fault.message)
            })
            .collect();
        (migrations, told)
    }

    #[test]
    fn a_sound_folder_is_read() {
        let (migrations, faults) = load(&[
            ("README.md", "what this is"),
            ("shop/.gitkeep", ""),
            ("shop/0001_initial.sql", "-- depends: sessions.0001_initial\nCREATE TABLE p (a);"),
            ("shop/0001_initial.mysql.sql", "CREATE TABLE p (a int);"),
            ("shop/0001_initial.down.sql", "DROP TABLE p;"),
            ("shop/0002_more.sql", "CREATE TABLE q (a);"),
            ("student/.gitkeep", ""),
        ]);
        assert_eq!(faults, [""; 0]);
        let keys: Vec<String> = migrations.iter().map(|migration| migration.key.to_string()).collect();
        assert_eq!(keys, ["sessions.0001_initial", "shop.0001_initial", "shop.0002_more"]);
        let migrated: Vec<&str> = migrations.migrated_labels().iter().map(String::as_str).collect();
        assert_eq!(migrated, ["sessions", "shop", "student"]);
        let first = migrations.get(&MigrationKey::new("shop", "0001_initial")).unwrap();
        assert_eq!(first.script(Vendor::MySql, false).unwrap().text, "CREATE TABLE p (a int);");
        assert_eq!(first.script(Vendor::Postgres, true).unwrap().text, "DROP TABLE p;");
        assert_eq!(first.dependencies, [MigrationKey::new("sessions", "0001_initial")]);
        assert!(migrations.check_vendor(Vendor::Sqlite).is_empty());
    }

    #[test]
    fn no_folder_is_no_fault() {
        let (migrations, faults) = load(&[]);
        assert_eq!((migrations.iter().count(), faults.len()), (1, 0));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let (_, faults) = load(&[
            ("shop/0001_initial.sql", "BEGIN; CREATE TABLE p (a); COMMIT;"),
            ("shop/0001_other.sql", "SELECT 1"),
            ("shop/0003_gap.sql", "-- depends: student.0009_none, blog.0001_initial\nSELECT 1"),
            ("shop/notes.txt", "?"),
            ("shop/4_short.sql", "SELECT 1"),
            ("sessions/0001_initial.sql", "SELECT 1"),
            ("student/0001_a.down.sql", "SELECT 1"),
            ("student/0002_b.sql", "-- depend: x\nSELECT 1"),
            ("blgo/0001_initial.sql", "SELECT 1"),
        ]);
        assert_eq!(
            faults,
            [
                "nuages.W310 migrations/blgo: The folder belongs to no installed app, nothing in it is applied.",
                "nuages.E311 migrations/sessions/0001_initial.sql: sessions/0001_initial.sql and \
             migrations/sessions/0001_initial.sql are the same migration.",
                "nuages.E310 migrations/shop/4_short.sql: \"4_short.sql\" is not the name of a migration's file.",
                "nuages.E310 migrations/shop/notes.txt: \"notes.txt\" is not the name of a migration's file.",
                "nuages.E316 migrations/student/0002_b.sql:1: \"depend\" is not known here.",
                "nuages.E311 shop.0001_other: shop.0001_initial and shop.0001_other have the same number.",
                "nuages.E312 shop.0003_gap: There is no migration 0002 of shop before 0003_gap.",
                "nuages.E317 migrations/shop/0001_initial.sql:1: BEGIN cannot stand in the transaction of a migration.",
                "nuages.E310 student.0001_a: There is a 0001_a.down.sql, but no 0001_a.sql to take back.",
                "nuages.E313 shop.0003_gap: It depends on student.0009_none, which does not exist.",
                "nuages.E313 shop.0003_gap: It depends on blog.0001_initial, which does not exist.",
            ]
        );
    }

    #[test]
    fn a_circle_is_told() {
        let (_, faults) = load(&[
            ("shop/0001_a.sql", "-- depends: student.0001_a\nSELECT 1"),
            ("student/0001_a.sql", "-- depends: shop.0002_b\nSELECT 1"),
            ("shop/0002_b.sql", "SELECT 1"),
        ]);
        assert_eq!(
            faults,
            [
                "nuages.E314 shop.0001_a: The migrations wait for each other: shop.0001_a, student.0001_a, shop.0002_b."
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_text_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("migrations/shop");
        fs::create_dir_all(&shop).unwrap();
        fs::write(shop.join("0001_initial.sql"), [0xff, 0xfe]).unwrap();
        let (_, faults) = Migrations::load(folder.path(), [("shop", &[] as &[EmbeddedMigration])]);
        assert_eq!((faults.len(), faults[0].id), (1, "nuages.E315"));
    }

    #[test]
    fn a_migration_for_another_database_is_told() {
        let (migrations, faults) = load(&[("shop/0001_initial.postgres.sql", "SELECT 1")]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(
            migrations.check_vendor(Vendor::Sqlite)[0].to_string(),
            "shop.0001_initial: (nuages.E318) The migration has no SQL for SQLite.\n\tHINT: Add 0001_initial.sqlite.sql, or 0001_initial.sql for every kind of database."
        );
    }
}
