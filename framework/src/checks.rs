//! What `manage check` finds: messages with Django's ids, texts and levels.

use std::fmt;

/// How bad it is (Django 5.2 `core/checks/messages.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// 10
    Debug = 10,
    /// 20
    Info = 20,
    /// 30
    Warning = 30,
    /// 40: commands that need a sound site refuse to run.
    Error = 40,
    /// 50
    Critical = 50,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckMessage {
    /// How bad it is.
    pub level: Level,
    /// What is wrong, naming the offender.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// The thing at fault: a setting, a route, a file and line.
    pub object: Option<String>,
    /// Django's id where Django has one (`security.W012`), else ours (`nuages.E001`).
    pub id: &'static str,
}

impl CheckMessage {
    /// An error with that id.
    pub fn error(id: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), hint: None, object: None, id }
    }

    /// A warning with that id.
    pub fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, message: message.into(), hint: None, object: None, id }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the thing at fault.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }
}

/// As Django prints it: `?: (urls.W002) Your URL pattern … \n\tHINT: …`.
impl fmt::Display for CheckMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ({}) {}", self.object.as_deref().unwrap_or("?"), self.id, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n\tHINT: {hint}"),
            None => Ok(()),
        }
    }
}
