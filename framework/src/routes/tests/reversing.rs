//! What `reverse` says of a name that it cannot make an address of; the words are Django's.

use std::panic::Location;

use crate::routes::converter::Converters;
use crate::routes::reverse::ReverseArgs;
use crate::routes::table::RouteTable;
use crate::routes::tree::{Declaration, Syntax, Target};
use crate::{args, kwargs};

fn declaration(text: &str, target: Target) -> Declaration {
    let text = text.to_owned();
    Declaration { text, syntax: Syntax::Path, kwargs: Vec::new(), place: Location::caller(), target }
}

fn route(text: &str, name: &str) -> Declaration {
    declaration(text, Target::Route { name: Some(name.to_owned()) })
}

fn include(
    text: &str,
    app_name: Option<&str>,
    namespace: Option<&str>,
    children: Vec<Declaration>,
) -> Declaration {
    let target = Target::Include {
        app_name: app_name.map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        children,
    };
    declaration(text, target)
}

fn table() -> RouteTable {
    let poll = || vec![route("", "index"), route("<int:pk>/", "detail")];
    let declarations = [
        route("a.b/<int:year>/<slug:slug>/", "archive"),
        route("a.b/<int:year>/", "archive"),
        include("one/", Some("polls"), Some("one"), poll()),
        include("two/", Some("polls"), Some("two"), poll()),
        include("deep/", Some("deep"), None, vec![include("in/", Some("polls"), None, poll())]),
        include("twice/<int:x>/", None, None, vec![route("<x>/", "twice")]),
    ];
    RouteTable::build(&declarations, &Converters::default()).0
}

#[test]
fn failures_are_told_in_djangos_words() {
    let table = table();
    let check = |name: &str, args: ReverseArgs, message: &str| {
        assert_eq!(table.reverse(name, args).unwrap_err().to_string(), message);
    };
    check(
        "nope",
        args![],
        "Reverse for 'nope' not found. 'nope' is not a valid view function or pattern name.",
    );
    check(
        "polls:nope",
        args![],
        "Reverse for 'nope' not found. 'nope' is not a valid view function or pattern name.",
    );
    check("nope:index", args![], "'nope' is not a registered namespace");
    check("deep:nope:index", args![], "'nope' is not a registered namespace inside 'deep'");
    let tried = r"2 pattern(s) tried: ['a\\.b/(?P<year>[0-9]+)/\\Z', 'a\\.b/(?P<year>[0-9]+)/(?P<slug>[-a-zA-Z0-9_]+)/\\Z']";
    check("archive", args![], &format!("Reverse for 'archive' with no arguments not found. {tried}"));
    check(
        "archive",
        args!["x"],
        &format!("Reverse for 'archive' with arguments '('x',)' not found. {tried}"),
    );
    check(
        "archive",
        args![1, "é", 2],
        &format!("Reverse for 'archive' with arguments '(1, 'é', 2)' not found. {tried}"),
    );
    check(
        "archive",
        kwargs! { year: -1, slug: "it's" },
        &format!(
            "Reverse for 'archive' with keyword arguments '{{'year': -1, 'slug': \"it's\"}}' not found. {tried}"
        ),
    );
    check("archive", args![1].kwarg("slug", "a"), "Don't mix *args and **kwargs in call to reverse()!");
    check(
        "twice",
        args![1],
        "Reverse for 'twice' with arguments '(1,)' not found. 1 pattern(s) tried: \
         ['twice/(?P<x>[0-9]+)/(?P<x>[^/]+)/\\\\Z']",
    );
}

#[test]
fn names_lead_through_namespaces() {
    let table = table();
    let check = |name: &str, args: ReverseArgs, address: &str| {
        assert_eq!(table.reverse(name, args).as_deref(), Ok(address), "{name}");
    };
    check("archive", args![2003], "/a.b/2003/");
    check("archive", args![2003, "x"], "/a.b/2003/x/");
    check("one:index", args![], "/one/");
    check("polls:index", args![], "/two/");
    check("polls:index", args![].current_app("one"), "/one/");
    check("polls:detail", kwargs! { pk: 5 }.current_app("elsewhere"), "/two/5/");
    check("deep:polls:detail", args![5], "/deep/in/5/");
    check("one:index", args![].script_name("/site"), "/site/one/");
    check("one:index", args![].script_name("/site/").query("a=1").fragment("x"), "/site/one/?a=1#x");
}
