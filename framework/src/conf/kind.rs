//! The kinds of value that a setting may have: how each is read, what a fault says it may be, how it is shown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::conf::fault::SettingsFault;
use crate::conf::secret::{self, Location, Options, STARS, Secret};
use crate::conf::written::{Shape, Written};

/// A setting as it may be shown, in TOML's terms.
pub type Shown = toml::Value;

/// A type that a setting's field may have.
///
/// Numbers, text, paths, lists, tables by alias and `Option` (for Django's `None`) are kinds;
/// [`setting_choice!`](crate::setting_choice) makes one of a closed set of words, and
/// [`settings_table!`](crate::settings_table) one of a table with known members.
pub trait SettingKind: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// Whether a value of this kind may hold a secret, so that no message repeats it.
    const SECRET: bool = false;

    /// What is allowed, in words that follow "allowed:".
    fn allowed() -> Cow<'static, str>;

    /// Reads what was written. `None` when it is at fault; then at least one fault has been added.
    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self>;

    /// The value as `diffsettings` shows it: without secrets.
    fn show(&self) -> Shown;
}

/// A default as a section's table writes it: the value itself, or `"text"` for text, a list of texts, some number for an
/// `Option` of it.
pub trait FromDefault<D> {
    /// The value.
    fn from_default(default: D) -> Self;
}

impl<T> FromDefault<T> for T {
    fn from_default(default: T) -> Self {
        default
    }
}

impl<T> FromDefault<T> for Option<T> {
    fn from_default(default: T) -> Self {
        Some(default)
    }
}

impl FromDefault<&str> for String {
    fn from_default(default: &str) -> Self {
        default.to_owned()
    }
}

impl FromDefault<&str> for PathBuf {
    fn from_default(default: &str) -> Self {
        Self::from(default)
    }
}

impl FromDefault<&str> for Secret {
    fn from_default(default: &str) -> Self {
        Self::new(default)
    }
}

impl<const N: usize> FromDefault<[&str; N]> for Vec<String> {
    fn from_default(default: [&str; N]) -> Self {
        default.map(str::to_owned).into()
    }
}

impl<const N: usize> FromDefault<[&str; N]> for Vec<PathBuf> {
    fn from_default(default: [&str; N]) -> Self {
        default.map(PathBuf::from).into()
    }
}

/// Reads with that function, or adds the fault.
fn read_with<T: SettingKind>(
    written: &Written,
    setting: &str,
    faults: &mut Vec<SettingsFault>,
    read: impl FnOnce(&Written) -> Option<T>,
) -> Option<T> {
    let value = read(written);
    if value.is_none() {
        faults.push(SettingsFault::wrong(written, setting, T::allowed(), T::SECRET));
    }
    value
}

impl SettingKind for bool {
    fn allowed() -> Cow<'static, str> {
        "true or false".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| match written.shape {
            Shape::Bool(value) => Some(value),
            _ => None,
        })
    }

    fn show(&self) -> Shown {
        (*self).into()
    }
}

macro_rules! whole_numbers {
    ($($type:ty => $allowed:expr;)*) => {$(
        impl SettingKind for $type {
            fn allowed() -> Cow<'static, str> {
                $allowed.into()
            }

            fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
                read_with(written, setting, faults, |written| match written.shape {
                    Shape::Int(value) => Self::try_from(value).ok(),
                    _ => None,
                })
            }

            fn show(&self) -> Shown {
                // A count beyond TOML's 64 bits can only be a section's own default.
                toml::Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}

whole_numbers! {
    i64 => "a whole number";
    u64 => "a whole number, 0 or more";
    usize => "a whole number, 0 or more";
    u32 => "a whole number from 0 to 4294967295";
    u16 => "a whole number from 0 to 65535";
}

impl SettingKind for f64 {
    fn allowed() -> Cow<'static, str> {
        "a number".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, number)
    }

    fn show(&self) -> Shown {
        (*self).into()
    }
}

/// A finite number.
fn number(written: &Written) -> Option<f64> {
    match written.shape {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count so large that it loses its last digits is still that long"
        )]
        Shape::Int(value) => Some(value as f64),
        Shape::Float(value) => Some(value).filter(|value| value.is_finite()),
        _ => None,
    }
}

