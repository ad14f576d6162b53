//! `path`, `include`, `urls!`: the words of a URLconf.

use std::fmt;
use std::panic::Location;

use crate::routes::converter::Converter;
use crate::routes::tree::Syntax;
use crate::serialize::value::Value;
use crate::urls::view::View;
use crate::urls::views::AnyView;

/// A route that leads to a view (Django's `path`).
///
/// The text is matched from the beginning of what is left of the path to its very end. `<int:year>` captures;
/// `<name>` is `<str:name>`. The converters are `int`, `str` (anything but a slash), `slug`, `uuid` and `path` (slashes
/// too), and those that [`Urls::converter`] adds.
///
/// ```
/// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}};
/// # use nuages::urls::declare::path;
/// async fn archive(_request: HttpRequest, year: u32) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(format!("{year}")))
/// }
/// path("<int:year>/", archive).name("archive");
/// // What is not captured can be given: the view is asked for this year.
/// path("now/", archive).kwarg("year", 2026).name("now");
/// ```
#[track_caller]
pub fn path<Args: 'static>(route: impl Into<String>, view: impl View<Args>) -> Path {
    Path {
        common: Common::new(route.into(), Syntax::Path, Location::caller()),
        debug_only: false,
        name: None,
        view: AnyView::new(view),
    }
}

/// A route of a regular expression that leads to a view (Django's `re_path`).
///
/// Named groups go to the view, each as a `String`; if there is none, the unnamed ones do. A group that need not match
/// is an `Option<String>`. Without `^` the expression is searched for in what is left of the path, without `$` anything
/// may follow. The expressions are those of the [`regex`] crate: no look-around and no back-references.
///
/// ```
/// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}};
/// # use nuages::urls::declare::re_path;
/// async fn year(_request: HttpRequest, year: String) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(year))
/// }
/// re_path("^(?P<year>[0-9]{4})/$", year).name("year");
/// ```
#[track_caller]
pub fn re_path<Args: 'static>(route: impl Into<String>, view: impl View<Args>) -> Path {
    Path {
        common: Common::new(route.into(), Syntax::Regex, Location::caller()),
        debug_only: false,
        name: None,
        view: AnyView::new(view),
    }
}

/// A prefix and the URLs that follow it (Django's `path(route, include(…))`).
///
/// What the prefix captures goes to every view behind it, before what they capture themselves.
///
/// ```
/// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}, urls};
/// # use nuages::urls::{compile::compile, declare::{Urls, include, path}};
/// async fn post(_request: HttpRequest, tenant: u32, slug: String) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(format!("{slug} of {tenant}")))
/// }
/// fn blog() -> Urls {
///     urls![path("<slug:slug>/", post).name("post")].app_name("blog")
/// }
/// // Twice the same application: each instance has a namespace of its own.
/// let site = compile(urls![
///     include("a/<int:tenant>/", blog().namespace("a")),
///     include("b/<int:tenant>/", blog()).namespace("b"),
/// ]);
/// assert_eq!(site.table.reverse("b:post", nuages::args![1, "x"]).as_deref(), Ok("/b/1/x/"));
/// ```
#[track_caller]
pub fn include(route: impl Into<String>, urls: Urls) -> Include {
    Include { common: Common::new(route.into(), Syntax::Path, Location::caller()), urls }
}

/// A prefix of a regular expression and the URLs that follow it (Django's `re_path(route, include(…))`).
#[track_caller]
pub fn re_include(route: impl Into<String>, urls: Urls) -> Include {
    Include { common: Common::new(route.into(), Syntax::Regex, Location::caller()), urls }
}

/// The URLs of an application or a site, in the order in which they are tried.
///
/// Made by [`urls!`](crate::urls!).
#[derive(Debug, Default)]
#[must_use]
pub struct Urls {
    pub(crate) entries: Vec<Entry>,
    pub(crate) app_name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) converters: Vec<OwnConverter>,
}

