//! A site under the settings of a test.

use std::sync::Arc;

use serde::Serialize;

use super::client::{Client, SERVER_NAME};
use super::error::ClientError;
use super::store_calls::StoreCalls;
use crate::conf::core::CoreSettings;
use crate::conf::settings::Settings;
use crate::conf::source::SettingsSource;
use crate::db::migrations::executor::create_and_migrate;
use crate::management::migrate::clock;
use crate::site::Site;

/// Builds the site that a [`Client`] visits.
///
/// The site's own `settings.toml` counts, where it has one, the environment does not. Over it lie the settings that Django's
/// test runner changes as well: `DEBUG` is off, `ALLOWED_HOSTS` knows `testserver`, and the database `default` is an empty SQLite
/// database in memory, migrated when the client is built. The `SECRET_KEY` is a test's. Whatever
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
        if self.migrate {
            let entry = [("ENGINE", "django.db.backends.sqlite3"), ("NAME", ":memory:")];
            let entry: toml::Table =
                entry.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let databases: toml::Table = [("default".to_owned(), entry.into())].into_iter().collect();
            table.insert("DATABASES".to_owned(), databases.into());
        }
        let source = own.under(SettingsSource::table(table)).under(SettingsSource::table(self.settings));
        let calls = StoreCalls::default();
        let noting = calls.clone();
        let site = self.site.around_session_store(move |store| noting.note(store));
        let built = site.build(&source).map_err(ClientError::Site)?;
        if self.migrate {
            let project = &built.project;
            let database = project.db().map_err(|error| ClientError::Database(error.into()))?;
            let migrated =
                create_and_migrate(database, project.migrations(), clock(project, database), |_| Ok(()))
                    .await;
            migrated.map_err(|error| ClientError::Database(error.into()))?;
        }
        Ok(Client::of(Arc::new(built.onion), calls))
    }
}

/// Signs nothing but tests.
const TEST_KEY: &str = "a key for tests alone, which signs nothing that anybody keeps";
