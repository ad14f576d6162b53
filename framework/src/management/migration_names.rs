//! What the words on a command line name: a database, an app, a migration. With Django's errors.

use crate::apps::command::CommandError;
use crate::db::database::Database;
use crate::db::migrations::migration::Migration;
use crate::project::Project;

/// The database of `--database`.
pub(super) fn database<'a>(project: &'a Project, alias: &str) -> Result<&'a Database, CommandError> {
    project.databases().get(alias).map_err(|_| {
        let known: Vec<String> = project.databases().aliases().map(|alias| format!("'{alias}'")).collect();
        match known.is_empty() {
            true => CommandError::new(
                "DATABASES has no entry. Add one to settings.toml: [DATABASES.default] with ENGINE and NAME.",
            ),
            // As Python's argparse, with its exit status.
            false => CommandError::new(format!(
                "argument --database: invalid choice: '{alias}' (choose from {})",
                known.join(", ")
            ))
            .exit_code(2),
        }
    })
}

/// Fails when no installed app has that label.
pub(super) fn app(project: &Project, label: &str) -> Result<(), CommandError> {
    match project.migrations().labels().contains(label) {
        true => Ok(()),
        false => Err(CommandError::new(format!("No installed app with label '{label}'."))),
    }
}

/// Fails when it has no migrations either; `end` closes the sentence, where Django's commands differ.
pub(super) fn app_with_migrations(project: &Project, label: &str, end: &str) -> Result<(), CommandError> {
    app(project, label)?;
    match project.migrations().migrated_labels().contains(label) {
        true => Ok(()),
        false => Err(CommandError::new(format!("App '{label}' does not have migrations{end}"))),
    }
}

/// The one migration of that app whose name begins so.
pub(super) fn migration_with_prefix<'a>(
    project: &'a Project,
    label: &'a str,
    prefix: &str,
    not_found_end: &str,
) -> Result<&'a Migration, CommandError> {
    let mut found =
        project.migrations().of_app(label).filter(|migration| migration.key().name.starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(migration), None) => Ok(migration),
        (Some(_), Some(_)) => Err(CommandError::new(format!(
            "More than one migration matches '{prefix}' in app '{label}'. Please be more specific."
        ))),
        (None, _) => Err(CommandError::new(format!(
            "Cannot find a migration matching '{prefix}' from app '{label}'{not_found_end}"
        ))),
    }
}
