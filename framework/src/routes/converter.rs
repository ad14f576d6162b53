//! Path converters: the `int` of `<int:year>` (Django 5.2 `urls/converters.py`).

use std::fmt;
use std::sync::Arc;

use num_bigint::BigInt;
use uuid::Uuid;

use crate::routes::python_text::python_str;
use crate::serialize::value::Value;

/// A converter of a site's own (Django's `register_converter`).
///
/// ```
/// use nuages::routes::converter::{Converter, Kind};
/// use nuages::serialize::value::Value;
///
/// /// `<year:y>`: four digits, written with four digits.
/// struct Year;
///
/// impl Converter for Year {
///     fn regex(&self) -> &str {
///         "[0-9]{4}"
///     }
///     fn kind(&self) -> Kind {
///         Kind::Int
///     }
///     fn to_value(&self, text: &str) -> Option<Value> {
///         text.parse().ok().map(Value::Int)
///     }
///     fn to_url(&self, value: &Value) -> Option<String> {
///         match value {
///             Value::Int(year) => Some(format!("{year:04}")),
///             _ => None,
///         }
///     }
/// }
/// assert_eq!(Year.to_value("2003"), Some(Value::Int(2003)));
/// ```
pub trait Converter: Send + Sync + 'static {
    /// The regular expression that the text must match, without anchors.
    fn regex(&self) -> &str;

    /// What kind of value it gives: the parameters of a view are held against it when the URLconf is built.
    fn kind(&self) -> Kind;

    /// The value of a text that matched (Django's `to_python`); `None` is Python's `ValueError`: the route does not
    /// match, and the next one is tried.
    fn to_value(&self, text: &str) -> Option<Value>;

    /// The text of a value for `reverse` (Django's `to_url`); `None` is Python's `ValueError`: not this route.
    fn to_url(&self, value: &Value) -> Option<String>;
}

/// The kind of a captured value, as far as a view's parameter must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An integer without limits: `int`.
    Int,
    /// Text: `str`, `slug`, `path`, and the groups of a `re_path`.
    Str,
    /// `uuid`.
    Uuid,
    /// True or false: only a default of the route can give it.
    Bool,
    /// Nothing: only a default of the route, or a group of a `re_path` that need not match.
    None,
    /// What a site's own converter gives, by the name that it chooses.
    Other(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "int",
            Self::Str => "str",
            Self::Uuid => "uuid",
            Self::Bool => "bool",
            Self::None => "None",
            Self::Other(name) => name,
        })
    }
}

/// The kind of a default, which needs no converter.
impl From<&Value> for Kind {
    fn from(value: &Value) -> Self {
        match value {
            Value::None => Self::None,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) | Value::BigInt(_) => Self::Int,
            Value::Str(_) | Value::Surrogates(_) => Self::Str,
            Value::Uuid(_) => Self::Uuid,
            _ => Self::Other("value"),
        }
    }
}

/// What one parameter of a route is read with.
#[derive(Clone)]
pub(crate) enum Conversion {
    Int,
    Str,
    Slug,
    Path,
    Uuid,
    Own(Arc<OwnConverter>),
}

/// A converter of a site's own, under its name.
pub(crate) struct OwnConverter {
    name: String,
    converter: Box<dyn Converter>,
}

/// Python refuses to read an integer of more digits (`sys.int_info.default_max_str_digits`).
const INT_MAX_DIGITS: usize = 4300;

const UUID_LENGTH: usize = 36;

