//! Engines on stores of their own, for the contract suite.

use std::sync::Arc;

use nuages::conf::source::SettingsSource;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;

use crate::contract::Place;

/// The file engine on a folder of its own.
pub(crate) async fn file() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = r#"
        SECRET_KEY = "contract"
        INSTALLED_APPS = ["django.contrib.sessions"]
        SESSION_ENGINE = "django.contrib.sessions.backends.file"
        SESSION_FILE_PATH = "."
    "#;
    let source = SettingsSource::text("contract", settings).in_dir(folder.path());
    let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    Place { engine: Arc::clone(built.project.sessions()), _keep: Box::new(folder) }
}

/// The db engine on a SQLite file of its own.
pub(crate) async fn db() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = r#"
        SECRET_KEY = "contract"
        INSTALLED_APPS = ["django.contrib.sessions"]
        SESSION_ENGINE = "django.contrib.sessions.backends.db"
        TIME_ZONE = "UTC"
        DATABASES = { default = { ENGINE = "django.db.backends.sqlite3", NAME = "contract.sqlite3" } }
    "#;
    let source = SettingsSource::text("contract", settings).in_dir(folder.path());
    let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let database = built.project.db().expect("a database");
    create_and_migrate(database, built.project.migrations(), Timestamp::now, |_| Ok(()))
        .await
        .expect("the table");
    Place { engine: Arc::clone(built.project.sessions()), _keep: Box::new(folder) }
}
