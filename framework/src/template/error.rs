//! What can go wrong between a view and its page.

use std::fmt;
use std::path::PathBuf;

use crate::checks::CheckMessage;

/// Why a template was not rendered. Its text names template, file and line: it is for the log and the debug page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// No folder has that template (Django's `TemplateDoesNotExist`).
    #[error("there is no template `{name}`{}{}", Nearest(nearest), Tried(tried))]
    DoesNotExist {
        /// The name that was asked for.
        name: String,
        /// The files that would have been it, in the loader's order.
        tried: Vec<PathBuf>,
        /// A template with a similar name.
        nearest: Option<String>,
    },
    /// The template failed while it was rendered: a variable that is not there, a filter that cannot take the value, …
    #[error("{place}: {message}{place:#}")]
    Render {
        /// Where.
        place: Box<Place>,
        /// What.
        message: String,
        /// What failed inside, when it was something else than the template.
        #[source]
        source: Option<tera::Error>,
    },
    /// The template failed at what a visitor sent, and no honest one sends that: a 400 (Django's `SuspiciousOperation`).
    #[error("{place}: {message}{place:#}")]
    Suspicious {
        /// Where.
        place: Box<Place>,
        /// What.
        message: String,
    },
    /// A value of the context cannot be converted: its `Serialize` fails.
    #[error("the value of `{name}` cannot be given to a template: {source}")]
    Context {
        /// The name in the context.
        name: String,
        /// Why.
        source: tera::Error,
    },
    /// The templates were changed while the site runs under `DEBUG`, and do not compile.
    #[error("the changed templates do not compile:{}", Listed(.0))]
    Broken(Vec<CheckMessage>),
}

/// A place in a template. As text `student/get.html, line 3, column 8`; `{:#}` shows the line itself below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The template's name.
    pub template: String,
    /// Its file.
    pub file: Option<PathBuf>,
    /// The line, from 1; 0 when it is not known.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// How many characters are at fault.
    pub width: usize,
    /// The line's text.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            f.write_str(&self.template)?;
            return match self.line {
                0 => Ok(()),
                line => write!(f, ", line {line}, column {}", self.column),
            };
        }
        if self.line > 0 {
            let (number, indent) = (self.line.to_string(), self.column.saturating_sub(1));
            write!(f, "\n  {number} | {}", self.text)?;
            write!(
                f,
                "\n  {:pad$} | {:indent$}{:^<width$}",
                "",
                "",
                "",
                pad = number.len(),
                width = self.width.max(1)
            )?;
        }
        match &self.file {
            Some(file) => write!(f, "\n  in {}", file.display()),
            None => Ok(()),
        }
    }
}

struct Nearest<'a>(&'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean `{name}`?)"),
            None => Ok(()),
        }
    }
}

struct Tried<'a>(&'a [PathBuf]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; there is no folder of templates");
        }
        f.write_str("; tried:")?;
        self.0.iter().try_for_each(|path| write!(f, "\n  {}", path.display()))
    }
}

struct Listed<'a>(&'a [CheckMessage]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
