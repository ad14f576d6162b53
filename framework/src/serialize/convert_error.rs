//! Why a Rust value has no [`Value`](crate::serialize::value::Value), or the other way round.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// Why a conversion failed: what was expected, which kind of thing was there, and under which keys.
///
/// It tells kinds, never values: sessions and caches hold what belongs in no log.
///
/// ```
/// use nuages::serialize::de::from_value;
/// use nuages::serialize::value::{Dict, Value};
///
/// let cart = Value::from(Dict::from([("count", "three")]));
/// let error = from_value::<std::collections::HashMap<String, u32>>(cart).unwrap_err();
/// assert_eq!(error.to_string(), r#"count: invalid type: string, expected u32"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConvertError {
    message: String,
    /// From the outside in, written as it was met: from the inside out.
    path: Vec<String>,
    /// What a type of the site's own said.
    detail: Option<String>,
}

impl ConvertError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), path: Vec::new(), detail: None }
    }

    /// What the type itself said of a value that it refused, which may well be the value: in no log, and not on any page.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The same, inside of something that is called so.
    pub(super) fn within(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.path.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(name)?;
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// Without the detail.
impl fmt::Debug for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConvertError")
            .field("message", &self.message)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ConvertError {}

impl serde::ser::Error for ConvertError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl de::Error for ConvertError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { detail: Some(message.to_string()), ..Self::new("the type refuses what is there") }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid type: {}, expected {expected}", kind_of(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid value: {}, expected {expected}", kind_of(found)))
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid length {found}, expected {expected}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("duplicate field `{field}`"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown variant, expected one of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field, expected one of {}", expected.join(", ")))
    }
}

/// `serde`'s words without the value.
fn kind_of(found: Unexpected<'_>) -> String {
    let kind = match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "floating point number",
        Unexpected::Char(_) => "character",
        Unexpected::Str(_) => "string",
        Unexpected::Bytes(_) => "byte array",
        // What serde says of a number beyond 64 bits, with the number.
        Unexpected::Other(text) if text.ends_with("128") => "integer",
        kind => return kind.to_string(),
    };
    kind.to_owned()
}
