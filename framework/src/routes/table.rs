//! Every route of the site: path to route, name to path.

use std::panic::Location;
use std::sync::Arc;

use crate::checks::CheckMessage;
use crate::routes::converter::{Converters, Kind};
use crate::routes::index::Index;
use crate::routes::normal_form::{Form, forms};
use crate::routes::pattern::{Ending, Pattern, Spans, python_source};
use crate::routes::resolved::{ResolverMatch, RouteMatch};
use crate::routes::reverse::{NoReverseMatch, ReverseArgs, Scopes};
use crate::routes::route::{self, Piece, RouteFault};
use crate::routes::tree::{Declaration, Syntax, Target};
use crate::serialize::value::Value;

/// The table of routes.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    index: Index,
    scopes: Scopes,
}

/// One route of the table: what leads to one view.
#[derive(Debug)]
pub struct Route {
    /// The includes that lead here, outermost first, and at the end the route itself.
    pub(crate) levels: Vec<Arc<Level>>,
    /// All levels as one, for `reverse`; `None` if that cannot be, since one name is captured twice.
    pub(crate) whole: Option<Whole>,
    pub(crate) name: Option<String>,
    bindings: Vec<Binding>,
    checks: Vec<(usize, Check)>,
    place: &'static Location<'static>,
    view: &'static str,
}

/// The levels of a route as one, for `reverse`.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) pattern: Pattern,
    /// The addresses that it stands for, with places for parameters.
    pub(crate) forms: Vec<Form>,
}

/// A route or an include by itself.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) text: String,
    pub(crate) pattern: Pattern,
    pub(crate) kwargs: Vec<(String, Value)>,
    pub(crate) app_name: Option<String>,
    pub(crate) namespace: Option<String>,
    at_fault: bool,
}

/// One thing that goes to the view: a captured part of the path, or a default.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// `None`: by position.
    pub(crate) name: Option<String>,
    /// Where it comes from: the first that is there.
    pub(crate) sources: Vec<Source>,
}

/// Where a [`Binding`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A group, of a level, at this place among all spans.
    Group { level: usize, group: usize, span: usize },
    /// A default of a level.
    Default { level: usize, index: usize },
}

/// What a view's parameter says of a value: `false` makes the route no match, and the next one is tried.
pub(crate) type Check = fn(Value) -> bool;

/// What a route hands to its view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured<'t> {
    /// Its name; `None` for an unnamed group of a `re_path`.
    pub name: Option<&'t str>,
    /// The kind of its value.
    pub kind: Kind,
    /// Can it be absent (`Value::None`)?
    pub optional: bool,
}

impl RouteTable {
    /// Builds the table, and says what is wrong with the routes: Django's warnings, and errors for what Django refuses.
    ///
    /// Routes have the numbers of their order, those in an include in its place. A route at fault keeps its number.
    #[must_use]
    pub fn build(declarations: &[Declaration], converters: &Converters) -> (Self, Vec<CheckMessage>) {
        let mut builder = Builder { table: Self::default(), messages: Vec::new(), converters };
        builder.add(declarations, &mut Vec::new());
        let Builder { mut table, messages, .. } = builder;
        table.index =
            Index::new(table.routes.iter().map(Route::pieces).collect::<Vec<_>>().iter().map(Vec::as_slice));
        table.scopes = Scopes::new(declarations);
        (table, messages)
    }

