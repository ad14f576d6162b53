//! A site under the settings of a test.

use std::sync::Arc;

use serde::Serialize;

use super::client::{Client, SERVER_NAME};
use super::error::ClientError;
use super::store_calls::StoreCalls;
use crate::conf::core::CoreSettings;
use crate::conf::databases::{DEFAULT_ALIAS, DatabasesSettings};
use crate::conf::settings::Settings;
use crate::conf::source::SettingsSource;
use crate::db::migrations::executor::create_and_migrate;
use crate::management::migrate::clock;
use crate::near::Near;
use crate::site::Site;

/// Builds the site that a [`Client`] visits.
///
/// The site's own `settings.toml` counts, where it has one, the environment does not. Over it lie the settings that Django's
/// test runner changes as well: `DEBUG` is off, `ALLOWED_HOSTS` knows `testserver`, and every alias of `DATABASES`,
/// `default` among them, is an empty SQLite database in memory, migrated when the client is built: a test reaches no server. The `SECRET_KEY` is a test's. Whatever
/// [`setting`](ClientBuilder::setting) says lies over all of this.
#[derive(Debug)]
pub struct ClientBuilder {
    site: Site,
    settings: toml::Table,
    migrate: bool,
    fault: Option<ClientError>,
}

impl ClientBuilder {
    pub(super) fn new(site: Site) -> Self {
        Self { site, settings: toml::Table::new(), migrate: true, fault: None }
    }

    /// Says what a setting is, by its name in `settings.toml`; `false` is Django's `None` where that is allowed.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Serialize) -> Self {
        match toml::Value::try_from(value) {
            Ok(value) => {
                self.settings.insert(name.to_owned(), value);
            }
            Err(source) => {
                self.fault.get_or_insert(ClientError::Setting { name: name.to_owned(), source });
            }
        }
        self
    }

    /// Keeps the databases of the site's own settings, and migrates nothing.
    #[must_use]
    pub const fn own_database(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Builds the site and makes its database ready. It runs within a tokio runtime, the same as the requests.
    ///
    /// # Errors
    /// When a setting has no form, the site is faulty, or the database cannot be made ready.
    pub async fn build(self) -> Result<Client, ClientError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let own = SettingsSource::project(self.site.base_dir());
        let (known, _faults) = Settings::read(&own, &[]);
        let mut hosts = known.section::<CoreSettings>().allowed_hosts.clone();
        hosts.push(SERVER_NAME.to_owned());
        let mut table = toml::Table::new();
        table.insert("DEBUG".to_owned(), false.into());
        table.insert("SECRET_KEY".to_owned(), TEST_KEY.into());
        table.insert("ALLOWED_HOSTS".to_owned(), hosts.into());
        let mut aliases = vec![DEFAULT_ALIAS.to_owned()];
        if self.migrate {
            let own = known.section::<DatabasesSettings>();
            aliases.extend(own.databases.keys().filter(|alias| *alias != DEFAULT_ALIAS).cloned());
            let entry = [("ENGINE", "django.db.backends.sqlite3"), ("NAME", ":memory:")];
            let entry: toml::Table =
                entry.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let databases: toml::Table =
                aliases.iter().map(|alias| (alias.clone(), entry.clone().into())).collect();
            table.insert("DATABASES".to_owned(), databases.into());
        }
        let source = own.under(SettingsSource::table(table)).under(SettingsSource::table(self.settings));
        let calls = StoreCalls::default();
        let noting = calls.clone();
        let site = self.site.around_session_store(move |store| noting.note(store));
        let built = site.build(&source).map_err(ClientError::Site)?;
        if self.migrate {
            let project = &built.project;
            for alias in &aliases {
                let database = match project.databases().get(alias) {
                    Ok(database) => database,
                    // The test's own setting `DATABASES` has no such alias.
                    Err(_) if alias != DEFAULT_ALIAS => continue,
                    Err(error) => return Err(ClientError::Database(error.into())),
                };
                let migrated =
                    create_and_migrate(database, project.migrations(), clock(project, database), |_| Ok(()));
                migrated.await.map_err(|error| ClientError::Database(error.into()))?;
            }
        }
        Ok(Client::of(Near::new(Arc::new(built.onion)), calls))
    }
}

/// Signs nothing but tests.
const TEST_KEY: &str = "a key for tests alone, which signs nothing that anybody keeps";

#[cfg(test)]
mod tests {
    use crate::prelude::*;
    use crate::test::client::Client;

    #[tokio::test]
    async fn every_database_is_a_tests_own() {
        let folder = tempfile::tempdir().unwrap();
        // A server that no test reaches.
        let settings = r#"
            INSTALLED_APPS = ["django.contrib.sessions"]
            [DATABASES.default]
            ENGINE = "django.db.backends.sqlite3"
            NAME = "real.sqlite3"
            [DATABASES.archive]
            ENGINE = "django.db.backends.postgresql"
            NAME = "archive"
            HOST = "192.0.2.1"
        "#;
        std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
        let client = Client::new(Site::new(folder.path())).await.unwrap();
        let databases = client.project().databases();
        for alias in ["default", "archive"] {
            let pool = databases.get(alias).unwrap().sqlite().unwrap();
            let tables = "SELECT name FROM sqlite_master WHERE name = 'django_session'";
            let found: Vec<(String,)> = sqlx::query_as(tables).fetch_all(pool).await.unwrap();
            assert_eq!(found.len(), 1, "{alias}");
        }
        let count = |alias| {
            let pool = databases.get(alias).unwrap().sqlite().unwrap();
            sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM django_session").fetch_one(pool)
        };
        client.session().await.unwrap();
        assert_eq!((count("default").await.unwrap(), count("archive").await.unwrap()), (1, 0));
        assert!(!folder.path().join("real.sqlite3").exists());
    }
}
