//! Applying migrations and taking them back.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use crate::db::connection::Connection;
use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::migrations::graph::{Graph, Step};
use crate::db::migrations::loader::Migrations;
use crate::db::migrations::migration::Migration;
use crate::db::migrations::name::MigrationKey;
use crate::db::migrations::recorder;
use crate::db::migrations::script::Script;
use crate::db::migrations::splitter::statements;
use crate::db::timestamp::Timestamp;
use crate::db::vendor::Vendor;

/// PostgreSQL's number of the lock that keeps two programs from migrating at once: the letters "nuages".
const LOCK: i64 = 0x6e75_6167_6573;

/// Why a migration was not applied or taken back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The database cannot be reached or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement of the migration failed.
    #[error("{migration} failed at {from}:{line}{}", .note)]
    Statement {
        /// The migration.
        migration: MigrationKey,
        /// Its file.
        from: String,
        /// The line on which the statement starts.
        line: usize,
        /// What became of the statements before it.
        note: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The migration leaves references to rows that are not there.
    #[error(
        "{migration} leaves rows in the table {table:?} whose foreign key leads nowhere in {parent:?}; it was taken back"
    )]
    ForeignKey {
        /// The migration.
        migration: MigrationKey,
        /// The table with the reference.
        table: String,
        /// The table that it refers to.
        parent: String,
    },
    /// It has no file that takes it back.
    #[error("Operation <RunSQL> in {migration} is not reversible (a file {}.down.sql would take it back)", .migration.name)]
    Irreversible {
        /// The migration.
        migration: MigrationKey,
    },
    /// It has no file for this kind of database.
    #[error("{migration} has no SQL for {vendor}: add {}.{}.sql", .migration.name, .vendor.feature())]
    NoScript {
        /// The migration.
        migration: MigrationKey,
        /// The kind of database.
        vendor: Vendor,
    },
    /// One is recorded as applied, one that it depends on is not (Django's `InconsistentMigrationHistory`).
    #[error("Migration {migration} is applied before its dependency {dependency} on database '{alias}'.")]
    Inconsistent {
        /// The migration.
        migration: MigrationKey,
        /// What it depends on.
        dependency: MigrationKey,
        /// The database.
        alias: String,
    },
    /// The progress could not be shown.
    #[error("the progress cannot be shown")]
    Output(#[from] io::Error),
}

/// What happens to a migration while the plan is carried out.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// It begins.
    Start(Step<'a>),
    /// It is done.
    Done {
        /// The step.
        step: Step<'a>,
        /// Whether it was only recorded.
        faked: bool,
        /// How long it took.
        elapsed: Duration,
    },
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The statements are run.
    #[default]
    Run,
    /// They are only recorded as run.
    Fake,
    /// As `Run`, but an app's first migration whose tables are all there is only recorded.
    FakeInitial,
}

