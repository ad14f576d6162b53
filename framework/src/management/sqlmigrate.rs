//! `manage sqlmigrate`: the SQL of a migration (Django 5.2 `core/management/commands/sqlmigrate.py`).

use std::sync::Arc;

use crate::apps::command::{Command, CommandError, Output};
use crate::db::migrations::executor::MigrateError;
use crate::db::migrations::splitter::statements;
use crate::management::migration_names::{app_with_migrations, database, migration_with_prefix};
use crate::project::Project;

/// Prints the SQL statements for the named migration.
#[derive(Debug, clap::Args)]
pub struct SqlMigrate {
    /// App label of the application containing the migration.
    app_label: String,
    /// Migration name to print the SQL for.
    migration_name: String,
    /// Nominates a database to create SQL for. Defaults to the "default" database.
    #[arg(long, value_name = "ALIAS", default_value = "default", hide_default_value = true)]
    database: String,
    /// Creates SQL to unapply the migration, rather than to apply it
    #[arg(long)]
    backwards: bool,
}

impl Command for SqlMigrate {
    const NAME: &'static str = "sqlmigrate";
    const HELP: &'static str = "Prints the SQL statements for the named migration.";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let vendor = database(&project, &self.database)?.vendor();
        app_with_migrations(&project, &self.app_label, "")?;
        let migration = migration_with_prefix(
            &project,
            &self.app_label,
            &self.migration_name,
            ". Is it in INSTALLED_APPS?",
        )?;
        let key = migration.key().clone();
        let Some(script) = migration.script(vendor, self.backwards) else {
            return Err(match self.backwards {
                true => MigrateError::Irreversible { migration: key },
                false => MigrateError::NoScript { migration: key, vendor },
            }
            .into());
        };
        let transaction = migration.atomic() && vendor.can_rollback_ddl();
        if transaction {
            out.line("BEGIN;")?;
        }
        out.line("--")?;
        for operation in migration.operations() {
            out.line(format_args!("-- {operation}"))?;
        }
        out.line("--")?;
        for statement in statements(&script.text, vendor) {
            let end = if statement.text.ends_with(';') { "" } else { ";" };
            out.line(format_args!("{}{end}", statement.text))?;
        }
        if transaction {
            out.line("COMMIT;")?;
        }
        Ok(())
    }
}
