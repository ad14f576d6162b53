//! The table of all commands there are: the framework's own, then the installed apps'.

use crate::apps::command::CommandDef;

use super::check::Check;
use super::createcachetable::CreateCacheTable;
use super::diffsettings::DiffSettings;
use super::help::Listed;
use super::migrate::Migrate;
use super::runserver::RunServer;
use super::showmigrations::ShowMigrations;
use super::site_command::{SiteCommand, SiteCommandDef};
use super::sqlmigrate::SqlMigrate;

/// The heading of the framework's own commands in `manage help`.
pub(super) const OWN: &str = "nuages";

/// A command and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) app: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Project(CommandDef),
    Site(SiteCommandDef),
}

const BUILT_IN: &[Kind] = &[
    Kind::Site(SiteCommandDef::of::<Check>()),
    Kind::Project(CommandDef::of::<CreateCacheTable>()),
    Kind::Project(CommandDef::of::<DiffSettings>()),
    Kind::Project(CommandDef::of::<Migrate>()),
    Kind::Site(SiteCommandDef::of::<RunServer>()),
    Kind::Project(CommandDef::of::<ShowMigrations>()),
    Kind::Project(CommandDef::of::<SqlMigrate>()),
];

impl Entry {
    pub(super) const fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Project(def) => def.name,
            Kind::Site(def) => def.name,
        }
    }

    pub(super) const fn help(&self) -> &'static str {
        match &self.kind {
            Kind::Project(def) => def.help,
            Kind::Site(def) => def.help,
        }
    }

    /// Whether the system checks run before or within it.
    pub(super) fn has_checks(&self) -> bool {
        match &self.kind {
            Kind::Project(def) => def.checks,
            Kind::Site(def) => def.name != Check::NAME,
        }
    }

    /// The parser of its own arguments.
    pub(super) fn clap(&self) -> clap::Command {
        match &self.kind {
            Kind::Project(def) => (def.clap)(),
            Kind::Site(def) => (def.clap)(),
        }
    }

    const fn listed(&self) -> Listed<'static> {
        Listed { app: self.app, name: self.name() }
    }
}

/// Every command, with those of the installed apps, which are given by the apps' names. An app's command of the same name takes the place of one of ours, and
/// an earlier app's that of a later one's, as in Django.
pub(super) fn entries(of_apps: &[(&'static str, CommandDef)]) -> Vec<Entry> {
    let of_apps = of_apps.iter().map(|(name, def)| Entry {
        app: name.rsplit('.').next().unwrap_or_default(),
        kind: Kind::Project(*def),
    });
    let own = BUILT_IN.iter().map(|kind| Entry { app: OWN, kind: *kind });
    let mut entries: Vec<Entry> = Vec::new();
    for entry in of_apps.chain(own) {
        if !entries.iter().any(|earlier| earlier.name() == entry.name()) {
            entries.push(entry);
        }
    }
    entries
}

/// The same for `manage help`, where an app is known by the last part of its name.
pub(super) fn listed(entries: &[Entry]) -> Vec<Listed<'static>> {
    entries.iter().map(Entry::listed).collect()
}