/// Carries out a plan, one migration after the other.
///
/// Each is one transaction together with its record, where the database can take back what was done to tables (MySQL cannot);
/// so a plan that fails in the middle can be continued. Two programs that migrate at once wait for each other, and the second
/// finds done what the first did. There is no limit on the time a statement takes: building an index may take hours.
///
/// `now` is what the clock shows in the form that the database keeps: [`Timestamp::now`] with `USE_TZ`.
///
/// # Errors
/// At the first that fails; before anything is done when one of them cannot be carried out at all.
pub async fn carry_out(
    db: &Database,
    plan: &[Step<'_>],
    mode: Mode,
    now: impl Fn() -> Timestamp + Send,
    mut progress: impl FnMut(Event<'_>) -> io::Result<()> + Send,
) -> Result<(), MigrateError> {
    let vendor = db.vendor();
    for step in plan.iter().filter(|_| mode != Mode::Fake) {
        let key = step.migration.key();
        match (step.migration.script(vendor, step.backwards), step.backwards) {
            (Some(_), _) => {}
            (None, true) => return Err(MigrateError::Irreversible { migration: key.clone() }),
            (None, false) => return Err(MigrateError::NoScript { migration: key.clone(), vendor }),
        }
    }
    db.create().await?;
    let mut connection = db.connect().await?;
    let prepared = prepare(&mut connection).await;
    explained(db, prepared).await?;
    for step in plan {
        progress(Event::Start(*step))?;
        let begun = Instant::now();
        let faked = match mode {
            Mode::Run => false,
            Mode::Fake => true,
            Mode::FakeInitial => !step.backwards && is_there(db, step.migration).await?,
        };
        carry_out_one(db, &mut connection, *step, faked, now()).await?;
        progress(Event::Done { step: *step, faked, elapsed: begun.elapsed() })?;
    }
    let closed = connection.close().await;
    explained(db, closed).await
}

/// The migrations that are not applied to that database, in order.
///
/// # Errors
/// When the database cannot be asked. A SQLite file that does not exist is not an error: nothing is applied to it.
pub async fn unapplied(db: &Database, migrations: &Migrations) -> Result<Vec<MigrationKey>, DatabaseError> {
    let applied: BTreeSet<MigrationKey> = recorder::applied(db).await?.into_keys().collect();
    Ok(Graph::new(migrations).plan_all(&applied).iter().map(|step| step.migration.key().clone()).collect())
}

/// What `runserver` says of migrations that are not applied (Django 5.2 `core/management/base.py`, `check_migrations`); `None` when there
/// are none.
#[must_use]
pub fn announcement(unapplied: &[MigrationKey]) -> Option<String> {
    if unapplied.is_empty() {
        return None;
    }
    let apps: BTreeSet<&str> = unapplied.iter().map(|key| key.app.as_str()).collect();
    Some(format!(
        "\nYou have {} unapplied migration(s). Your project may not work properly until you apply the migrations for app(s): {}.\n\
         Run 'manage migrate' to apply them.",
        unapplied.len(),
        apps.into_iter().collect::<Vec<_>>().join(", ")
    ))
}

/// Creates the database where there is none and applies every migration: for the first run of a site under `DEBUG`.
///
/// # Errors
/// As [`carry_out`].
pub async fn create_and_migrate(
    db: &Database,
    migrations: &Migrations,
    now: impl Fn() -> Timestamp + Send,
    progress: impl FnMut(Event<'_>) -> io::Result<()> + Send,
) -> Result<(), MigrateError> {
    let applied: BTreeSet<MigrationKey> = recorder::applied(db).await?.into_keys().collect();
    let plan = Graph::new(migrations).plan_all(&applied);
    carry_out(db, &plan, Mode::Run, now, progress).await
}

async fn explained(db: &Database, result: Result<(), sqlx::Error>) -> Result<(), MigrateError> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(db.explain(error).await.into()),
    }
}

async fn prepare(connection: &mut Connection) -> Result<(), sqlx::Error> {
    match connection.vendor() {
        // As Django's schema editor: a table may be made anew under its own name while others refer to it. What is broken in
        // the end is found before the commit.
        Vendor::Sqlite => connection.execute("PRAGMA foreign_keys = OFF").await?,
        // There is no transaction that would hold a lock over a change of tables. The connection's end frees it.
        Vendor::MySql => connection.execute("SELECT GET_LOCK('nuages.migrate', 60)").await?,
        Vendor::Postgres => {}
    }
    recorder::ensure_table(connection).await
}

/// Whether it is the first of its app and every table that it creates is there.
async fn is_there(db: &Database, migration: &Migration) -> Result<bool, DatabaseError> {
    if !migration.key().name.starts_with("0001_") {
        return Ok(false);
    }
    let Some(script) = migration.script(db.vendor(), false) else { return Ok(false) };
    let fold = |name: String| if db.vendor() == Vendor::Postgres { name } else { name.to_lowercase() };
    let there: BTreeSet<String> = recorder::tables(db).await?.into_iter().map(fold).collect();
    let created = script.created_tables(db.vendor());
    Ok(!created.is_empty() && created.into_iter().map(fold).all(|table| there.contains(&table)))
}

async fn carry_out_one(
    db: &Database,
    connection: &mut Connection,
    step: Step<'_>,
    faked: bool,
    now: Timestamp,
) -> Result<(), MigrateError> {
    let transaction = step.migration.atomic() && connection.vendor().can_rollback_ddl();
    if transaction {
        let begun = begin(connection).await;
        explained(db, begun).await?;
    }
    match work(db, connection, step, faked, now, transaction).await {
        Ok(()) if transaction => {
            let committed = connection.execute("COMMIT").await;
            explained(db, committed).await
        }
        Ok(()) => Ok(()),
        Err(error) => {
            if transaction {
                // The connection ends with this error, and the transaction with the connection; this only frees it sooner.
                if let Err(error) = connection.execute("ROLLBACK").await {
                    tracing::debug!(%error, "the transaction of the migration had ended before it was taken back");
                }
            }
            Err(error)
        }
    }
}

async fn begin(connection: &mut Connection) -> Result<(), sqlx::Error> {
    match connection.vendor() {
        Vendor::Sqlite => connection.execute("BEGIN IMMEDIATE").await,
        Vendor::Postgres => {
            connection.execute("BEGIN").await?;
            connection.execute(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await
        }
        Vendor::MySql => connection.execute("BEGIN").await,
    }
}

async fn work(
    db: &Database,
    connection: &mut Connection,
    step: Step<'_>,
    faked: bool,
    now: Timestamp,
    transaction: bool,
) -> Result<(), MigrateError> {
    let key = step.migration.key();
    // Now that the lock is ours: another program may have done it meanwhile.
    match recorder::is_applied(connection, key).await {
        Ok(applied) if applied != step.backwards => return Ok(()),
        Ok(_) => {}
        Err(error) => return Err(db.explain(error).await.into()),
    }
    if !faked && let Some(script) = step.migration.script(connection.vendor(), step.backwards) {
        run_script(connection, key, script, transaction).await?;
        #[cfg(feature = "sqlite")]
        check_foreign_keys(db, connection, key).await?;
    }
    let recorded = match step.backwards {
        false => recorder::record_applied(connection, key, now).await,
        true => recorder::record_unapplied(connection, key).await,
    };
    explained(db, recorded).await
}

async fn run_script(
    connection: &mut Connection,
    key: &MigrationKey,
    script: &Script,
    transaction: bool,
) -> Result<(), MigrateError> {
    for (at, statement) in statements(&script.text, connection.vendor()).into_iter().enumerate() {
        if let Err(source) = connection.execute(statement.text).await {
            return Err(MigrateError::Statement {
                migration: key.clone(),
                from: script.from.clone(),
                line: statement.line,
                note: match (transaction, at) {
                    (true, _) | (false, 0) => "; nothing of it was done",
                    (false, _) => "; what stands before it in the file was done and stays",
                },
                source,
            });
        }
    }
    Ok(())
}

#[cfg(feature = "sqlite")]
async fn check_foreign_keys(
    db: &Database,
    connection: &mut Connection,
    key: &MigrationKey,
) -> Result<(), MigrateError> {
    #[allow(irrefutable_let_patterns, reason = "there may be other kinds")]
    let Connection::Sqlite(connection) = connection else { return Ok(()) };
    let broken: Result<Option<(String, String)>, sqlx::Error> =
        sqlx::query_as("SELECT \"table\", \"parent\" FROM pragma_foreign_key_check LIMIT 1")
            .fetch_optional(connection)
            .await;
    match broken {
        Ok(None) => Ok(()),
        Ok(Some((table, parent))) => Err(MigrateError::ForeignKey { migration: key.clone(), table, parent }),
        Err(error) => Err(db.explain(error).await.into()),
    }
}
