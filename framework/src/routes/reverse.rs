//! Name to path (Django 5.2 `urls/base.py`, `reverse`, and `urls/resolvers.py`, `_reverse_with_prefix`).

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::routes::normal_form::{Form, Part};
use crate::routes::pattern::{Pattern, Spans};
use crate::routes::python_text::{python_repr, python_repr_text, python_str};
use crate::routes::table::{Route, Whole};
use crate::routes::tree::{Declaration, Target};
use crate::serialize::value::{Key, Value};

/// What `reverse` puts into a route: arguments by position or by name, never both.
///
/// Made by [`args!`](crate::args) and [`kwargs!`](crate::kwargs), or step by step:
///
/// ```
/// use nuages::routes::reverse::ReverseArgs;
///
/// let args = ReverseArgs::new().kwarg("year", 2003).current_app("alumni").fragment("top");
/// assert_eq!(args, nuages::kwargs! { year: 2003 }.current_app("alumni").fragment("top"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct ReverseArgs {
    args: Vec<Value>,
    kwargs: Vec<(String, Value)>,
    current_app: Option<String>,
    script_name: Option<String>,
    query: Option<String>,
    fragment: Option<String>,
}

/// Arguments by position, for `reverse`: `args![2003, "a-b"]`, `args![]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        $crate::routes::reverse::ReverseArgs::new()$(.arg($value))*
    };
}

/// Arguments by name, for `reverse`: `kwargs! { year: 2003, slug: "a-b" }`.
#[macro_export]
macro_rules! kwargs {
    ($($name:ident : $value:expr),* $(,)?) => {
        $crate::routes::reverse::ReverseArgs::new()$(.kwarg(stringify!($name), $value))*
    };
}

impl ReverseArgs {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more by position.
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// One more by name; the later of one name counts.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.kwargs.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.kwargs.push((name, value)),
        }
        self
    }

    /// The instance that a name of an application means, if it is one of its instances
    /// ([`ResolverMatch::namespace`](crate::routes::resolved::ResolverMatch::namespace) of the request).
    pub fn current_app(mut self, namespace: impl Into<String>) -> Self {
        self.current_app = Some(namespace.into());
        self
    }

    /// What stands before every path of the site (`FORCE_SCRIPT_NAME`); without it, nothing.
    pub fn script_name(mut self, prefix: impl Into<String>) -> Self {
        self.script_name = Some(prefix.into());
        self
    }

    /// The query: pairs and a `QueryDict` are urlencoded, text is one already, without its question mark. Nothing is added
    /// if it is empty.
    ///
    /// ```
    /// use nuages::http::query_dict::QueryDict;
    /// use nuages::routes::reverse::ReverseArgs;
    ///
    /// let dict: QueryDict = [("q", "Liège & Namur"), ("page", "2")].into_iter().collect();
    /// let text = ReverseArgs::new().query("q=Li%C3%A8ge+%26+Namur&page=2");
    /// assert_eq!(ReverseArgs::new().query([("q", "Liège & Namur"), ("page", "2")]), text);
    /// assert_eq!(ReverseArgs::new().query(&dict), text);
    /// ```
    pub fn query(mut self, query: impl Into<ReverseQuery>) -> Self {
        self.query = Some(query.into().0);
        self
    }

    /// The fragment, as it is and without the `#`.
    pub fn fragment(mut self, fragment: impl Into<String>) -> Self {
        self.fragment = Some(fragment.into());
        self
    }

    /// As Django's message shows them.
    fn describe(&self) -> String {
        let args: Vec<String> = self.args.iter().map(python_repr).collect();
        let kwargs: Vec<String> = self
            .kwargs
            .iter()
            .map(|(name, value)| format!("{}: {}", python_repr_text(name), python_repr(value)))
            .collect();
        match (args.as_slice(), kwargs.as_slice()) {
            ([], []) => "no arguments".to_owned(),
            ([one], _) => format!("arguments '({one},)'"),
            ([_, ..], _) => format!("arguments '({})'", args.join(", ")),
            ([], _) => format!("keyword arguments '{{{}}}'", kwargs.join(", ")),
        }
    }
}

/// The query of a reversed address: see [`ReverseArgs::query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReverseQuery(String);

impl From<&str> for ReverseQuery {
    fn from(query: &str) -> Self {
        Self(query.to_owned())
    }
}

impl From<String> for ReverseQuery {
    fn from(query: String) -> Self {
        Self(query)
    }
}

