//! `manage migrate`: brings the tables to where the migrations say (Django 5.2 `core/management/commands/migrate.py`).

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use crate::apps::command::{Command, CommandError, Output};
use crate::apps::style::Role;
use crate::conf::core::CoreSettings;
use crate::conf::time_zone::TimeZone;
use crate::db::database::Database;
use crate::db::migrations::executor::{Event, MigrateError, Mode, carry_out};
use crate::db::migrations::graph::{Graph, Step, Target};
use crate::db::migrations::name::MigrationKey;
use crate::db::migrations::recorder;
use crate::db::timestamp::Timestamp;
use crate::management::migration_names::{app_with_migrations, database, migration_with_prefix};
use crate::project::Project;

/// Updates database schema.
#[derive(Debug, Default, clap::Args)]
pub struct Migrate {
    /// App label of an application to synchronize the state.
    app_label: Option<String>,
    /// Database state will be brought to the state after that migration. Use the name "zero" to unapply all migrations.
    migration_name: Option<String>,
    /// Accepted for Django's sake: nothing is ever asked.
    #[arg(long, alias = "no-input")]
    noinput: bool,
    /// Nominates a database to synchronize. Defaults to the "default" database.
    #[arg(long, value_name = "ALIAS", default_value = "default", hide_default_value = true)]
    database: String,
    /// Mark migrations as run without actually running them.
    #[arg(long)]
    fake: bool,
    /// Detect if tables already exist and fake-apply initial migrations if so. Make sure that the current database schema matches your initial migration before using this flag. Only the tables' names are looked for.
    #[arg(long)]
    fake_initial: bool,
    /// Shows a list of the migration actions that will be performed.
    #[arg(long)]
    plan: bool,
    /// Exits with a non-zero status if unapplied migrations exist and does not actually apply migrations.
    #[arg(long)]
    check: bool,
    /// Delete nonexistent migrations from the django_migrations table.
    #[arg(long)]
    prune: bool,
}

impl Command for Migrate {
    const NAME: &'static str = "migrate";
    const HELP: &'static str = "Updates database schema.";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let db = database(&project, &self.database)?;
        let migrations = project.migrations();
        let graph = Graph::new(migrations);
        let applied: BTreeSet<MigrationKey> = recorder::applied(db).await?.into_keys().collect();
        if let Some((migration, dependency)) = graph.inconsistency(&applied) {
            return Err(MigrateError::Inconsistent {
                migration: migration.clone(),
                dependency: dependency.clone(),
                alias: db.alias().to_owned(),
            }
            .into());
        }
        let targets = self.targets(&project, &graph)?;
        if self.prune {
            self.prune(&project, db, &applied, out).await?;
        }
        let plan = graph.plan(&targets, &applied);
        if self.plan {
            show_plan(&plan, db, out)?;
        }
        if self.check && !plan.is_empty() {
            return Err(CommandError::new("").exit_code(1));
        }
        if self.plan || self.check || self.prune {
            return Ok(());
        }
        if out.verbosity() > 0 {
            self.announce(&targets, out)?;
            let style = out.style();
            out.line(style.paint(Role::MigrateHeading, "Running migrations:"))?;
            if plan.is_empty() {
                out.line("  No migrations to apply.")?;
            }
        }
        if plan.is_empty() {
            return Ok(());
        }
        let mode = match (self.fake, self.fake_initial) {
            (true, _) => Mode::Fake,
            (false, true) => Mode::FakeInitial,
            (false, false) => Mode::Run,
        };
        let mut open = false;
        let done = carry_out(db, &plan, mode, clock(&project, db), |event| {
            open = matches!(event, Event::Start(_));
            report(event, out)
        })
        .await;
        if open && out.verbosity() > 0 {
            // One failed: its line has no end yet.
            out.line("")?;
        }
        Ok(done?)
    }
}

impl Migrate {
    fn targets(&self, project: &Project, graph: &Graph<'_>) -> Result<Vec<Target>, CommandError> {
        let Some(label) = &self.app_label else {
            return Ok(graph.leaves().into_iter().cloned().map(Target::At).collect());
        };
        app_with_migrations(project, label, ".")?;
        match self.migration_name.as_deref() {
            None => Ok(graph
                .leaves()
                .into_iter()
                .filter(|key| key.app == *label)
                .cloned()
                .map(Target::At)
                .collect()),
            Some("zero") => Ok(vec![Target::Zero(label.clone())]),
            Some(prefix) => {
                let migration = migration_with_prefix(project, label, prefix, ".")?;
                Ok(vec![Target::At(migration.key().clone())])
            }
        }
    }

