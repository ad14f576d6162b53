//! A section: settings that belong together, as one struct.
//!
//! The struct and the table of its settings come from one list, made with
//! [`settings_section!`](crate::settings_section), so that the loader, `diffsettings`, the check of unknown names and
//! the documentation cannot disagree. An app's own settings are a section like nuages' own:
//!
//! ```
//! use nuages::conf::section::SectionDef;
//! use nuages::conf::settings::Settings;
//!
//! nuages::settings_section! {
//!     /// The shop's settings.
//!     pub struct ShopSettings, prefix "SHOP_" {
//!         /// Three letters, as ISO 4217 has them.
//!         currency: String = "BTN",
//!         /// Parcels above this weight, in grams, go by road; `None`: all go by air.
//!         heaviest_parcel: Option<u64> = 20_000,
//!         /// Who hears of an empty shelf.
//!         stewards: Vec<String> = [],
//!     }
//! }
//!
//! // The row that the shop's App gives.
//! const SHOP: SectionDef = SectionDef::of::<ShopSettings>();
//!
//! let settings = Settings::from_toml("SECRET_KEY = 'k'\nSHOP_HEAVIEST_PARCEL = false", &[SHOP])?;
//! let shop = settings.section::<ShopSettings>();
//! assert_eq!((shop.currency.as_str(), shop.heaviest_parcel), ("BTN", None));
//!
//! let faults = Settings::from_toml("SECRET_KEY = 'k'\nSHOP_STEWARD = []", &[SHOP]).unwrap_err();
//! assert_eq!(
//!     faults.faults()[0].to_string(),
//!     "settings.toml:2: SHOP_STEWARD is not a setting\n    the nearest known name is SHOP_STEWARDS",
//! );
//! # Ok::<(), nuages::conf::fault::SettingsFaults>(())
//! ```

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{SettingKind, Shown};
use crate::conf::written::Members;

/// One setting of a section.
#[derive(Clone, Copy)]
pub struct SettingDef {
    /// The name as the settings write it: `SESSION_COOKIE_AGE`.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What it may be, in words.
    pub allowed: fn() -> Cow<'static, str>,
    /// Its default as it is shown, in TOML's terms.
    pub default: fn() -> Shown,
    /// Whether it may hold a secret.
    pub secret: bool,
}

/// Values that are each allowed, but not so together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The rule's id, which `SILENCED_SYSTEM_CHECKS` may name.
    pub id: &'static str,
    /// The settings that the rule weighs, the offender first. When one of them is at fault by itself, the rule is not
    /// heard.
    pub settings: &'static [&'static str],
    /// What is wrong.
    pub reason: String,
    /// What would be right.
    pub right: String,
    /// Whether `SILENCED_SYSTEM_CHECKS` may switch the rule off.
    pub can_be_silenced: bool,
}

/// Settings that belong together. Made with [`settings_section!`](crate::settings_section).
pub trait Section: Default + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The struct's name, for messages.
    const NAME: &'static str;
    /// Its settings, in the order of the fields.
    const SETTINGS: &'static [SettingDef];

    /// Reads every field by itself; a field at fault keeps its default.
    fn read(reader: &mut Reader<'_>) -> Self;

    /// The rules that its values break together.
    fn breaches(&self) -> Vec<Breach>;

    /// Each setting beside another section's, in the order of [`Section::SETTINGS`].
    fn compare(&self, other: &Self) -> Vec<Compared>;
}

/// A setting beside the same setting elsewhere: what `diffsettings` prints.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The name.
    pub name: &'static str,
    /// Its value here, without secrets.
    pub value: Shown,
    /// Its value there, without secrets.
    pub other: Shown,
    /// Whether they are the same; two secrets may differ and look alike.
    pub same: bool,
}

/// A section's row in an app's table: made with [`SectionDef::of`].
#[derive(Clone, Copy)]
pub struct SectionDef {
    /// The struct's name, for messages.
    pub name: &'static str,
    /// Its settings.
    pub settings: &'static [SettingDef],
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) read: fn(&mut Reader<'_>) -> ReadSection,
    pub(crate) compare: fn(&(dyn Any + Send + Sync), &(dyn Any + Send + Sync)) -> Vec<Compared>,
}

/// A section as [`SectionDef`] reads it.
pub(crate) struct ReadSection {
    pub(crate) section: Arc<dyn Any + Send + Sync>,
    pub(crate) breaches: Vec<Breach>,
}

/// Takes a table's members apart and gathers the faults.
#[derive(Debug)]
pub struct Reader<'a> {
    members: &'a Members,
    /// What stands before a member's name in a message: `DATABASES.default.`, or nothing.
    path: String,
    faults: &'a mut Vec<SettingsFault>,
}

impl SectionDef {
    /// The row of that section.
    #[must_use]
    pub const fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            settings: S::SETTINGS,
            type_id: TypeId::of::<S>,
            read: |reader| {
                let section = S::read(reader);
                ReadSection { breaches: section.breaches(), section: Arc::new(section) }
            },
            compare: |one, other| match (one.downcast_ref::<S>(), other.downcast_ref::<S>()) {
                (Some(one), Some(other)) => one.compare(other),
                _ => Vec::new(),
            },
        }
    }
}