impl From<()> for ReverseArgs {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl From<Vec<Value>> for ReverseArgs {
    fn from(args: Vec<Value>) -> Self {
        Self { args, ..Self::new() }
    }
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReverseMatch {
    /// No namespace of that name.
    #[error(
        "{} is not a registered namespace{}",
        python_repr_text(.namespace),
        .inside.as_ref().map(|inside| format!(" inside '{inside}'")).unwrap_or_default()
    )]
    Namespace {
        /// The name.
        namespace: String,
        /// The namespaces before it, with colons between them.
        inside: Option<String>,
    },
    /// No route of that name.
    #[error("Reverse for '{name}' not found. '{name}' is not a valid view function or pattern name.")]
    Name {
        /// The name, without namespaces.
        name: String,
    },
    /// Routes of that name, but none for these arguments.
    #[error(
        "Reverse for '{name}' with {arguments} not found. {} pattern(s) tried: [{}]",
        .tried.len(),
        .tried.iter().map(|pattern| python_repr_text(pattern)).collect::<Vec<_>>().join(", ")
    )]
    Arguments {
        /// The name, without namespaces.
        name: String,
        /// The arguments, as Python writes them.
        arguments: String,
        /// The expressions of the routes that were tried.
        tried: Vec<String>,
    },
    /// Arguments by position and by name (Python's `ValueError`).
    #[error("Don't mix *args and **kwargs in call to reverse()!")]
    Mixed,
}

/// The names of the site: the root, and one scope for each namespace.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    scopes: Vec<Scope>,
}

#[derive(Debug, Default)]
struct Scope {
    /// The last declared first.
    names: HashMap<String, Vec<Candidate>>,
    /// Application to its instances, the last declared first.
    apps: HashMap<String, Vec<String>>,
    /// Instance to its scope: of two of one name, the first declared.
    namespaces: HashMap<String, usize>,
}

#[derive(Debug)]
struct Candidate {
    route: usize,
    /// The defaults of the route and of the includes between it and its scope; theirs win.
    defaults: Vec<(String, Value)>,
}

/// What a scope is entered with, on the way down.
struct Walk<'d> {
    scope: usize,
    /// The includes since the scope began, outermost first.
    includes: Vec<&'d Declaration>,
}

impl Scopes {
    pub(crate) fn new(declarations: &[Declaration]) -> Self {
        let mut scopes = Self { scopes: vec![Scope::default()] };
        let mut route = 0;
        scopes.add(declarations, &mut Walk { scope: 0, includes: Vec::new() }, &mut route);
        for scope in &mut scopes.scopes {
            scope.names.values_mut().for_each(|candidates| candidates.reverse());
            scope.apps.values_mut().for_each(|instances| instances.reverse());
        }
        scopes
    }

    fn add<'d>(&mut self, declarations: &'d [Declaration], walk: &mut Walk<'d>, route: &mut usize) {
        for declaration in declarations {
            match &declaration.target {
                Target::Route { name } => {
                    if let Some(name) = name {
                        let defaults = defaults(declaration, &walk.includes);
                        let candidate = Candidate { route: *route, defaults };
                        self.scopes[walk.scope].names.entry(name.clone()).or_default().push(candidate);
                    }
                    *route += 1;
                }
                Target::Include { app_name: Some(app_name), namespace, children } if !app_name.is_empty() => {
                    let inner = self.scopes.len();
                    self.scopes.push(Scope::default());
                    let instance = namespace.clone().unwrap_or_else(|| app_name.clone());
                    let scope = &mut self.scopes[walk.scope];
                    scope.apps.entry(app_name.clone()).or_default().push(instance.clone());
                    scope.namespaces.entry(instance).or_insert(inner);
                    self.add(children, &mut Walk { scope: inner, includes: Vec::new() }, route);
                }
                Target::Include { children, .. } => {
                    walk.includes.push(declaration);
                    self.add(children, walk, route);
                    walk.includes.pop();
                }
            }
        }
    }

    pub(crate) fn reverse(
        &self,
        routes: &[Route],
        name: &str,
        args: &ReverseArgs,
    ) -> Result<String, NoReverseMatch> {
        if !args.args.is_empty() && !args.kwargs.is_empty() {
            return Err(NoReverseMatch::Mixed);
        }
        let (namespaces, name) = match name.rsplit_once(':') {
            Some((namespaces, name)) => (Some(namespaces), name),
            None => (None, name),
        };
        let scope = self.enter(namespaces, args.current_app.as_deref())?;
        let candidates = scope.and_then(|scope| scope.names.get(name)).map_or(&[][..], Vec::as_slice);
        let script_name = args.script_name.as_deref().unwrap_or_default().trim_end_matches('/');
        for candidate in candidates {
            let Some(route) = routes.get(candidate.route) else { continue };
            if let Some(path) = route.whole.as_ref().and_then(|whole| candidate.path(whole, args)) {
                return Ok(address(&format!("{script_name}/{path}"), args));
            }
        }
        let name = name.to_owned();
        if candidates.is_empty() {
            return Err(NoReverseMatch::Name { name });
        }
        let tried =
            candidates.iter().filter_map(|candidate| routes.get(candidate.route)).map(Route::expression);
        Err(NoReverseMatch::Arguments { name, arguments: args.describe(), tried: tried.collect() })
    }

    /// The scope that the namespaces lead to.
    fn enter(
        &self,
        namespaces: Option<&str>,
        current_app: Option<&str>,
    ) -> Result<Option<&Scope>, NoReverseMatch> {
        let mut scope = self.scopes.first();
        let mut current = current_app.filter(|app| !app.is_empty()).map(|app| app.split(':'));
        let mut entered: Vec<&str> = Vec::new();
        for name in namespaces.into_iter().flat_map(|namespaces| namespaces.split(':')) {
            let current_instance = current.as_mut().and_then(Iterator::next);
            let mut instance = name;
            if let Some(instances) = scope.and_then(|scope| scope.apps.get(name)) {
                let is_one = |wanted: &str| instances.iter().any(|instance| instance == wanted);
                match (current_instance, instances.first()) {
                    (Some(current), _) if is_one(current) => instance = current,
                    (_, Some(last_declared)) if !is_one(name) => instance = last_declared,
                    _ => {}
                }
            }
            if current_instance != Some(instance) {
                current = None;
            }
            scope = scope.and_then(|scope| scope.namespaces.get(instance)).map(|&inner| &self.scopes[inner]);
            if scope.is_none() {
                let inside = (!entered.is_empty()).then(|| entered.join(":"));
                return Err(NoReverseMatch::Namespace { namespace: instance.to_owned(), inside });
            }
            entered.push(instance);
        }
        Ok(scope)
    }
}

