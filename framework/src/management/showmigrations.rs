//! `manage showmigrations`: which migrations there are, and which are applied (Django 5.2 `core/management/commands/showmigrations.py`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::apps::command::{Command, CommandError, Output};
use crate::apps::style::Role;
use crate::db::migrations::graph::{Graph, Target};
use crate::db::migrations::name::MigrationKey;
use crate::db::migrations::recorder;
use crate::db::timestamp::Timestamp;
use crate::management::migration_names::{app, database};
use crate::project::Project;

/// Shows all available migrations for the current project
#[derive(Debug, Default, clap::Args)]
pub struct ShowMigrations {
    /// App labels of applications to limit the output to.
    app_label: Vec<String>,
    /// Nominates a database to show migrations for. Defaults to the "default" database.
    #[arg(long, value_name = "ALIAS", default_value = "default", hide_default_value = true)]
    database: String,
    /// Shows a list of all migrations and which are applied. With a verbosity level of 2 or above, the applied datetimes will be included.
    #[arg(long, short, conflicts_with = "plan")]
    list: bool,
    /// Shows all migrations in the order they will be applied. With a verbosity level of 2 or above all direct migration dependencies will be included.
    #[arg(long, short)]
    plan: bool,
}

impl Command for ShowMigrations {
    const NAME: &'static str = "showmigrations";
    const HELP: &'static str = "Shows all available migrations for the current project";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let db = database(&project, &self.database)?;
        let wrong: Vec<String> = self
            .app_label
            .iter()
            .filter_map(|label| app(&project, label).err())
            .map(|error| error.to_string())
            .collect();
        if !wrong.is_empty() {
            return Err(CommandError::new(wrong.join("\n")).exit_code(2));
        }
        let applied = recorder::applied(db).await?;
        if self.plan {
            self.show_plan(&project, &applied, out)
        } else {
            self.show_list(&project, &applied, out)
        }
    }
}

impl ShowMigrations {
    fn show_list(
        &self,
        project: &Project,
        applied: &BTreeMap<MigrationKey, Timestamp>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        let migrations = project.migrations();
        let labels: Vec<&String> = match self.app_label.is_empty() {
            true => migrations.migrated_labels().iter().collect(),
            false => self.app_label.iter().collect(),
        };
        let style = out.style();
        for label in labels {
            out.line(style.paint(Role::MigrateLabel, label))?;
            let mut none = true;
            for migration in migrations.of_app(label) {
                none = false;
                let name = &migration.key().name;
                match applied.get(migration.key()) {
                    None => out.line(format_args!(" [ ] {name}"))?,
                    Some(at) if out.verbosity() >= 2 => {
                        let at = at.to_string();
                        // To the second.
                        let at = at.split('.').next().unwrap_or_default();
                        out.line(format_args!(" [X] {name} (applied at {at})"))?;
                    }
                    Some(_) => out.line(format_args!(" [X] {name}"))?,
                }
            }
            if none {
                out.line(style.paint(Role::Error, " (no migrations)"))?;
            }
        }
        Ok(())
    }

    fn show_plan(
        &self,
        project: &Project,
        applied: &BTreeMap<MigrationKey, Timestamp>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        let graph = Graph::new(project.migrations());
        let targets: Vec<Target> = graph
            .leaves()
            .into_iter()
            .filter(|key| self.app_label.is_empty() || self.app_label.contains(&key.app))
            .cloned()
            .map(Target::At)
            .collect();
        let plan = graph.plan(&targets, &std::collections::BTreeSet::new());
        for step in &plan {
            let key = step.migration.key();
            let mark = if applied.contains_key(key) { "[X]" } else { "[ ]" };
            let parents: Vec<String> = match out.verbosity() >= 2 {
                true => graph.parents(key).map(ToString::to_string).collect(),
                false => Vec::new(),
            };
            let waits =
                if parents.is_empty() { String::new() } else { format!(" ... ({})", parents.join(", ")) };
            out.line(format_args!("{mark}  {key}{waits}"))?;
        }
        if plan.is_empty() {
            let style = out.style();
            out.line(style.paint(Role::Error, "(no migrations)"))?;
        }
        Ok(())
    }
}