    /// The first route, in declared order, that matches a path with its slash at the beginning.
    ///
    /// Django's `resolve`, for a decoded path (`request.path_info`). The answer is small and owned, so that a request
    /// can keep it; [`RouteTable::describe`] tells what it means.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<RouteMatch> {
        if !path.starts_with('/') {
            return None;
        }
        self.first_match(path, self.index.candidates(path).iter().copied())
    }

    /// All that is known of a match that [`RouteTable::resolve`] found for this path.
    #[must_use]
    pub fn describe<'a>(&'a self, found: &'a RouteMatch, path: &'a str) -> Option<ResolverMatch<'a>> {
        Some(ResolverMatch { route: self.routes.get(found.route())?, found, path })
    }

    /// The same of a match that is known to be this table's.
    pub(crate) fn of_own<'a>(&'a self, found: &'a RouteMatch, path: &'a str) -> ResolverMatch<'a> {
        ResolverMatch { route: &self.routes[found.route()], found, path }
    }

    /// The address of a named route (Django's `reverse`).
    ///
    /// ```
    /// use nuages::routes::table::RouteTable;
    /// use nuages::{args, kwargs};
    /// # use nuages::http::{request::HttpRequest, response::HttpResponse};
    /// # use nuages::urls::{compile::compile, declare::{include, path}};
    /// # use nuages::{error::Result, urls};
    /// # async fn archive(_: HttpRequest, _year: u32, _slug: String) -> Result<HttpResponse> {
    /// #     Ok(HttpResponse::new(""))
    /// # }
    /// # let student = urls![path("<int:year>/<slug:slug>/", archive).name("archive")].app_name("student");
    /// # let routes: RouteTable = compile(urls![include("student/", student)]).table;
    /// let address = routes.reverse("student:archive", args![2003, "a-b"])?;
    /// assert_eq!(address, "/student/2003/a-b/");
    /// assert_eq!(routes.reverse("student:archive", kwargs! { year: 2003, slug: "a-b" })?, address);
    /// # Ok::<(), nuages::routes::reverse::NoReverseMatch>(())
    /// ```
    ///
    /// # Errors
    /// [`NoReverseMatch`], with Django's words for what was tried.
    pub fn reverse(&self, name: &str, args: impl Into<ReverseArgs>) -> Result<String, NoReverseMatch> {
        self.scopes.reverse(&self.routes, name, &args.into())
    }

    /// The routes, each at its number.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Holds what goes to the view of a route against what its parameters take.
    pub(crate) fn set_view(&mut self, route: usize, view: &'static str) {
        if let Some(route) = self.routes.get_mut(route) {
            route.view = view;
        }
    }

    pub(crate) fn set_checks(&mut self, route: usize, checks: Vec<(usize, Check)>) {
        if let Some(route) = self.routes.get_mut(route) {
            route.checks = checks;
        }
    }

    /// How many routes are tried for a path, if none matches.
    #[cfg(test)]
    pub(crate) fn candidates(&self, path: &str) -> usize {
        self.index.candidates(path).len()
    }

    /// What [`RouteTable::resolve`] must give: every route in turn.
    #[cfg(test)]
    pub(crate) fn scan(&self, path: &str) -> Option<RouteMatch> {
        if !path.starts_with('/') {
            return None;
        }
        self.first_match(path, 0..self.routes.len())
    }

    fn first_match(&self, path: &str, candidates: impl Iterator<Item = usize>) -> Option<RouteMatch> {
        let mut spans = Spans::new();
        for number in candidates {
            spans.clear();
            let route = &self.routes[number];
            if route.matches(path, &mut spans) {
                let found = RouteMatch::new(number, spans.clone());
                let passes = |&(binding, check): &(usize, Check)| {
                    check(route.bindings[binding].value(route, &found, path).unwrap_or(Value::None))
                };
                if route.checks.iter().all(passes) {
                    return Some(found);
                }
            }
        }
        None
    }
}

impl Route {
    /// The whole text, as Django's `ResolverMatch.route` has it: joined, without the `^` of what is included.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for level in &self.levels {
            let text = level.text.as_str();
            out.push_str(if out.is_empty() { text } else { text.strip_prefix('^').unwrap_or(text) });
        }
        out
    }

    /// The name for `reverse`, without namespaces.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What its view is called in the code; empty in a table without views.
    #[must_use]
    pub const fn view(&self) -> &'static str {
        self.view
    }

    /// Where the site's source declares it.
    #[must_use]
    pub const fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// What goes to the view, in the order of its parameters: what is captured, then the defaults.
    pub fn captured(&self) -> impl Iterator<Item = Captured<'_>> {
        self.bindings.iter().map(|binding| Captured {
            name: binding.name.as_deref(),
            kind: binding.sources.first().map_or(Kind::None, |&source| self.kind(source)),
            optional: binding.sources.iter().all(|&source| self.is_optional(source)),
        })
    }

    /// The expression that Django would try in `reverse`.
    pub(crate) fn expression(&self) -> String {
        expression(&self.levels)
    }

    /// Was something wrong with its text, or that of an include around it?
    pub(crate) fn is_at_fault(&self) -> bool {
        self.levels.iter().any(|level| level.at_fault)
    }

    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    fn kind(&self, source: Source) -> Kind {
        match source {
            Source::Group { level, group, .. } => {
                let group = &self.levels[level].pattern.groups()[group];
                group.conversion.as_ref().map_or(Kind::Str, |conversion| conversion.kind())
            }
            Source::Default { level, index } => Kind::from(&self.levels[level].kwargs[index].1),
        }
    }

    fn is_optional(&self, source: Source) -> bool {
        match source {
            Source::Group { level, group, .. } => self.levels[level].pattern.groups()[group].optional,
            Source::Default { .. } => false,
        }
    }

    /// Each level takes its part for good, as Django does: what an include has matched is not given back.
    fn matches(&self, path: &str, spans: &mut Spans) -> bool {
        let mut at = 1;
        self.levels.iter().all(|level| match level.pattern.find(path, at, spans) {
            Some(end) => {
                at = end;
                true
            }
            None => false,
        })
    }

    fn pieces(&self) -> Vec<Piece> {
        self.levels.iter().flat_map(|level| level.pattern.pieces().iter().cloned()).collect()
    }
}