impl Conversion {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Int => "int",
            Self::Str => "str",
            Self::Slug => "slug",
            Self::Path => "path",
            Self::Uuid => "uuid",
            Self::Own(own) => &own.name,
        }
    }

    pub(crate) fn regex(&self) -> &str {
        match self {
            Self::Int => "[0-9]+",
            Self::Str => "[^/]+",
            Self::Slug => "[-a-zA-Z0-9_]+",
            Self::Path => ".+",
            Self::Uuid => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            Self::Own(own) => own.converter.regex(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Int => Kind::Int,
            Self::Str | Self::Slug | Self::Path => Kind::Str,
            Self::Uuid => Kind::Uuid,
            Self::Own(own) => own.converter.kind(),
        }
    }

    /// Can the text hold a slash, or be empty? Then nothing is known of the segments of a path that matches.
    pub(crate) const fn crosses_segments(&self) -> bool {
        matches!(self, Self::Path | Self::Own(_))
    }

    /// The bytes at the beginning of `text` that the expression takes when nothing after it asks for less; `None` for
    /// an expression that only a regular expression engine can follow.
    pub(crate) fn run(&self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let run = |takes: fn(u8) -> bool| bytes.iter().position(|&b| !takes(b)).unwrap_or(bytes.len());
        Some(match self {
            Self::Uuid => {
                let fits = bytes.len() >= UUID_LENGTH
                    && bytes[..UUID_LENGTH].iter().enumerate().all(|(i, &b)| match i {
                        8 | 13 | 18 | 23 => b == b'-',
                        _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
                    });
                if fits { UUID_LENGTH } else { 0 }
            }
            Self::Own(_) => return None,
            Self::Int | Self::Str | Self::Slug | Self::Path => run(self.class()?),
        })
    }

    /// Is what the expression takes settled when this character comes next? Then no shorter text can do.
    pub(crate) fn ends_before(&self, next: char) -> bool {
        match self {
            Self::Uuid => true,
            Self::Own(_) => false,
            _ => {
                let mut buffer = [0; 4];
                let first = next.encode_utf8(&mut buffer).as_bytes()[0];
                self.class().is_some_and(|takes| !takes(first))
            }
        }
    }

    /// The bytes that a repeated class takes: whole characters, since a class takes all of UTF-8 beyond ASCII or none.
    fn class(&self) -> Option<fn(u8) -> bool> {
        Some(match self {
            Self::Int => |b| b.is_ascii_digit(),
            Self::Str => |b| b != b'/',
            Self::Slug => |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'),
            Self::Path => |b| b != b'\n',
            Self::Uuid | Self::Own(_) => return None,
        })
    }

    /// Does the converter read this text, which matched its expression?
    pub(crate) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Int => text.len() <= INT_MAX_DIGITS,
            Self::Str | Self::Slug | Self::Path | Self::Uuid => true,
            Self::Own(own) => own.converter.to_value(text).is_some(),
        }
    }

    /// The value of a text that matched the expression.
    pub(crate) fn to_value(&self, text: &str) -> Option<Value> {
        match self {
            Self::Int if text.len() > INT_MAX_DIGITS => None,
            Self::Int => match text.parse() {
                Ok(number) => Some(Value::Int(number)),
                Err(_) => BigInt::parse_bytes(text.as_bytes(), 10).map(Value::BigInt),
            },
            Self::Str | Self::Slug | Self::Path => Some(Value::Str(text.to_owned())),
            Self::Uuid => Uuid::try_parse(text).ok().map(Value::Uuid),
            Self::Own(own) => own.converter.to_value(text),
        }
    }

    /// The text of a value; the built-in converters take whatever `str()` makes of it, as Django's do, and leave the
    /// refusing to their expression.
    pub(crate) fn to_url(&self, value: &Value) -> Option<String> {
        match self {
            Self::Own(own) => own.converter.to_url(value),
            _ => python_str(value),
        }
    }
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The converters by name: Django's five and a site's own.
#[derive(Debug, Clone, Default)]
pub struct Converters {
    own: Vec<(String, Conversion)>,
}

impl Converters {
    /// Registers a converter.
    ///
    /// # Errors
    /// The name, if it is one of Django's five or already taken.
    pub fn register(&mut self, name: &str, converter: Box<dyn Converter>) -> Result<(), AlreadyRegistered> {
        if self.get(name).is_some() {
            return Err(AlreadyRegistered { name: name.to_owned() });
        }
        let own = OwnConverter { name: name.to_owned(), converter };
        self.own.push((name.to_owned(), Conversion::Own(Arc::new(own))));
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<Conversion> {
        Some(match name {
            "int" => Conversion::Int,
            "str" => Conversion::Str,
            "slug" => Conversion::Slug,
            "path" => Conversion::Path,
            "uuid" => Conversion::Uuid,
            _ => return self.own.iter().find(|(own, _)| own == name).map(|(_, found)| found.clone()),
        })
    }

    /// Every name, for a message.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        ["int", "path", "slug", "str", "uuid"]
            .into_iter()
            .chain(self.own.iter().map(|(name, _)| name.as_str()))
    }
}

/// Two converters of one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Converter '{name}' is already registered.")]
pub struct AlreadyRegistered {
    /// The name.
    pub name: String,
}
