//! Why a Rust value has no [`Value`](crate::serialize::value::Value), or the other way round.

use std::fmt;

/// Why a conversion failed: what was expected, what was there, and where inside.
///
/// ```
/// use nuages::serialize::de::from_value;
/// use nuages::serialize::value::{Dict, Value};
///
/// let cart = Value::from(Dict::from([("count", "three")]));
/// let error = from_value::<std::collections::HashMap<String, u32>>(cart).unwrap_err();
/// assert_eq!(error.to_string(), r#"count: invalid type: string "three", expected u32"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    message: String,
    /// From the outside in, written as it was met: from the inside out.
    path: Vec<String>,
}

impl ConvertError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), path: Vec::new() }
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

impl std::error::Error for ConvertError {}

impl serde::ser::Error for ConvertError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for ConvertError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
