//! What is wrong with the settings: every fault, with its place.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::checks::CheckMessage;
use crate::conf::written::{Place, Written};

/// One fault. Its text names the place, the setting, what was found and what is allowed.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SettingsFault {
    /// No section has a setting of that name, or the table no such member.
    #[error("{place}: {setting} is not a setting{}", Nearest(.nearest))]
    Unknown {
        /// Where it was written.
        place: Place,
        /// The name, with the tables it lies in: `DATABASES.default.NAMES`.
        setting: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
    /// Django has a setting of that name, but nuages has nothing that it could set.
    #[error("{place}: {setting} is a setting of Django that nuages does not have")]
    NotHere {
        /// Where it was written.
        place: Place,
        /// The name.
        setting: String,
    },
    /// The value is of another kind than the setting's, or not among the allowed ones.
    #[error("{place}: {setting} is {found}\n    allowed: {allowed}")]
    Wrong {
        /// Where it was written.
        place: Place,
        /// The setting.
        setting: String,
        /// The value, or its kind when it is a secret.
        found: String,
        /// What it may be, in words.
        allowed: String,
    },
    /// A member that its table cannot do without.
    #[error("{place}: {setting} is missing\n    allowed: {allowed}")]
    Missing {
        /// Where its table begins.
        place: Place,
        /// The setting.
        setting: String,
        /// What it may be, in words.
        allowed: String,
    },
    /// Each value is allowed, but not so: together with others, or in this state of the site.
    #[error("{}{setting}: {reason}\n    right: {right}", Prefix(.place))]
    Illegal {
        /// Where it was written, if it was.
        place: Option<Place>,
        /// The setting.
        setting: String,
        /// The rule's id, for `SILENCED_SYSTEM_CHECKS`.
        id: &'static str,
        /// What is wrong.
        reason: String,
        /// What would be right.
        right: String,
    },
    /// A file is not TOML.
    #[error("{place}: this is not TOML: {message}")]
    Syntax {
        /// The file and line.
        place: Place,
        /// What the parser says. It never repeats the line, which may hold a secret.
        message: String,
    },
    /// A file cannot be read.
    #[error("{path}: cannot read the settings: {source}")]
    Unreadable {
        /// The file.
        path: Arc<str>,
        /// Why.
        source: Arc<io::Error>,
    },
    /// A variable of the environment that cannot be taken at all.
    #[error("{place}: {reason}")]
    Variable {
        /// The variable.
        place: Place,
        /// Why.
        reason: String,
    },
    /// Two sections define one name.
    #[error(
        "{setting} is defined by the section {first} and by the section {second}\n    right: one prefix for each section"
    )]
    Twice {
        /// The setting.
        setting: &'static str,
        /// The section that came first.
        first: &'static str,
        /// The section that came second.
        second: &'static str,
    },
}

/// Every fault of the settings, in the order of the layers and lines; printed one a paragraph.
#[derive(Debug, Clone)]
pub struct SettingsFaults {
    faults: Vec<SettingsFault>,
}

impl SettingsFault {
    /// A value of the wrong kind; `secret` keeps the value itself out of the message.
    #[must_use]
    pub fn wrong(written: &Written, setting: &str, allowed: impl Into<String>, secret: bool) -> Self {
        Self::Wrong {
            place: written.place.clone(),
            setting: setting.to_owned(),
            found: written.found(secret),
            allowed: allowed.into(),
        }
    }

    /// The id that `check` prints and `SILENCED_SYSTEM_CHECKS` may name.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::NotHere { .. } => "nuages.E101",
            Self::Wrong { .. } => "nuages.E102",
            Self::Missing { .. } => "nuages.E103",
            Self::Syntax { .. } => "nuages.E104",
            Self::Unreadable { .. } => "nuages.E105",
            Self::Variable { .. } => "nuages.E106",
            Self::Twice { .. } => "nuages.E107",
            Self::Illegal { id, .. } => id,
        }
    }

    /// Where the fault was written.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Unknown { place, .. }
            | Self::NotHere { place, .. }
            | Self::Wrong { place, .. }
            | Self::Missing { place, .. }
            | Self::Syntax { place, .. }
            | Self::Variable { place, .. } => Some(place),
            Self::Illegal { place, .. } => place.as_ref(),
            Self::Unreadable { .. } | Self::Twice { .. } => None,
        }
    }

    /// Whether the fault lies in that setting or in a member of it.
    pub(crate) fn concerns(&self, name: &str) -> bool {
        match self {
            Self::Unknown { setting, .. }
            | Self::NotHere { setting, .. }
            | Self::Wrong { setting, .. }
            | Self::Missing { setting, .. }
            | Self::Illegal { setting, .. } => {
                setting.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            }
            Self::Syntax { .. } | Self::Unreadable { .. } | Self::Variable { .. } | Self::Twice { .. } => {
                false
            }
        }
    }
}

impl SettingsFaults {
    /// `None` when there is no fault.
    pub(crate) fn new(faults: Vec<SettingsFault>) -> Option<Self> {
        (!faults.is_empty()).then_some(Self { faults })
    }

    /// The faults; there is at least one.
    #[must_use]
    pub fn faults(&self) -> &[SettingsFault] {
        &self.faults
    }

    /// The same as `manage check` prints them.
    #[must_use]
    pub fn messages(&self) -> Vec<CheckMessage> {
        self.faults.iter().map(CheckMessage::from).collect()
    }
}

impl std::error::Error for SettingsFaults {}

impl fmt::Display for SettingsFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("the settings have a fault:")?,
            count => write!(f, "the settings have {count} faults:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n\n{fault}"))
    }
}

impl From<&SettingsFault> for CheckMessage {
    fn from(fault: &SettingsFault) -> Self {
        let object = fault.place().map_or_else(|| "settings".to_owned(), Place::to_string);
        let (message, hint) = match fault {
            SettingsFault::Unknown { setting, nearest, .. } => (
                format!("{setting} is not a setting."),
                nearest.as_ref().map(|name| format!("The nearest known name is {name}.")),
            ),
            SettingsFault::NotHere { setting, .. } => {
                (format!("{setting} is a setting of Django that nuages does not have."), None)
            }
            SettingsFault::Wrong { setting, found, allowed, .. } => {
                (format!("{setting} is {found}."), Some(format!("Allowed: {allowed}.")))
            }
            SettingsFault::Missing { setting, allowed, .. } => {
                (format!("{setting} is missing."), Some(format!("Allowed: {allowed}.")))
            }
            SettingsFault::Illegal { setting, reason, right, .. } => {
                (format!("{setting}: {reason}."), Some(format!("Right: {right}.")))
            }
            SettingsFault::Syntax { message, .. } => (format!("This is not TOML: {message}."), None),
            SettingsFault::Variable { reason, .. } => (format!("{reason}."), None),
            SettingsFault::Unreadable { path, source } => (format!("{path} cannot be read: {source}."), None),
            SettingsFault::Twice { setting, first, second } => (
                format!("{setting} is defined by the section {first} and by the section {second}."),
                Some("Give each section a prefix of its own.".to_owned()),
            ),
        };
        let message = Self::error(fault.id(), message).object(object);
        match hint {
            Some(hint) => message.hint(hint),
            None => message,
        }
    }
}

struct Nearest<'a>(&'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "\n    the nearest known name is {name}"),
            None => Ok(()),
        }
    }
}

struct Prefix<'a>(&'a Option<Place>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => write!(f, "{place}: "),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