    fn announce(&self, targets: &[Target], out: &mut Output) -> io::Result<()> {
        let style = out.style();
        out.line(style.paint(Role::MigrateHeading, "Operations to perform:"))?;
        let (label, rest) = match (self.migration_name.is_some(), targets.first()) {
            (true, Some(Target::Zero(app))) => ("  Unapply all migrations: ", app.clone()),
            (true, Some(Target::At(key))) => {
                ("  Target specific migration: ", format!("{}, from {}", key.name, key.app))
            }
            _ => {
                let apps: BTreeSet<&str> = targets
                    .iter()
                    .map(|target| match target {
                        Target::At(key) => key.app.as_str(),
                        Target::Zero(app) => app.as_str(),
                    })
                    .collect();
                let apps: Vec<&str> = apps.into_iter().collect();
                (
                    "  Apply all migrations: ",
                    if apps.is_empty() { "(none)".to_owned() } else { apps.join(", ") },
                )
            }
        };
        out.line(format_args!("{}{rest}", style.paint(Role::MigrateLabel, label)))
    }

    async fn prune(
        &self,
        project: &Project,
        db: &Database,
        applied: &BTreeSet<MigrationKey>,
        out: &mut Output,
    ) -> Result<(), CommandError> {
        let Some(label) = &self.app_label else {
            return Err(CommandError::new("Migrations can be pruned only when an app is specified."));
        };
        let style = out.style();
        let talkative = out.verbosity() > 0;
        if talkative {
            out.line(style.paint(Role::MigrateHeading, "Pruning migrations:"))?;
        }
        let gone: Vec<&MigrationKey> = applied
            .iter()
            .filter(|key| key.app == *label && project.migrations().get(key).is_none())
            .collect();
        if gone.is_empty() && talkative {
            out.line("  No migrations to prune.")?;
        }
        for key in gone {
            if talkative {
                out.write(style.paint(Role::MigrateLabel, format_args!("  Pruning {key}")))?;
            }
            recorder::forget(db, key).await?;
            if talkative {
                out.line(style.paint(Role::Success, " OK"))?;
            }
        }
        Ok(())
    }
}

/// What the clock shows in the form that Django's `DateTimeField` has in that database: UTC with `USE_TZ`, the site's zone without.
pub(crate) fn clock(project: &Project, db: &Database) -> impl Fn() -> Timestamp + Send + 'static {
    let core = project.settings().section::<CoreSettings>();
    let local = if core.use_tz || db.keeps_instants() { None } else { TimeZone::named(&core.time_zone) };
    move || match &local {
        None => Timestamp::now(),
        Some(zone) => Timestamp::from(zone.local(time::OffsetDateTime::now_utc())),
    }
}

/// Shows a migration as it begins and as it ends: `  Applying sessions.0001_initial... OK`.
pub(crate) fn report(event: Event<'_>, out: &mut Output) -> io::Result<()> {
    if out.verbosity() == 0 {
        return Ok(());
    }
    match event {
        Event::Start(step) => {
            let doing = if step.backwards { "Unapplying" } else { "Applying" };
            out.write(format_args!("  {doing} {}...", step.migration.key()))
        }
        Event::Done { faked, elapsed, .. } => {
            let word = if faked { "FAKED" } else { "OK" };
            let took =
                if out.verbosity() > 1 { format!(" ({:.3}s)", elapsed.as_secs_f64()) } else { String::new() };
            let style = out.style();
            out.line(style.paint(Role::Success, format_args!(" {word}{took}")))
        }
    }
}

fn show_plan(plan: &[Step<'_>], db: &Database, out: &mut Output) -> io::Result<()> {
    let style = out.style();
    out.line(style.paint(Role::MigrateLabel, "Planned operations:"))?;
    if plan.is_empty() {
        return out.line("  No planned migration operations.");
    }
    for step in plan {
        out.line(style.paint(Role::MigrateHeading, step.migration.key()))?;
        match step.migration.describe(db.vendor(), step.backwards) {
            Ok(operations) => {
                for operation in operations {
                    out.line(format_args!("    {operation}"))?;
                }
            }
            Err(irreversible) => {
                out.line(style.paint(Role::Warning, format_args!("    {irreversible}")))?;
            }
        }
    }
    Ok(())
}
