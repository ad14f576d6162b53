//! The loaded settings.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::conf::caches::CachesSettings;
use crate::conf::core::CoreSettings;
use crate::conf::csrf::CsrfSettings;
use crate::conf::databases::DatabasesSettings;
use crate::conf::django_names::NOT_HERE;
use crate::conf::fault::{SettingsFault, SettingsFaults};
use crate::conf::layers::Layers;
use crate::conf::page_cache::PageCacheSettings;
use crate::conf::section::{Breach, Compared, Reader, Section, SectionDef};
use crate::conf::security::SecuritySettings;
use crate::conf::server::ServerSettings;
use crate::conf::session::SessionSettings;
use crate::conf::source::{SETTINGS_FILE, SettingsSource};
use crate::conf::staticfiles::StaticFilesSettings;
use crate::conf::templates::TemplatesSettings;
use crate::conf::written::{Members, Place, Shape};

/// nuages' own sections, which every site has.
pub const SECTIONS: &[SectionDef] = &[
    SectionDef::of::<CoreSettings>(),
    SectionDef::of::<SessionSettings>(),
    SectionDef::of::<SecuritySettings>(),
    SectionDef::of::<CsrfSettings>(),
    SectionDef::of::<DatabasesSettings>(),
    SectionDef::of::<CachesSettings>(),
    SectionDef::of::<PageCacheSettings>(),
    SectionDef::of::<TemplatesSettings>(),
    SectionDef::of::<StaticFilesSettings>(),
    SectionDef::of::<ServerSettings>(),
];

type AnySection = Arc<dyn Any + Send + Sync>;

/// Every setting of the site, as typed sections.
///
/// [`Settings::default`] has the defaults alone, an empty `SECRET_KEY` among them, and breaks no rule of the start.
pub struct Settings {
    base_dir: PathBuf,
    defs: Vec<SectionDef>,
    sections: HashMap<TypeId, AnySection>,
    /// Sections that nobody registered, read when they were first asked for.
    late: RwLock<HashMap<TypeId, AnySection>>,
    members: Members,
}

impl Settings {
    /// Loads nuages' own sections and those of the site.
    ///
    /// # Errors
    /// Every fault of every layer and setting at once: a file that cannot be read or is not TOML, an unknown name, a wrong
    /// value, values that do not go together (unless `SILENCED_SYSTEM_CHECKS` names the rule), and a `SECRET_KEY` that is
    /// missing or everybody's.
    pub fn load(source: &SettingsSource, sections: &[SectionDef]) -> Result<Self, SettingsFaults> {
        let (settings, faults) = Self::read(source, sections);
        match SettingsFaults::new(faults) {
            None => Ok(settings),
            Some(faults) => Err(faults),
        }
    }

