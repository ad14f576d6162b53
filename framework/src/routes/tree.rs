//! The URLconf as it was declared: routes and includes in their order, no view in it.

use std::panic::Location;

use crate::serialize::value::Value;

/// One `path(…)` or `include(…)`.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The text of the route.
    pub text: String,
    /// How the text is to be read.
    pub syntax: Syntax,
    /// What goes to the view beside what is captured (the third argument of Django's `path`).
    pub kwargs: Vec<(String, Value)>,
    /// Where it stands in the site's source.
    pub place: &'static Location<'static>,
    /// What it leads to.
    pub target: Target,
}

/// The language of a route's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Syntax {
    /// `path`: `<int:year>/`
    Path,
    /// `re_path`: `^(?P<year>[0-9]{4})/$`
    Regex,
}

/// What a declaration leads to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Target {
    /// A view, which has the number of this route among all routes, in their order.
    Route {
        /// The name for `reverse`.
        name: Option<String>,
    },
    /// Further declarations.
    Include {
        /// The application's name, for `reverse`.
        app_name: Option<String>,
        /// The instance's name; the application's if there is none.
        namespace: Option<String>,
        /// The routes that follow this prefix.
        children: Vec<Declaration>,
    },
}

impl Declaration {
    /// Django's words for it in a message: `'<int:year>/' [name='year']`.
    pub(crate) fn describe(&self) -> String {
        match &self.target {
            Target::Route { name: Some(name) } => format!("'{}' [name='{name}']", self.text),
            _ => format!("'{}'", self.text),
        }
    }

    /// `apps/student/src/urls.rs:12`
    pub(crate) fn at(&self) -> String {
        format!("{}:{}", self.place.file(), self.place.line())
    }
}