/// What goes to the view, and from where: `{**captured, **defaults}` of each level, updated by the level below it
/// (Django 5.2 `urls/resolvers.py`, `URLResolver.resolve`).
fn bindings(levels: &[Arc<Level>]) -> Vec<Binding> {
    let mut named: Vec<Binding> = Vec::new();
    let mut bind =
        |name: &str, source: Source| match named.iter_mut().find(|b| b.name.as_deref() == Some(name)) {
            Some(binding) => binding.sources.insert(0, source),
            None => named.push(Binding { name: Some(name.to_owned()), sources: vec![source] }),
        };
    let mut positional = Vec::new();
    let mut span = 0;
    for (number, level) in levels.iter().enumerate() {
        for (group, found) in level.pattern.groups().iter().enumerate() {
            let source = Source::Group { level: number, group, span };
            span += 1;
            match &found.name {
                Some(name) => bind(name, source),
                None => positional.push(Binding { name: None, sources: vec![source] }),
            }
        }
        for (index, (name, _)) in level.kwargs.iter().enumerate() {
            bind(name, Source::Default { level: number, index });
        }
    }
    // Any name drops the positional ones of the includes, but not those of the route itself.
    if !named.is_empty() {
        let last = levels.len().saturating_sub(1);
        positional.retain(|binding| binding.sources.iter().all(|source| source.level() == last));
    }
    positional.append(&mut named);
    positional
}

impl Binding {
    /// The value, if any of its sources has one.
    pub(crate) fn value(&self, route: &Route, found: &RouteMatch, path: &str) -> Option<Value> {
        self.sources.iter().find_map(|&source| source.value(route, found, path))
    }
}

impl Source {
    pub(crate) const fn level(self) -> usize {
        match self {
            Self::Group { level, .. } | Self::Default { level, .. } => level,
        }
    }

    pub(crate) fn value(self, route: &Route, found: &RouteMatch, path: &str) -> Option<Value> {
        match self {
            Self::Group { level, group, span } => {
                let text = path.get(found.span(span)?.range())?;
                match &route.levels[level].pattern.groups()[group].conversion {
                    Some(conversion) => conversion.to_value(text),
                    None => Some(Value::Str(text.to_owned())),
                }
            }
            Self::Default { level, index } => Some(route.levels[level].kwargs[index].1.clone()),
        }
    }
}

/// The table while it is made.
struct Builder<'c> {
    table: RouteTable,
    messages: Vec<CheckMessage>,
    converters: &'c Converters,
}

impl Builder<'_> {
    fn add(&mut self, declarations: &[Declaration], above: &mut Vec<Arc<Level>>) {
        for declaration in declarations {
            let level = Arc::new(self.level(declaration));
            above.push(Arc::clone(&level));
            match &declaration.target {
                Target::Route { name } => self.add_route(declaration, name.clone(), above.clone()),
                Target::Include { children, .. } => self.add(children, above),
            }
            above.pop();
        }
    }

    fn add_route(&mut self, declaration: &Declaration, name: Option<String>, levels: Vec<Arc<Level>>) {
        let bindings = bindings(&levels);
        let whole = whole(&levels);
        self.table.routes.push(Route {
            levels,
            whole,
            name,
            bindings,
            checks: Vec::new(),
            place: declaration.place,
            view: "",
        });
    }

    fn level(&mut self, declaration: &Declaration) -> Level {
        self.messages.extend(warnings(declaration));
        let mut at_fault = false;
        let pieces = match declaration.syntax {
            Syntax::Path => {
                let (pieces, faults) = route::parse(&declaration.text, self.converters);
                at_fault = !faults.is_empty();
                faults.iter().for_each(|fault| self.fault(declaration, fault));
                pieces
            }
            Syntax::Regex => vec![Piece::Regex(declaration.text.clone())],
        };
        let (ending, app_name, namespace) = match &declaration.target {
            Target::Route { .. } => (Ending::Path, None, None),
            Target::Include { app_name, namespace, .. } => {
                if let (Some(namespace), None) = (namespace, app_name) {
                    self.messages.push(
                        CheckMessage::error(
                            "nuages.E202",
                            format!(
                                "The include {} has the namespace '{namespace}' without an app_name.",
                                declaration.describe()
                            ),
                        )
                        .hint("Give the included urls an .app_name(\"…\"); the namespace names one instance of it.")
                        .object(declaration.at()),
                    );
                }
                let instance = app_name.as_ref().and(namespace.clone().or_else(|| app_name.clone()));
                (Ending::Open, app_name.clone(), instance)
            }
        };
        let pattern = Pattern::new(pieces, ending).unwrap_or_else(|fault| {
            at_fault = true;
            self.fault(declaration, &fault);
            Pattern::nothing(ending)
        });
        let (text, kwargs) = (declaration.text.clone(), declaration.kwargs.clone());
        Level { text, pattern, kwargs, app_name, namespace, at_fault }
    }

    fn fault(&mut self, declaration: &Declaration, fault: &RouteFault) {
        let message = CheckMessage::error("nuages.E201", fault.to_string()).object(declaration.at());
        self.messages.push(message);
    }
}

