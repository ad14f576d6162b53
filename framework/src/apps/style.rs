//! The colours of what commands write to a terminal: Django's roles and its dark palette.

use std::fmt;

/// What a text is for (Django 5.2 `utils/termcolors.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Something failed.
    Error,
    /// Something was done.
    Success,
    /// Something may fail later.
    Warning,
    /// Something worth a look.
    Notice,
    /// `Operations to perform:`
    MigrateHeading,
    /// `Apply all migrations: `
    MigrateLabel,
    /// A word of SQL.
    SqlKeyword,
    /// A column in SQL.
    SqlField,
    /// A table in SQL.
    SqlTable,
}

impl Role {
    const fn codes(self) -> &'static str {
        match self {
            Self::Error => "31;1",
            Self::Success | Self::SqlField => "32;1",
            Self::Warning => "33;1",
            Self::Notice => "31",
            Self::MigrateHeading => "36;1",
            Self::MigrateLabel | Self::SqlTable => "1",
            Self::SqlKeyword => "33",
        }
    }
}

/// Whether to paint.
///
/// ```
/// use nuages::apps::style::{Role, Style};
///
/// assert_eq!(Style::plain().paint(Role::Error, "no").to_string(), "no");
/// assert_eq!(Style::coloured().paint(Role::Error, "no").to_string(), "\x1b[31;1mno\x1b[0m");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Without colours: pipes, files, `--no-color`.
    #[must_use]
    pub const fn plain() -> Self {
        Self { colours: false }
    }

    /// With colours: terminals, `--force-color`.
    #[must_use]
    pub const fn coloured() -> Self {
        Self { colours: true }
    }

    /// Colours on a terminal, unless the environment says `NO_COLOR` (<https://no-color.org>) or
    /// `DJANGO_COLORS=nocolor`.
    #[must_use]
    pub fn for_terminal(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("DJANGO_COLORS").is_some_and(|value| value == "nocolor");
        Self { colours: terminal && !refused }
    }

    /// Whether there are colours.
    #[must_use]
    pub const fn is_coloured(self) -> bool {
        self.colours
    }

    /// The text in its role's colours.
    #[must_use]
    pub const fn paint<T: fmt::Display>(self, role: Role, text: T) -> Painted<T> {
        Painted { style: self, role, text }
    }
}

/// A text with its role: made by [`Style::paint`].
#[derive(Debug, Clone, Copy)]
pub struct Painted<T> {
    style: Style,
    role: Role,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.style.colours {
            return self.text.fmt(f);
        }
        write!(f, "\x1b[{}m{}\x1b[0m", self.role.codes(), self.text)
    }
}
