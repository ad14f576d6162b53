//! A value as it was written, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use toml::value::Datetime;

use crate::conf::secret;

/// The members of a table, in the order they were written.
pub type Members = IndexMap<String, Written>;

/// A value of one of the layers, before anything is known of what it should be.
#[derive(Clone)]
pub struct Written {
    pub(crate) shape: Shape,
    pub(crate) place: Place,
    /// The environment's own letters, so that `NUAGES_SECRET_KEY=12345` can be text.
    pub(crate) raw: Option<Arc<str>>,
}

/// What it looks like.
#[derive(Debug, Clone)]
pub enum Shape {
    /// JSON's `null`.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A whole number that does not fit 64 bits, as it was written. No setting takes it.
    Huge(String),
    /// Text.
    Text(String),
    /// A TOML date, time or both.
    Datetime(Datetime),
    /// A list.
    List(Vec<Written>),
    /// A table.
    Table(Members),
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which layer: a higher one lies over a lower one.
    pub(crate) layer: usize,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A file, as the message names it, and the line, counted from 1.
    File(Arc<str>, usize),
    /// A variable of the environment.
    Variable(Arc<str>),
    /// The program brought its settings itself.
    Program,
}

impl Written {
    /// The value.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where it was written.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The members, when it is a table.
    #[must_use]
    pub const fn table(&self) -> Option<&Members> {
        match &self.shape {
            Shape::Table(members) => Some(members),
            _ => None,
        }
    }

    /// The value as text: text, or whatever a variable of the environment holds that is no list and no table.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match (&self.shape, &self.raw) {
            (Shape::Text(text), _) => Some(text),
            (Shape::List(_) | Shape::Table(_), _) => None,
            (_, Some(raw)) => Some(raw),
            _ => None,
        }
    }

    /// Whether it says Django's `None`: `false`, or JSON's `null`.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self.shape, Shape::Null | Shape::Bool(false))
    }

    /// The same as plain TOML, where a member that is `null` is absent; `None` when TOML cannot say it (a number beyond
    /// 64 bits, a `null` in a list).
    #[must_use]
    pub fn to_toml(&self) -> Option<toml::Value> {
        Some(match &self.shape {
            Shape::Null | Shape::Huge(_) => return None,
            Shape::Bool(value) => (*value).into(),
            Shape::Int(value) => (*value).into(),
            Shape::Float(value) => (*value).into(),
            Shape::Text(text) => text.as_str().into(),
            Shape::Datetime(value) => (*value).into(),
            Shape::List(entries) => {
                toml::Value::Array(entries.iter().map(Self::to_toml).collect::<Option<_>>()?)
            }
            Shape::Table(members) => members
                .iter()
                .filter(|(_, member)| !matches!(member.shape, Shape::Null))
                .map(|(name, member)| Some((name.clone(), member.to_toml()?)))
                .collect::<Option<toml::Table>>()?
                .into(),
        })
    }

    /// How a fault names the value. A secret is named by its kind alone.
    #[must_use]
    pub fn found(&self, secret: bool) -> String {
        if secret {
            return match &self.shape {
                Shape::Null => "null",
                Shape::Bool(_) => "true or false",
                Shape::Int(_) | Shape::Huge(_) | Shape::Float(_) => "a number",
                Shape::Text(text) if text.is_empty() => "empty text",
                Shape::Text(_) => "text",
                Shape::Datetime(_) => "a date",
                Shape::List(_) => "a list",
                Shape::Table(_) => "a table",
            }
            .to_owned();
        }
        match &self.shape {
            Shape::Null => "null".to_owned(),
            Shape::Bool(value) => value.to_string(),
            Shape::Int(value) => value.to_string(),
            Shape::Float(value) => format!("{value:?}"),
            Shape::Huge(digits) => digits.clone(),
            Shape::Text(text) => quoted(text),
            Shape::Datetime(value) => value.to_string(),
            Shape::List(_) => "a list".to_owned(),
            Shape::Table(_) => "a table".to_owned(),
        }
    }
}

/// The shape without its content, which may be a secret.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.found(true), self.place)
    }
}

impl Place {
    pub(crate) fn file(layer: usize, path: &Arc<str>, line: usize) -> Self {
        Self { layer, origin: Origin::File(Arc::clone(path), line) }
    }

    pub(crate) fn variable(layer: usize, name: &str) -> Self {
        Self { layer, origin: Origin::Variable(name.into()) }
    }

    /// The line of a file, counted from 1.
    pub(crate) const fn line(&self) -> Option<usize> {
        match self.origin {
            Origin::File(_, line) => Some(line),
            Origin::Variable(_) | Origin::Program => None,
        }
    }

    pub(crate) const fn program(layer: usize) -> Self {
        Self { layer, origin: Origin::Program }
    }
}

/// `settings.toml:7`, `environment variable NUAGES_DEBUG`, `settings of the program`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File(path, line) => write!(f, "{path}:{line}"),
            Origin::Variable(name) => write!(f, "environment variable {name}"),
            Origin::Program => f.write_str("settings of the program"),
        }
    }
}

/// A file's name as messages say it: relative to the project where it lies inside.
pub(crate) fn shown_path(path: &Path, base_dir: &Path) -> Arc<str> {
    path.strip_prefix(base_dir).unwrap_or(path).display().to_string().into()
}

/// Text in quotes, on one line, not too long, without the password of a URL.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let masked = secret::mask_url(text);
    let mut shown = masked.chars().take(LONGEST).collect::<String>();
    if shown.len() < masked.len() {
        shown.push('…');
    }
    toml::Value::String(shown).to_string().replace('\n', "\\n")
}