/// Seconds.
impl SettingKind for Duration {
    fn allowed() -> Cow<'static, str> {
        "a number of seconds, 0 or more".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| Self::try_from_secs_f64(number(written)?).ok())
    }

    fn show(&self) -> Shown {
        match (self.subsec_nanos(), i64::try_from(self.as_secs())) {
            (0, Ok(seconds)) => seconds.into(),
            _ => self.as_secs_f64().into(),
        }
    }
}

impl SettingKind for String {
    fn allowed() -> Cow<'static, str> {
        "text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| written.text().map(Self::from))
    }

    fn show(&self) -> Shown {
        secret::mask_url(self).into_owned().into()
    }
}

impl SettingKind for PathBuf {
    fn allowed() -> Cow<'static, str> {
        "a path as text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| written.text().map(Self::from))
    }

    fn show(&self) -> Shown {
        self.display().to_string().into()
    }
}

impl SettingKind for IpAddr {
    fn allowed() -> Cow<'static, str> {
        "an IP address as text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| written.text()?.parse().ok())
    }

    fn show(&self) -> Shown {
        self.to_string().into()
    }
}

impl SettingKind for Secret {
    const SECRET: bool = true;

    fn allowed() -> Cow<'static, str> {
        "text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| written.text().map(Self::new))
    }

    fn show(&self) -> Shown {
        if self.is_empty() { "".into() } else { STARS.into() }
    }
}

impl SettingKind for Location {
    fn allowed() -> Cow<'static, str> {
        "text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| written.text().map(Self::new))
    }

    fn show(&self) -> Shown {
        self.to_string().into()
    }
}

impl SettingKind for Options {
    const SECRET: bool = true;

    fn allowed() -> Cow<'static, str> {
        "a table".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        read_with(written, setting, faults, |written| {
            written.table()?;
            match written.to_toml() {
                Some(toml::Value::Table(table)) => Some(Self::new(table)),
                _ => None,
            }
        })
    }

    fn show(&self) -> Shown {
        self.masked().into()
    }
}

/// Django's `None` is `false` (or JSON's `null`).
impl<T: SettingKind> SettingKind for Option<T> {
    const SECRET: bool = T::SECRET;

    fn allowed() -> Cow<'static, str> {
        format!("{}, or false for none", T::allowed()).into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        if written.is_none() {
            return Some(None);
        }
        let before = faults.len();
        let value = T::read(written, setting, faults);
        for fault in &mut faults[before..] {
            if let SettingsFault::Wrong { setting: at, allowed, .. } = fault
                && at == setting
            {
                *allowed = Self::allowed().into_owned();
            }
        }
        value.map(Some)
    }

    fn show(&self) -> Shown {
        self.as_ref().map_or(toml::Value::Boolean(false), T::show)
    }
}

/// A member that has no default and that no `false` takes away: whoever reads its table says when it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required<T>(pub Option<T>);

impl<T: SettingKind> SettingKind for Required<T> {
    const SECRET: bool = T::SECRET;

    fn allowed() -> Cow<'static, str> {
        T::allowed()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        T::read(written, setting, faults).map(Some).map(Self)
    }

    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl<T: SettingKind> SettingKind for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn allowed() -> Cow<'static, str> {
        format!("a list; each entry: {}", T::allowed()).into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let Shape::List(entries) = &written.shape else {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), Self::SECRET));
            return None;
        };
        let before = faults.len();
        let read = entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| T::read(entry, &format!("{setting}[{index}]"), faults))
            .collect();
        (faults.len() == before).then_some(read)
    }

    fn show(&self) -> Shown {
        toml::Value::Array(self.iter().map(T::show).collect())
    }
}

/// A table whose members the site names itself: `DATABASES` by alias.
impl<T: SettingKind> SettingKind for BTreeMap<String, T> {
    const SECRET: bool = T::SECRET;

    fn allowed() -> Cow<'static, str> {
        format!("a table of names; each entry: {}", T::allowed()).into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let Some(members) = written.table() else {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), Self::SECRET));
            return None;
        };
        let before = faults.len();
        let read = members
            .iter()
            .filter_map(|(name, member)| {
                Some((name.clone(), T::read(member, &format!("{setting}.{name}"), faults)?))
            })
            .collect();
        (faults.len() == before).then_some(read)
    }

    fn show(&self) -> Shown {
        toml::Value::Table(self.iter().map(|(name, member)| (name.clone(), member.show())).collect())
    }
}
