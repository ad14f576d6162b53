//! `manage createcachetable` (Django 5.2 `core/management/commands/createcachetable.py`).

use std::sync::Arc;

use crate::apps::command::{Command, CommandError, Output};
use crate::cache::db::BACKEND;
use crate::conf::caches::CachesSettings;
use crate::db::connection::Connection;
use crate::db::database::Database;
use crate::db::migrations::recorder::tables;
use crate::db::vendor::Vendor;
use crate::management::migration_names::database;
use crate::project::Project;

/// Creates the tables needed to use the SQL cache backend.
#[derive(Debug, Default, clap::Args)]
pub struct CreateCacheTable {
    /// Optional table names. Otherwise, settings.CACHES is used to find cache tables.
    #[arg(value_name = "table_name")]
    tables: Vec<String>,
    /// Nominates a database onto which the cache tables will be installed. Defaults to the "default" database.
    #[arg(long, value_name = "ALIAS", default_value = "default", hide_default_value = true)]
    database: String,
    /// Does not create the table, just prints the SQL that would be run.
    #[arg(long)]
    dry_run: bool,
}

impl Command for CreateCacheTable {
    const NAME: &'static str = "createcachetable";
    const HELP: &'static str = "Creates the tables needed to use the SQL cache backend.";
    const CHECKS: bool = false;

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let db = database(&project, &self.database)?;
        let wanted = match self.tables.is_empty() {
            false => self.tables,
            true => {
                let settings = project.settings().section::<CachesSettings>();
                let caches = settings.caches.values().filter(|cache| cache.backend == BACKEND.name);
                caches.map(|cache| cache.location.first().to_owned()).collect()
            }
        };
        for table in wanted {
            create(db, &table, self.dry_run, out).await?;
        }
        Ok(())
    }
}

async fn create(db: &Database, table: &str, dry_run: bool, out: &mut Output) -> Result<(), CommandError> {
    if db.exists().await && tables(db).await?.contains(table) {
        if out.verbosity() > 0 {
            out.line(format_args!("Cache table '{table}' already exists."))?;
        }
        return Ok(());
    }
    let [definition, index] = definition(table, db.vendor());
    if dry_run {
        out.line(definition)?;
        out.line(index)?;
        return Ok(());
    }
    db.create().await?;
    let mut connection = db.connect().await?;
    let done = run(&mut connection, db.vendor(), &definition, &index).await;
    // Whether or not it worked: what was not committed is taken back.
    let closed = connection.close().await;
    if let Err(error) = done {
        let error = CommandError::from(db.explain(error).await);
        return Err(CommandError::new(format!(
            "Cache table '{table}' could not be created.\nThe error was: {error}."
        )));
    }
    if let Err(error) = closed {
        return Err(db.explain(error).await.into());
    }
    if out.verbosity() > 1 {
        out.line(format_args!("Cache table '{table}' created."))?;
    }
    Ok(())
}

/// Creates both or, where the database can take a table back, neither.
async fn run(
    connection: &mut Connection,
    vendor: Vendor,
    definition: &str,
    index: &str,
) -> Result<(), sqlx::Error> {
    let atomic = vendor.can_rollback_ddl();
    if atomic {
        connection.execute("BEGIN").await?;
    }
    connection.execute(definition).await?;
    connection.execute(index).await?;
    if atomic {
        connection.execute("COMMIT").await?;
    }
    Ok(())
}

/// The table and its index, in Django's words.
fn definition(table: &str, vendor: Vendor) -> [String; 2] {
    let quoted = |name: &str| vendor.quote_name(name);
    let (text, moment) = match vendor {
        Vendor::Sqlite => ("text", "datetime"),
        Vendor::Postgres => ("text", "timestamp with time zone"),
        Vendor::MySql => ("longtext", "datetime(6)"),
    };
    let (key, value, expires) = (quoted("cache_key"), quoted("value"), quoted("expires"));
    let definition = [
        format!("CREATE TABLE {} (", quoted(table)),
        format!("    {key} varchar(255) NOT NULL PRIMARY KEY,"),
        format!("    {value} {text} NOT NULL,"),
        format!("    {expires} {moment} NOT NULL"),
        ");".to_owned(),
    ];
    let index = quoted(&format!("{table}_expires"));
    [definition.join("\n"), format!("CREATE INDEX {index} ON {} ({expires});", quoted(table))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_djangos() {
        for (vendor, table, index) in [
            (
                Vendor::Sqlite,
                "CREATE TABLE \"my_cache\" (\n    \"cache_key\" varchar(255) NOT NULL PRIMARY KEY,\n    \"value\" text NOT NULL,\n    \"expires\" datetime NOT NULL\n);",
                "CREATE INDEX \"my_cache_expires\" ON \"my_cache\" (\"expires\");",
            ),
            (
                Vendor::Postgres,
                "CREATE TABLE \"my_cache\" (\n    \"cache_key\" varchar(255) NOT NULL PRIMARY KEY,\n    \"value\" text NOT NULL,\n    \"expires\" timestamp with time zone NOT NULL\n);",
                "CREATE INDEX \"my_cache_expires\" ON \"my_cache\" (\"expires\");",
            ),
            (
                Vendor::MySql,
                "CREATE TABLE `my_cache` (\n    `cache_key` varchar(255) NOT NULL PRIMARY KEY,\n    `value` longtext NOT NULL,\n    `expires` datetime(6) NOT NULL\n);",
                "CREATE INDEX `my_cache_expires` ON `my_cache` (`expires`);",
            ),
        ] {
            assert_eq!(definition("my_cache", vendor), [table, index]);
        }
    }
}
