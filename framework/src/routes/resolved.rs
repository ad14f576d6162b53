//! The route that was found for a path, and all it knows (Django's `ResolverMatch`).

use crate::routes::pattern::{Span, Spans};
use crate::routes::table::{Binding, Route, Source};
use crate::serialize::value::Value;

/// A route that matched: its number and where in the path something was captured. Small and owned, for the request to
/// keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch {
    route: usize,
    spans: Spans,
}

impl RouteMatch {
    pub(crate) const fn new(route: usize, spans: Spans) -> Self {
        Self { route, spans }
    }

    /// The number of the route, which is its view's too.
    #[must_use]
    pub const fn route(&self) -> usize {
        self.route
    }

    pub(crate) fn span(&self, at: usize) -> Option<Span> {
        self.spans.get(at).copied().flatten()
    }
}

/// All that is known of a match: borrowed from the table and the path, made when asked for.
#[derive(Debug, Clone, Copy)]
pub struct ResolverMatch<'a> {
    pub(crate) route: &'a Route,
    pub(crate) found: &'a RouteMatch,
    pub(crate) path: &'a str,
}

impl<'a> ResolverMatch<'a> {
    /// The text of the route, includes in it: `"student/<int:year>/"`.
    #[must_use]
    pub fn route(&self) -> String {
        self.route.text()
    }

    /// The route's name, without namespaces.
    #[must_use]
    pub fn url_name(&self) -> Option<&'a str> {
        self.route.name()
    }

    /// The names of the applications, outermost first.
    pub fn app_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        named(self.route.levels.iter().map(|level| level.app_name.as_deref()))
    }

    /// The names of the instances, outermost first.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        named(self.route.levels.iter().map(|level| level.namespace.as_deref()))
    }

    /// The applications' names with colons between them.
    #[must_use]
    pub fn app_name(&self) -> String {
        self.app_names().collect::<Vec<_>>().join(":")
    }

    /// The instances' names with colons between them: what `current_app` of `reverse` wants.
    #[must_use]
    pub fn namespace(&self) -> String {
        self.namespaces().collect::<Vec<_>>().join(":")
    }

    /// Namespaces and name with colons between them, fit for `reverse`. A route without a name has its text there,
    /// where Django puts the view's dotted path.
    #[must_use]
    pub fn view_name(&self) -> String {
        let name = self.url_name().map_or_else(|| self.route.text(), str::to_owned);
        let mut parts: Vec<&str> = self.namespaces().collect();
        parts.push(&name);
        parts.join(":")
    }

    /// What its view is called in the code: `shop::views::buy` (Django's `_func_path`).
    #[must_use]
    pub const fn view(&self) -> &'static str {
        self.route.view()
    }

    /// What was captured without a name.
    #[must_use]
    pub fn args(&self) -> Vec<Value> {
        let last = self.route.levels.len().saturating_sub(1);
        let mut args = Vec::new();
        let mut span = 0;
        for (number, level) in self.route.levels.iter().enumerate() {
            for (group, found) in level.pattern.groups().iter().enumerate() {
                let source = Source::Group { level: number, group, span };
                span += 1;
                let dropped = number != last && self.has_kwargs_from(number);
                if found.name.is_none() && !dropped {
                    args.push(source.value(self.route, self.found, self.path).unwrap_or(Value::None));
                }
            }
        }
        args
    }

    /// What was captured by name, and the defaults.
    #[must_use]
    pub fn kwargs(&self) -> Vec<(&'a str, Value)> {
        self.bound(|_| true)
    }

    /// What the innermost pattern captured by name.
    #[must_use]
    pub fn captured_kwargs(&self) -> Vec<(&'a str, Value)> {
        let last = self.route.levels.len().saturating_sub(1);
        self.bound(|source| matches!(source, Source::Group { level, .. } if level == last))
    }

    /// The defaults of the route and its includes.
    #[must_use]
    pub fn extra_kwargs(&self) -> Vec<(&'a str, Value)> {
        let mut extra: Vec<(&'a str, Value)> = Vec::new();
        for (name, value) in self.route.levels.iter().flat_map(|level| &level.kwargs) {
            match extra.iter_mut().find(|(other, _)| other == name) {
                Some((_, old)) => *old = value.clone(),
                None => extra.push((name, value.clone())),
            }
        }
        extra
    }

    /// What goes to the view, in the order of its parameters; `Value::None` for what an optional group left out.
    #[must_use]
    pub fn arguments(&self) -> Vec<Value> {
        let value =
            |binding: &Binding| binding.value(self.route, self.found, self.path).unwrap_or(Value::None);
        self.route.bindings().iter().map(value).collect()
    }

    fn bound(&self, wanted: impl Fn(Source) -> bool) -> Vec<(&'a str, Value)> {
        let one = |binding: &'a Binding| {
            let sources = binding.sources.iter().filter(|&&source| wanted(source));
            let value = { sources }.find_map(|source| source.value(self.route, self.found, self.path))?;
            Some((binding.name.as_deref()?, value))
        };
        self.route.bindings().iter().filter_map(one).collect()
    }

    fn has_kwargs_from(&self, level: usize) -> bool {
        let there = |source: &Source| {
            source.level() >= level && source.value(self.route, self.found, self.path).is_some()
        };
        self.route
            .bindings()
            .iter()
            .any(|binding| binding.name.is_some() && binding.sources.iter().any(there))
    }
}

/// As Django filters them: levels without a name do not count.
fn named<'a>(names: impl Iterator<Item = Option<&'a str>>) -> impl Iterator<Item = &'a str> {
    names.flatten().filter(|name| !name.is_empty())
}
