//! The declarations, held against the views, become the table of routes and the views behind it.

use std::panic::Location;

use crate::checks::CheckMessage;
use crate::routes::converter::{Converters, Kind};
use crate::routes::table::{Captured, Check, Route, RouteTable};
use crate::routes::tree::{Declaration, Target};
use crate::urls::declare::{Common, Entry, Urls};
use crate::urls::param::Parameter;
use crate::urls::views::{AnyView, Views};

/// A URLconf, ready for requests.
#[derive(Debug)]
#[must_use]
pub struct Compiled {
    /// Path to route, name to path.
    pub table: RouteTable,
    /// The view of each route.
    pub views: Views,
    /// All that is wrong: Django's warnings, and errors that must stop the start. `urls.W002` is among them whatever
    /// `APPEND_SLASH` says; Django leaves it out where that is off.
    pub messages: Vec<CheckMessage>,
}

/// Builds a URLconf.
///
/// ```
/// # use nuages::{error::Result, http::{request::HttpRequest, response::HttpResponse}, urls};
/// # use nuages::urls::{compile::compile, declare::path};
/// async fn archive(_request: HttpRequest, year: u32, slug: String) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(format!("{year}: {slug}")))
/// }
/// let site = compile(urls![path("<int:year>/", archive)]);
/// assert_eq!(
///     site.messages[0].message,
///     "The route '<int:year>/' captures (year: int), but its view takes (u32, String)."
/// );
/// ```
pub fn compile(urls: Urls) -> Compiled {
    let (mut views, mut converters, mut messages) = (Vec::new(), Converters::default(), Vec::new());
    let declarations = declarations(urls, &mut views, &mut converters, &mut messages);
    let (mut table, faults) = RouteTable::build(&declarations, &converters);
    messages.extend(faults);
    for (number, view) in views.iter().enumerate() {
        let parameters = view.parameters();
        table.set_view(number, view.name());
        let compared = table.routes().get(number).map(|route| compare(route, &parameters));
        match compared {
            Some(Ok(checks)) => table.set_checks(number, checks),
            Some(Err(message)) => messages.push(message),
            None => {}
        }
    }
    messages.extend(shared_namespaces(&declarations));
    Compiled { table, views: Views::new(views), messages }
}

fn declarations(
    urls: Urls,
    views: &mut Vec<AnyView>,
    converters: &mut Converters,
    messages: &mut Vec<CheckMessage>,
) -> Vec<Declaration> {
    for own in urls.converters {
        if let Err(error) = converters.register(&own.name, own.converter) {
            messages.push(CheckMessage::error("nuages.E204", error.to_string()).object(at(own.place)));
        }
    }
    let mut out = Vec::with_capacity(urls.entries.len());
    for entry in urls.entries {
        out.push(match entry {
            Entry::Path(path) => {
                views.push(path.view);
                declaration(path.common, Target::Route { name: path.name })
            }
            Entry::Include(include) => {
                let (app_name, namespace) = (include.urls.app_name.clone(), include.urls.namespace.clone());
                let children = declarations(include.urls, views, converters, messages);
                declaration(include.common, Target::Include { app_name, namespace, children })
            }
        });
    }
    out
}

fn declaration(common: Common, target: Target) -> Declaration {
    let Common { text, syntax, kwargs, place } = common;
    Declaration { text, syntax, kwargs, place, target }
}

fn at(place: &Location<'_>) -> String {
    format!("{}:{}", place.file(), place.line())
}

/// Holds what a route captures against what its view takes: what matching must ask the parameters, or the fault.
fn compare(route: &Route, parameters: &[Parameter]) -> Result<Vec<(usize, Check)>, CheckMessage> {
    if route.is_at_fault() {
        return Ok(Vec::new());
    }
    let captured: Vec<Captured<'_>> = route.captured().collect();
    let fits = |(given, parameter): (&Captured<'_>, &Parameter)| (parameter.holds)(given.kind);
    let left = parameters.get(captured.len()..);
    let enough = left.is_some_and(|left| left.iter().all(Parameter::is_optional));
    if enough && captured.iter().zip(parameters).all(fits) {
        let asked = |(number, (given, parameter)): (usize, (&Captured<'_>, &Parameter))| {
            (given.optional || !parameter.total).then_some((number, parameter.check))
        };
        return Ok(captured.iter().zip(parameters).enumerate().filter_map(asked).collect());
    }
    let takes: Vec<String> = parameters.iter().map(Parameter::short_name).collect();
    let captures: Vec<String> =
        captured.iter().map(|one| format!("{}: {}", one.name.unwrap_or("_"), one.kind)).collect();
    let right: Vec<String> = captured
        .iter()
        .map(|one| format!(", {}: {}", one.name.unwrap_or("_"), rust_type(one.kind)))
        .collect();
    let name = route.name().map(|name| format!(" [name='{name}']")).unwrap_or_default();
    Err(CheckMessage::error(
        "nuages.E203",
        format!(
            "The route '{}'{name} captures {}, but its view takes {}.",
            route.text(),
            in_words(&captures),
            in_words(&takes),
        ),
    )
    .hint(format!(
        "A view of this route is `async fn(request: HttpRequest{}) -> Result<HttpResponse>`.",
        right.concat()
    ))
    .object(at(route.place())))
}

fn in_words(list: &[String]) -> String {
    if list.is_empty() { "nothing".to_owned() } else { format!("({})", list.join(", ")) }
}

/// A type that holds it, for the hint.
const fn rust_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "i64",
        Kind::Str => "String",
        Kind::Uuid => "Uuid",
        Kind::Bool => "bool",
        Kind::None => "Option<String>",
        Kind::Other(_) => "Value",
    }
}

/// Django's urls.W005 (Django 5.2 `core/checks/urls.py`).
fn shared_namespaces(declarations: &[Declaration]) -> Vec<CheckMessage> {
    let mut found: Vec<(String, usize)> = Vec::new();
    collect_namespaces(declarations, "", &mut found);
    let shared = found.into_iter().filter(|(_, count)| *count > 1);
    shared
        .map(|(namespace, _)| {
            CheckMessage::warning(
                "urls.W005",
                format!(
                    "URL namespace '{namespace}' isn't unique. You may not be able to reverse all URLs in this \
                     namespace"
                ),
            )
        })
        .collect()
}

fn collect_namespaces(declarations: &[Declaration], parents: &str, found: &mut Vec<(String, usize)>) {
    for declaration in declarations {
        let Target::Include { app_name, namespace, children } = &declaration.target else { continue };
        match namespace.as_ref().or(app_name.as_ref()) {
            None => collect_namespaces(children, parents, found),
            Some(namespace) => {
                let full =
                    if parents.is_empty() { namespace.clone() } else { format!("{parents}:{namespace}") };
                match found.iter_mut().find(|(other, _)| *other == full) {
                    Some((_, count)) => *count += 1,
                    None => found.push((full.clone(), 1)),
                }
                collect_namespaces(children, &full, found);
            }
        }
    }
}