    /// Loads the text of a `settings.toml`, without the environment.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_toml(text: &str, sections: &[SectionDef]) -> Result<Self, SettingsFaults> {
        Self::load(&SettingsSource::text(SETTINGS_FILE, text), sections)
    }

    /// The settings as far as they are right, and every fault in the order of layers and lines; a setting at fault has its default.
    #[must_use]
    pub fn read(source: &SettingsSource, sections: &[SectionDef]) -> (Self, Vec<SettingsFault>) {
        let Layers { members, mut faults, unreadable, broken } = Layers::read(source);
        let mut defs: Vec<SectionDef> = Vec::new();
        for def in SECTIONS.iter().chain(sections) {
            if !defs.iter().any(|known| (known.type_id)() == (def.type_id)()) {
                defs.push(*def);
            }
        }
        faults.extend(twice(&defs));
        let names: Vec<&'static str> =
            defs.iter().flat_map(|def| def.settings).map(|setting| setting.name).collect();
        Reader::new(&members, "", &mut faults).refuse_others(&names);
        for fault in &mut faults {
            if let SettingsFault::Unknown { place, setting, .. } = fault
                && NOT_HERE.contains(&setting.as_str())
            {
                *fault = SettingsFault::NotHere { place: place.clone(), setting: std::mem::take(setting) };
            }
        }

        let mut breaches = Vec::new();
        let sections: HashMap<TypeId, AnySection> = defs
            .iter()
            .map(|def| {
                let read = (def.read)(&mut Reader::new(&members, "", &mut faults));
                breaches.extend(read.breaches);
                ((def.type_id)(), read.section)
            })
            .collect();
        let settings =
            Self { base_dir: source.base_dir.clone(), defs, sections, late: RwLock::default(), members };

        let silenced = &settings.section::<CoreSettings>().silenced_system_checks;
        let uncertain = |name: &str, faults: &[SettingsFault]| {
            let absent = !settings.members.contains_key(name);
            (broken && absent)
                || unreadable.iter().any(|other| other == name)
                || faults.iter().any(|f| f.concerns(name))
        };
        let heard: Vec<SettingsFault> = breaches
            .into_iter()
            .filter(|breach| !(breach.can_be_silenced && silenced.iter().any(|id| id == breach.id)))
            .filter(|breach| !breach.settings.iter().any(|name| uncertain(name, &faults)))
            .map(|breach| settings.illegal(breach))
            .collect();
        faults.extend(heard);
        faults.sort_by(|one, other| one.place().cmp(&other.place()));
        (settings, faults)
    }

    /// A section. One that was not registered is read when it is first asked for: from the layers where it is right, and
    /// from its defaults.
    #[must_use]
    pub fn section<S: Section>(&self) -> Arc<S> {
        let id = TypeId::of::<S>();
        if let Some(section) = self.sections.get(&id).cloned().and_then(downcast) {
            return section;
        }
        let late = self.late.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(section) = late.and_then(downcast) {
            return section;
        }
        let mut faults = Vec::new();
        let section = Arc::new(S::read(&mut Reader::new(&self.members, "", &mut faults)));
        for fault in faults {
            tracing::warn!(target: "nuages.conf", "{fault}");
        }
        let mut late = self.late.write().unwrap_or_else(PoisonError::into_inner);
        late.insert(id, Arc::<S>::clone(&section));
        section
    }

    /// The folder from which relative paths in the settings start (Django's `BASE_DIR`).
    #[must_use]
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    /// The sections: nuages' own, then the site's.
    #[must_use]
    pub fn sections(&self) -> &[SectionDef] {
        &self.defs
    }

    /// Whether a layer says something of that setting, be it the default.
    #[must_use]
    pub fn is_written(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Where that setting was written, if it was; in a list the place of that entry.
    ///
    /// ```
    /// use nuages::conf::settings::Settings;
    ///
    /// let text = "SECRET_KEY = 'k'\nMIDDLEWARE = [\n  'a.A',\n  'b.B',\n]";
    /// let settings = Settings::from_toml(text, &[])?;
    /// let place = |entry| settings.place("MIDDLEWARE", entry).map(ToString::to_string);
    /// assert_eq!(place("b.B").as_deref(), Some("settings.toml:4"));
    /// assert_eq!(place("c.C").as_deref(), Some("settings.toml:2"));
    /// # Ok::<(), nuages::conf::fault::SettingsFaults>(())
    /// ```
    #[must_use]
    pub fn place(&self, setting: &str, entry: &str) -> Option<&Place> {
        let written = self.members.get(setting)?;
        let entries = match written.shape() {
            Shape::List(entries) => entries.as_slice(),
            _ => &[],
        };
        Some(entries.iter().find(|written| written.text() == Some(entry)).unwrap_or(written).place())
    }

    /// Every setting of the registered sections beside the same one of `other`, by name.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Vec<Compared> {
        let mut compared: Vec<Compared> = self
            .defs
            .iter()
            .filter_map(|def| {
                let id = (def.type_id)();
                let (here, there) = (self.sections.get(&id)?, other.sections.get(&id)?);
                Some((def.compare)(here.as_ref(), there.as_ref()))
            })
            .flatten()
            .collect();
        compared.sort_by_key(|setting| setting.name);
        compared
    }

    fn illegal(&self, breach: Breach) -> SettingsFault {
        let place = breach
            .settings
            .iter()
            .find_map(|name| self.members.get(*name))
            .map(|found| found.place().clone());
        SettingsFault::Illegal {
            place,
            setting: breach.settings.first().copied().unwrap_or_default().to_owned(),
            id: breach.id,
            reason: breach.reason,
            right: breach.right,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(&SettingsSource::empty("."), &[]).0
    }
}

/// The names of what was written, and nothing of the values.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base_dir", &self.base_dir)
            .field("written", &self.members.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn downcast<S: Section>(section: AnySection) -> Option<Arc<S>> {
    section.downcast().ok()
}

/// Settings that two sections define.
fn twice(defs: &[SectionDef]) -> Vec<SettingsFault> {
    let mut seen: HashMap<&str, &SectionDef> = HashMap::new();
    let mut faults = Vec::new();
    for def in defs {
        for setting in def.settings {
            match seen.get(setting.name) {
                Some(first) => faults.push(SettingsFault::Twice {
                    setting: setting.name,
                    first: first.name,
                    second: def.name,
                }),
                None => {
                    seen.insert(setting.name, def);
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests;