impl fmt::Debug for SectionDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SectionDef")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SettingDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<'a> Reader<'a> {
    /// Reads the members of a table; `path` stands before their names in messages.
    pub fn new(members: &'a Members, path: impl Into<String>, faults: &'a mut Vec<SettingsFault>) -> Self {
        Self { members, path: path.into(), faults }
    }

    /// Puts the member's value into `field`, when it was written and is right.
    pub fn setting<T: SettingKind>(&mut self, name: &str, field: &mut T) {
        if let Some(written) = self.members.get(name)
            && let Some(value) = T::read(written, &format!("{}{name}", self.path), self.faults)
        {
            *field = value;
        }
    }

    /// Adds a fault for every member that is none of those.
    pub fn refuse_others(&mut self, known: &[&'static str]) {
        for (name, written) in self.members {
            if !known.contains(&name.as_str()) {
                self.faults.push(SettingsFault::Unknown {
                    place: written.place().clone(),
                    setting: format!("{}{name}", self.path),
                    nearest: nearest(name, known.iter().copied()).map(str::to_owned),
                });
            }
        }
    }
}

/// The known name that a mistyped one most likely means.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// How alike two names must be, 1.0 being equal: `COOKIE_AGE` and `CACHE_AGE` are not, `COKIE_AGE` is.
    const ALIKE: f64 = 0.7;
    let upper = name.to_uppercase();
    let score = |candidate: &str| {
        let candidate = candidate.to_uppercase();
        // A name without its prefix is a likely slip, whatever its length.
        let shortened = candidate.strip_suffix(upper.as_str()).is_some_and(|prefix| prefix.ends_with('_'));
        if shortened { 0.95 } else { strsim::normalized_damerau_levenshtein(&upper, &candidate) }
    };
    known
        .into_iter()
        .map(|candidate| (score(candidate), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// The bytes of a setting's name: the prefix, and the field's name in capitals when `capitals`.
#[doc(hidden)]
#[must_use]
pub const fn name_bytes<const N: usize>(prefix: &str, field: &str, capitals: bool) -> [u8; N] {
    let (prefix, field) = (prefix.as_bytes(), field.as_bytes());
    let mut bytes = [0; N];
    let mut index = 0;
    while index < N {
        bytes[index] = if index < prefix.len() {
            prefix[index]
        } else if capitals {
            field[index - prefix.len()].to_ascii_uppercase()
        } else {
            field[index - prefix.len()]
        };
        index += 1;
    }
    bytes
}

/// The name of a field's setting, as a constant text.
#[doc(hidden)]
#[macro_export]
macro_rules! __setting_name {
    ($prefix:literal, $field:ident, $capitals:literal) => {{
        const BYTES: [u8; $prefix.len() + stringify!($field).len()] =
            $crate::conf::section::name_bytes($prefix, stringify!($field), $capitals);
        const NAME: &str = match ::std::str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("a setting's name is UTF-8"),
        };
        NAME
    }};
}

/// Makes a section: the struct, its defaults, its documentation, and the table of its settings.
///
/// A field `cookie_age` under `prefix "SESSION_"` is the setting `SESSION_COOKIE_AGE`. Every field needs a doc comment,
/// a type that is a [`SettingKind`](crate::conf::kind::SettingKind) and a default. `rules path::to::function`, a
/// `fn(&Self) -> Vec<Breach>`, says which values do not go together. See [`section`](crate::conf::section) for an
/// example that runs.
#[macro_export]
macro_rules! settings_section {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident, prefix $prefix:literal $(, rules $rules:path)? {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Default: `", stringify!($default), "`.")]
                pub $field: $type,
            )*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: <$type as $crate::conf::kind::FromDefault<_>>::from_default($default) ),* }
            }
        }

        impl $crate::conf::section::Section for $name {
            const NAME: &'static str = stringify!($name);
            const SETTINGS: &'static [$crate::conf::section::SettingDef] = &[$(
                $crate::conf::section::SettingDef {
                    name: $crate::__setting_name!($prefix, $field, true),
                    doc: concat!($($doc, "\n"),+),
                    allowed: <$type as $crate::conf::kind::SettingKind>::allowed,
                    default: || $crate::conf::kind::SettingKind::show(&Self::default().$field),
                    secret: <$type as $crate::conf::kind::SettingKind>::SECRET,
                }
            ),*];

            fn read(reader: &mut $crate::conf::section::Reader<'_>) -> Self {
                let mut section = Self::default();
                $( reader.setting($crate::__setting_name!($prefix, $field, true), &mut section.$field); )*
                section
            }

            fn breaches(&self) -> ::std::vec::Vec<$crate::conf::section::Breach> {
                let breaches = ::std::vec::Vec::new();
                $( let breaches = [breaches, $rules(self)].concat(); )?
                breaches
            }

            fn compare(&self, other: &Self) -> ::std::vec::Vec<$crate::conf::section::Compared> {
                ::std::vec![$(
                    $crate::conf::section::Compared {
                        name: $crate::__setting_name!($prefix, $field, true),
                        value: $crate::conf::kind::SettingKind::show(&self.$field),
                        other: $crate::conf::kind::SettingKind::show(&other.$field),
                        same: self.$field == other.$field,
                    }
                ),*]
            }
        }
    };
}
