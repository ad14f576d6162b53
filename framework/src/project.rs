//! What a request may ask of the site it runs in. Nothing here knows a request or a view.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::caches::Caches;
use crate::conf::core::CoreSettings;
use crate::conf::security::SecuritySettings;
use crate::conf::settings::Settings;
use crate::db::database::{Database, Databases};
use crate::db::error::DatabaseError;
use crate::db::migrations::loader::Migrations;
use crate::near::Near;
use crate::routes::table::RouteTable;
use crate::session::engine::SessionEngine;
use crate::staticfiles::files::StaticFiles;
use crate::template::engine::Templates;

/// The site's own things, shared by every request through an `Arc`.
#[derive(Debug)]
pub struct Project {
    /// The folder of `Cargo.toml`, `settings.toml`, `templates/` and `migrations/`.
    pub(crate) base_dir: PathBuf,
    pub(crate) settings: Arc<Settings>,
    pub(crate) core: Arc<CoreSettings>,
    pub(crate) security: Arc<SecuritySettings>,
    pub(crate) databases: Databases,
    pub(crate) caches: Caches,
    pub(crate) migrations: Migrations,
    pub(crate) routes: Arc<RouteTable>,
    pub(crate) static_files: Arc<StaticFiles>,
    pub(crate) templates: Templates,
    pub(crate) sessions: Arc<SessionEngine>,
    pub(crate) parts: Parts,
}

/// What floors above this one keep with the site, one of each type.
#[derive(Default)]
pub(crate) struct Parts(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Parts {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, part: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(part));
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts", self.0.len())
    }
}

/// A site as those hold it who have many requests, a connection for instance: each request holds this.
#[derive(Debug)]
pub(crate) struct HeldProject {
    pub(crate) project: Arc<Project>,
    pub(crate) sessions: Near<SessionEngine>,
}

impl HeldProject {
    pub(crate) fn new(project: Arc<Project>) -> Arc<Self> {
        let sessions = Near::new(Arc::clone(&project.sessions));
        Arc::new(Self { project, sessions })
    }
}

impl Project {
    /// The folder that relative paths in the settings start from (Django's `BASE_DIR`).
    #[must_use]
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings without a prefix: `DEBUG`, `ALLOWED_HOSTS`, …
    #[must_use]
    pub fn core(&self) -> &CoreSettings {
        &self.core
    }

    /// The settings with the prefix `SECURE_`.
    #[must_use]
    pub fn security(&self) -> &SecuritySettings {
        &self.security
    }

    /// The databases of `DATABASES`.
    #[must_use]
    pub const fn databases(&self) -> &Databases {
        &self.databases
    }

    /// The database `default`.
    ///
    /// # Errors
    /// When `DATABASES` has none of that name.
    pub fn db(&self) -> Result<&Database, DatabaseError> {
        self.databases.default_database()
    }

    /// The caches of `CACHES`.
    #[must_use]
    pub const fn caches(&self) -> &Caches {
        &self.caches
    }

    /// The migrations of the installed apps.
    #[must_use]
    pub const fn migrations(&self) -> &Migrations {
        &self.migrations
    }

    /// Every route of the site.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The static files: where they are found, collected and served.
    #[must_use]
    pub const fn static_files(&self) -> &Arc<StaticFiles> {
        &self.static_files
    }

    /// The templates.
    #[must_use]
    pub const fn templates(&self) -> &Templates {
        &self.templates
    }

    /// What a floor above this one keeps with the site.
    pub(crate) fn part<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(self.parts.0.get(&TypeId::of::<T>())?).downcast().ok()
    }

    /// The engine of `SESSION_ENGINE`: sessions outside of requests come from here.
    #[must_use]
    pub const fn sessions(&self) -> &Arc<SessionEngine> {
        &self.sessions
    }
}