/// The URLs of an application or a site: `urls![path("", index), include("shop/", shop::urls())]`.
#[macro_export]
macro_rules! urls {
    ($($entry:expr),* $(,)?) => {
        $crate::urls::declare::Urls::from_iter([$($crate::urls::declare::Entry::from($entry)),*])
    };
}

impl Urls {
    /// The application's name, for `reverse("student:archive")` (Django's `app_name`).
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = Some(name.into());
        self
    }

    /// The name of this instance of the application, where it is included more than once (Django's
    /// `include(…, namespace=…)`). Without it, the instance has the application's name.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = Some(name.into());
        self
    }

    /// Without the routes that are not there under that `DEBUG`.
    pub(crate) fn under_debug(mut self, debug: bool) -> Self {
        self.entries.retain(|entry| debug || !matches!(entry, Entry::Path(path) if path.debug_only));
        for entry in &mut self.entries {
            if let Entry::Include(include) = entry {
                include.urls = std::mem::take(&mut include.urls).under_debug(debug);
            }
        }
        self
    }

    /// Adds a converter, for every route of the site (Django's `register_converter`).
    #[track_caller]
    pub fn converter(mut self, name: impl Into<String>, converter: impl Converter) -> Self {
        let (name, place) = (name.into(), Location::caller());
        self.converters.push(OwnConverter { name, converter: Box::new(converter), place });
        self
    }
}

impl FromIterator<Entry> for Urls {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }
}

/// Another list of URLs behind this one; it keeps its own name.
impl Extend<Entry> for Urls {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        self.entries.extend(entries);
    }
}

/// One entry of [`Urls`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Entry {
    /// A route to a view.
    Path(Path),
    /// A prefix and what follows it.
    Include(Include),
}

impl From<Path> for Entry {
    fn from(path: Path) -> Self {
        Self::Path(path)
    }
}

impl From<Include> for Entry {
    fn from(include: Include) -> Self {
        Self::Include(include)
    }
}

/// A route to a view: see [`path()`].
#[derive(Debug)]
#[must_use]
pub struct Path {
    pub(crate) common: Common,
    pub(crate) debug_only: bool,
    pub(crate) name: Option<String>,
    pub(crate) view: AnyView,
}

impl Path {
    /// The name for `reverse`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The route is there under `DEBUG` alone; without it, the site is as if it had not been written.
    pub const fn debug_only(mut self) -> Self {
        self.debug_only = true;
        self
    }

    /// Something for the view beside what is captured, or in place of a capture of that name.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.common.kwarg(name.into(), value.into());
        self
    }
}

/// A prefix and what follows it: see [`include()`].
#[derive(Debug)]
#[must_use]
pub struct Include {
    pub(crate) common: Common,
    pub(crate) urls: Urls,
}

impl Include {
    /// The name of this instance of the application (Django's `include(…, namespace=…)`): as [`Urls::namespace`].
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.urls.namespace = Some(name.into());
        self
    }

    /// Something for every view behind the prefix, in place of what the prefix captures by that name.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.common.kwarg(name.into(), value.into());
        self
    }
}

/// What routes and includes have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) text: String,
    pub(crate) syntax: Syntax,
    pub(crate) kwargs: Vec<(String, Value)>,
    pub(crate) place: &'static Location<'static>,
}

impl Common {
    pub(crate) const fn new(text: String, syntax: Syntax, place: &'static Location<'static>) -> Self {
        Self { text, syntax, kwargs: Vec::new(), place }
    }

    fn kwarg(&mut self, name: String, value: Value) {
        match self.kwargs.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.kwargs.push((name, value)),
        }
    }
}

pub(crate) struct OwnConverter {
    pub(crate) name: String,
    pub(crate) converter: Box<dyn Converter>,
    pub(crate) place: &'static Location<'static>,
}

impl fmt::Debug for OwnConverter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnConverter").field(&self.name).finish()
    }
}
