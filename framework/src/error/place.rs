//! Where in the source something went wrong.

use std::fmt;
use std::panic::Location;

/// A place in the source.
///
/// It is shown as `file:line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Place<'a> {
    /// The file, by the path that the compiler was given.
    #[must_use]
    pub const fn file(&self) -> &'a str {
        self.file
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1.
    #[must_use]
    pub const fn column(&self) -> u32 {
        self.column
    }
}

impl<'a> From<&'a Location<'_>> for Place<'a> {
    fn from(location: &'a Location<'_>) -> Self {
        Self { file: location.file(), line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where an error was made: known to the compiler, or told by a panic.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Call(&'static Location<'static>),
    Panic { file: Box<str>, line: u32, column: u32 },
}

impl Origin {
    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Call(location) => Place::from(*location),
            Self::Panic { file, line, column } => Place { file, line: *line, column: *column },
        }
    }
}

impl From<Place<'_>> for Origin {
    fn from(place: Place<'_>) -> Self {
        Self::Panic { file: place.file.into(), line: place.line, column: place.column }
    }
}