/// `{**defaults of the route, **defaults of the include around it, …}`
fn defaults(route: &Declaration, includes: &[&Declaration]) -> Vec<(String, Value)> {
    let mut defaults = route.kwargs.clone();
    for (name, value) in includes.iter().rev().flat_map(|include| &include.kwargs) {
        match defaults.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value.clone(),
            None => defaults.push((name.clone(), value.clone())),
        }
    }
    defaults
}

impl Candidate {
    /// The decoded path, without the slash at its beginning, if the arguments fit and the route matches it again.
    fn path(&self, whole: &Whole, args: &ReverseArgs) -> Option<String> {
        whole.forms.iter().find_map(|form| {
            let given = self.given(form, args)?;
            let texts =
                given.iter().map(|&(name, value)| Some((name, text_of(&whole.pattern, name, value)?)));
            let texts: Vec<(&str, String)> = texts.collect::<Option<_>>()?;
            let mut path = String::new();
            for part in &form.parts {
                match part {
                    // Django substitutes with Python's `%`, so a route with one of its own cannot be reversed.
                    Part::Text(text) if text.contains('%') => return None,
                    Part::Text(text) => path.push_str(text),
                    // The last of a name counts, as in a dict made of pairs.
                    Part::Param(name) | Part::Again(name) => {
                        path.push_str(
                            texts.iter().rev().find(|(other, _)| other == name).map(|(_, text)| text)?,
                        );
                    }
                }
            }
            whole.pattern.find(&path, 0, &mut Spans::new()).map(|_| path)
        })
    }

    /// The values by name, if their number and names are right.
    fn given<'a>(&'a self, form: &'a Form, args: &'a ReverseArgs) -> Option<Vec<(&'a str, &'a Value)>> {
        if !args.args.is_empty() {
            let fits = form.params().count() == args.args.len();
            return fits.then(|| form.params().zip(&args.args).collect());
        }
        let is_param = |name: &str| form.params().any(|param| param == name);
        let default =
            |name: &str| self.defaults.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        let known = |(name, value): &(String, Value)| match default(name) {
            Some(default) => is_param(name) || python_equal(value, default),
            None => is_param(name),
        };
        let fits = args.kwargs.iter().all(known);
        fits.then(|| args.kwargs.iter().map(|(name, value)| (name.as_str(), value)).collect())
    }
}

/// The text of a value in an address: the converter's, or what `str()` writes.
fn text_of(pattern: &Pattern, name: &str, value: &Value) -> Option<String> {
    let group = pattern.groups().iter().find(|group| group.name.as_deref() == Some(name));
    match group.and_then(|group| group.conversion.as_ref()) {
        Some(conversion) => conversion.to_url(value),
        None => python_str(value),
    }
}

/// Python's `==`, as far as defaults need it: `1 == 1.0 == True`.
fn python_equal(a: &Value, b: &Value) -> bool {
    match (Key::try_from(a.clone()), Key::try_from(b.clone())) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Everything that RFC 3986 allows in a path stays (`pchar` and `/`); the rest, `%` in it, is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The path escaped, with query and fragment. Two slashes at the beginning would lead to another host, so the second
/// is escaped.
fn address(path: &str, args: &ReverseArgs) -> String {
    let mut out: String = utf8_percent_encode(path, ESCAPED).collect();
    if out.starts_with("//") {
        out.replace_range(1..2, "%2F");
    }
    if let Some(query) = args.query.as_deref().filter(|query| !query.is_empty()) {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = &args.fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}
