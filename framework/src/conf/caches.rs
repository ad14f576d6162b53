//! `CACHES` (Django 5.2 `core/cache/__init__.py`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{SettingKind, Shown};
use crate::conf::secret::{Location, Options};
use crate::conf::section::Breach;
use crate::conf::written::{Shape, Written};

/// The alias that stands for the cache where nobody names another.
pub const DEFAULT_ALIAS: &str = "default";

crate::settings_section! {
    /// `CACHES`: aliases and what they stand for.
    pub struct CachesSettings, prefix "", rules rules {
        /// `CACHES`: by alias; there is always a `default`.
        caches: BTreeMap<String, CacheSettings> = BTreeMap::from([(DEFAULT_ALIAS.to_owned(), CacheSettings::default())]),
    }
}

crate::settings_table! {
    /// One entry of `CACHES`.
    pub struct CacheSettings, names upper {
        /// `BACKEND`: where entries are kept, by Django's dotted name or a site's own.
        backend: String = "django.core.cache.backends.locmem.LocMemCache",
        /// `LOCATION`: servers, a folder, a table or a name, as text or a list.
        location: Locations = Locations::default(),
        /// `KEY_PREFIX`: what stands before every key.
        key_prefix: String = "",
        /// `VERSION`: the version of keys that name none.
        version: i64 = 1,
        /// `TIMEOUT`: how long an entry lasts, in seconds; 0: not at all; `None`: for ever.
        timeout: Option<i64> = 300,
        /// `OPTIONS`: what the backend alone understands.
        options: Options = Options::default(),
    }
}

/// `LOCATION`: one, several, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locations {
    locations: Vec<Location>,
}

impl Locations {
    /// The locations as they were written; one text may still hold several servers, which the backend takes apart.
    #[must_use]
    pub fn as_slice(&self) -> &[Location] {
        &self.locations
    }

    /// The first, for a backend that knows but one; `""` when there is none.
    #[must_use]
    pub fn first(&self) -> &str {
        self.locations.first().map_or("", Location::expose)
    }
}

impl SettingKind for Locations {
    const SECRET: bool = true;

    fn allowed() -> Cow<'static, str> {
        "text, or a list of texts".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        if let Shape::List(_) = written.shape() {
            return Vec::<Location>::read(written, setting, faults).map(|locations| Self { locations });
        }
        let Some(text) = written.text() else {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), Self::SECRET));
            return None;
        };
        let locations = if text.is_empty() { Vec::new() } else { vec![Location::new(text)] };
        Some(Self { locations })
    }

    fn show(&self) -> Shown {
        match self.locations.as_slice() {
            [] => "".into(),
            [location] => location.show(),
            several => Shown::Array(several.iter().map(Location::show).collect()),
        }
    }
}

fn rules(caches: &CachesSettings) -> Vec<Breach> {
    if caches.caches.contains_key(DEFAULT_ALIAS) {
        return Vec::new();
    }
    vec![Breach {
        id: "caches.E001",
        settings: &["CACHES"],
        reason: "there is no cache with the alias 'default'".to_owned(),
        right: "a table CACHES.default".to_owned(),
        can_be_silenced: true,
    }]
}
