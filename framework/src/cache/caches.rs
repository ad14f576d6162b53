//! The caches of `CACHES`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::cache::backend::CacheBackend;
use crate::cache::db;
use crate::cache::dummy;
use crate::cache::error::CacheError;
use crate::cache::file;
use crate::cache::handle::Cache;
use crate::cache::locmem::{self, Memory};
use crate::checks::CheckMessage;
use crate::conf::caches::{CacheSettings, CachesSettings};
use crate::conf::section::nearest;
use crate::conf::time_zone::TimeZone;
use crate::db::database::Databases;

/// Every backend that is built in, and those that could be.
const BACKENDS: &[CacheBackendDef] =
    &[db::BACKEND, dummy::BACKEND, file::BACKEND, locmem::BACKEND, MEMCACHED, REDIS];

#[cfg(feature = "memcached")]
const MEMCACHED: CacheBackendDef = crate::cache::memcached::BACKEND;
#[cfg(not(feature = "memcached"))]
const MEMCACHED: CacheBackendDef = CacheBackendDef {
    name: "django.core.cache.backends.memcached.PyMemcacheCache",
    build: |parts| Err(vec![not_built_in(parts, "memcached", "memcached")]),
};

#[cfg(feature = "redis")]
const REDIS: CacheBackendDef = crate::cache::redis::BACKEND;
#[cfg(not(feature = "redis"))]
const REDIS: CacheBackendDef = CacheBackendDef {
    name: "django.core.cache.backends.redis.RedisCache",
    build: |parts| Err(vec![not_built_in(parts, "Redis", "redis")]),
};

#[cfg(not(all(feature = "memcached", feature = "redis")))]
fn not_built_in(parts: &BackendParts<'_>, what: &str, feature: &str) -> CheckMessage {
    parts
        .fault("nuages.E404", "BACKEND", format!("This program is built without {what}."))
        .hint(format!("Build it with `cargo build --features nuages/{feature}`."))
}

/// Every cache by its alias.
#[derive(Debug, Clone, Default)]
pub struct Caches {
    by_alias: BTreeMap<String, Cache>,
}

impl Caches {
    /// The caches of those settings. No file is opened and no server asked: the first call does that.
    ///
    /// `own` are the site's own backends.
    ///
    /// # Errors
    /// Every fault of every entry: an unknown `BACKEND`, one that is not built in, a wrong `LOCATION` or `OPTIONS` entry.
    pub fn from_settings(
        settings: &CachesSettings,
        own: &[CacheBackendDef],
        site: CachesSite<'_>,
    ) -> Result<Self, Vec<CheckMessage>> {
        let (mut by_alias, mut faults) = (BTreeMap::new(), Vec::new());
        let memory = Memory::default();
        let known: Vec<&CacheBackendDef> = BACKENDS.iter().chain(own).collect();
        for (alias, entry) in &settings.caches {
            let parts = BackendParts { alias, settings: entry, site, memory: &memory };
            let Some(def) = known.iter().find(|def| def.name == entry.backend) else {
                faults.push(unknown_backend(&parts, &known));
                continue;
            };
            match (def.build)(&parts) {
                Ok(backend) => {
                    by_alias.insert(alias.clone(), Cache::new(alias, backend, entry));
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(Self { by_alias }) } else { Err(faults) }
    }

    /// The cache of that alias.
    ///
    /// # Errors
    /// [`CacheError::UnknownAlias`], which lists those that there are.
    pub fn get(&self, alias: &str) -> Result<&Cache, CacheError> {
        self.by_alias.get(alias).ok_or_else(|| CacheError::UnknownAlias {
            alias: alias.to_owned(),
            known: match self.by_alias.is_empty() {
                true => "none".to_owned(),
                false => self.aliases().collect::<Vec<_>>().join(", "),
            },
        })
    }

    /// Every alias, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.by_alias.keys().map(String::as_str)
    }

    /// Ends every connection (Django's `close_caches`).
    pub async fn close(&self) {
        for cache in self.by_alias.values() {
            cache.backend().close().await;
        }
    }
}

/// What caches need to know of the site.
#[derive(Debug, Clone, Copy)]
pub struct CachesSite<'a> {
    /// What relative paths start from.
    pub base_dir: &'a Path,
    /// `DATABASES`
    pub databases: &'a Databases,
    /// `TIME_ZONE`, if `USE_TZ` is off: the clock of a database cache's table.
    pub naive_zone: Option<&'a TimeZone>,
}

/// What a backend is made of, when the site starts.
#[derive(Debug, Clone, Copy)]
pub struct BackendParts<'a> {
    /// The alias in `CACHES`.
    pub alias: &'a str,
    /// The entry.
    pub settings: &'a CacheSettings,
    /// The site.
    pub site: CachesSite<'a>,
    /// What caches in memory share.
    pub memory: &'a Memory,
}

impl BackendParts<'_> {
    /// The servers in `LOCATION`: a list, or one text with commas or semicolons between them.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        let listed = self.settings.location.as_slice();
        let alone = listed.len() == 1;
        listed
            .iter()
            .flat_map(move |text| text.expose().split(move |mark| alone && matches!(mark, ',' | ';')))
            .map(str::trim)
    }

    /// A fault of that member of the entry.
    #[must_use]
    pub fn fault(&self, id: &'static str, member: &str, message: impl Into<String>) -> CheckMessage {
        CheckMessage::error(id, message).object(format!("CACHES.{}.{member}", self.alias))
    }
}

/// A backend, or every fault of its entry.
pub type BuiltBackend = Result<Arc<dyn CacheBackend>, Vec<CheckMessage>>;

/// A row of the table of backends: a site registers its own with `Site::cache_backend`.
#[derive(Debug, Clone, Copy)]
pub struct CacheBackendDef {
    /// The dotted name in `BACKEND`.
    pub name: &'static str,
    /// Makes the backend, or says every fault of its entry; does no I/O.
    pub build: fn(&BackendParts<'_>) -> BuiltBackend,
}

fn unknown_backend(parts: &BackendParts<'_>, known: &[&CacheBackendDef]) -> CheckMessage {
    let name = &parts.settings.backend;
    let near = nearest(name, known.iter().map(|def| def.name))
        .map_or_else(String::new, |near| format!("Did you mean {near:?}? "));
    let names: Vec<&str> = known.iter().map(|def| def.name).collect();
    parts
        .fault("nuages.E401", "BACKEND", format!("{name:?} is not a cache backend."))
        .hint(format!("{near}There is: {}.", names.join(", ")))
}