/// The levels as one pattern.
fn whole(levels: &[Arc<Level>]) -> Option<Whole> {
    let mut names: Vec<&str> = Vec::new();
    for group in levels.iter().flat_map(|level| level.pattern.groups()) {
        match group.name.as_deref() {
            Some(name) if names.contains(&name) => return None,
            Some(name) => names.push(name),
            None => {}
        }
    }
    let pieces = levels.iter().flat_map(|level| level.pattern.pieces().iter().cloned()).collect();
    Some(Whole { pattern: Pattern::new(pieces, Ending::Joined).ok()?, forms: forms(&expression(levels)) })
}

/// The expressions of the levels, joined.
fn expression(levels: &[Arc<Level>]) -> String {
    let pieces: Vec<Piece> = levels.iter().flat_map(|level| level.pattern.pieces().iter().cloned()).collect();
    python_source(&pieces, Ending::Joined)
}

/// Django's warnings for one declaration (Django 5.2 `urls/resolvers.py`, `CheckURLMixin`, `RoutePattern.check`).
fn warnings(declaration: &Declaration) -> Vec<CheckMessage> {
    let text = declaration.text.as_str();
    let described = declaration.describe();
    let mut found = Vec::new();
    if let Target::Route { name: Some(name) } = &declaration.target
        && name.contains(':')
    {
        found.push(CheckMessage::warning(
            "urls.W003",
            format!(
                "Your URL pattern {described} has a name including a ':'. Remove the colon, to avoid ambiguous \
                 namespace references."
            ),
        ));
    }
    let include = matches!(declaration.target, Target::Include { .. });
    // Django looks at its expression, in which the route of a view never ends in a slash.
    let begins_with_slash = match declaration.syntax {
        Syntax::Path => text.starts_with('/') && !(include && text.ends_with('/')),
        Syntax::Regex => {
            ["/", "^/", "^\\/"].iter().any(|start| text.starts_with(start)) && !text.ends_with('/')
        }
    };
    if begins_with_slash {
        found.push(CheckMessage::warning(
            "urls.W002",
            format!(
                "Your URL pattern {described} has a route beginning with a '/'. Remove this slash as it is \
                 unnecessary. If this pattern is targeted in an include(), ensure the include() pattern has a \
                 trailing '/'."
            ),
        ));
    }
    match declaration.syntax {
        Syntax::Path => {
            for bracket in route::unmatched_brackets(text) {
                found.push(CheckMessage::warning(
                    "urls.W010",
                    format!("Your URL pattern {described} has an unmatched '{bracket}' bracket."),
                ));
            }
            if text.contains("(?P<") || text.starts_with('^') || text.ends_with('$') {
                found.push(CheckMessage::warning(
                    "2_0.W001",
                    format!(
                        "Your URL pattern {described} has a route that contains '(?P<', begins with a '^', or ends \
                         with a '$'. This was likely an oversight when migrating to django.urls.path()."
                    ),
                ));
            }
        }
        Syntax::Regex => {
            if include && text.ends_with('$') && !text.ends_with("\\$") {
                found.push(CheckMessage::warning(
                    "urls.W001",
                    format!(
                        "Your URL pattern {described} uses include with a route ending with a '$'. Remove the dollar \
                         from the route to avoid problems including URLs."
                    ),
                ));
            }
        }
    }
    found.into_iter().map(|message| message.object(declaration.at())).collect()
}
