//! Django 5.2.19's own answers: one URLconf, paths resolved in it, names reversed in it, texts converted.

/// Those of the URLconf, which the site of `tests/http_conformance` has too.
#[path = "../../../../tests/http_exerciser/src/converters.rs"]
mod converters;

use std::panic::Location;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::converters::{Hex, List, Year};
use crate::routes::converter::{Conversion, Converters};
use crate::routes::pattern::{Ending, Pattern, Spans};
use crate::routes::python_text::python_str;
use crate::routes::resolved::ResolverMatch;
use crate::routes::reverse::ReverseArgs;
use crate::routes::route::Piece;
use crate::routes::table::RouteTable;
use crate::routes::tree::{Declaration, Syntax, Target};
use crate::serialize::value::{Dict, Key, Value};
use crate::serialize::vectors::{load, text};

fn converters() -> Converters {
    let mut converters = Converters::default();
    converters.register("hex", Box::new(Hex)).unwrap();
    converters.register("yyyy", Box::new(Year)).unwrap();
    converters.register("list", Box::new(List)).unwrap();
    converters
}

fn table() -> RouteTable {
    let entries = load("url_routes", "cases");
    let declarations: Vec<Declaration> = entries.iter().map(declaration).collect();
    let (table, messages) = RouteTable::build(&declarations, &converters());
    let ids: Vec<&str> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, ["urls.W002"], "{messages:?}");
    table
}

fn declaration(entry: &Dict) -> Declaration {
    let optional = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let kwargs = match entry.get("defaults") {
        Some(Value::Dict(defaults)) => {
            defaults.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone())).collect()
        }
        _ => Vec::new(),
    };
    let target = match entry.get("include") {
        Some(children) => Target::Include {
            app_name: optional("app_name"),
            namespace: optional("namespace"),
            children: children
                .as_list()
                .unwrap()
                .iter()
                .map(|child| declaration(child.as_dict().unwrap()))
                .collect(),
        },
        None => Target::Route { name: optional("name") },
    };
    Declaration {
        text: text(entry, "route").to_owned(),
        syntax: if text(entry, "kind") == "path" { Syntax::Path } else { Syntax::Regex },
        kwargs,
        place: Location::caller(),
        target,
    }
}

/// A value with the name of its type, as the vectors have it.
fn typed(value: &Value) -> Value {
    let (name, value) = match value {
        Value::None => ("none", Value::Str(String::new())),
        Value::Int(_) | Value::BigInt(_) => ("int", Value::Str(python_str(value).unwrap())),
        Value::Uuid(_) => ("uuid", Value::Str(python_str(value).unwrap())),
        Value::Str(_) => ("str", value.clone()),
        Value::List(_) => ("list", value.clone()),
        other => panic!("no vector holds {other:?}"),
    };
    Value::List(vec![Value::Str(name.to_owned()), value])
}

fn typed_dict(pairs: Vec<(&str, Value)>) -> Value {
    Value::Dict(pairs.into_iter().map(|(name, value)| (Key::from(name), typed(&value))).collect())
}

fn as_vector(found: &ResolverMatch<'_>) -> Value {
    let texts =
        |names: Vec<&str>| Value::List(names.into_iter().map(|name| Value::Str(name.to_owned())).collect());
    let mut out = Dict::new();
    out.insert("route", Value::Str(found.route()));
    out.insert("url_name", found.url_name().map_or(Value::None, |name| Value::Str(name.to_owned())));
    out.insert("namespaces", texts(found.namespaces().collect()));
    out.insert("app_names", texts(found.app_names().collect()));
    out.insert("args", Value::List(found.args().iter().map(typed).collect()));
    out.insert("kwargs", typed_dict(found.kwargs()));
    out.insert("captured_kwargs", typed_dict(found.captured_kwargs()));
    out.insert("extra_kwargs", typed_dict(found.extra_kwargs()));
    Value::Dict(out)
}

#[test]
fn paths_resolve_as_in_django() {
    let table = table();
    let mut wrong = Vec::new();
    for case in load("url_resolving", "cases") {
        let path = text(&case, "path");
        let found = table.resolve(path);
        let got = match &found {
            Some(found) => as_vector(&table.describe(found, path).unwrap()),
            None => Value::None,
        };
        assert_eq!(found, table.scan(path), "{path:?}");
        let wanted = case.get("match").unwrap();
        if got != *wanted {
            wrong.push(format!("{path:?}\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Python's `quote_plus`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b' ');

fn urlencode(query: &Dict) -> String {
    let quote = |text: &str| utf8_percent_encode(text, QUERY).to_string().replace(' ', "+");
    let mut pairs = Vec::new();
    for (name, value) in query.iter() {
        let values = value.as_list().map_or_else(|| vec![value.clone()], <[Value]>::to_vec);
        for value in values {
            pairs.push(format!("{}={}", quote(name.as_str().unwrap()), quote(&python_str(&value).unwrap())));
        }
    }
    pairs.join("&")
}

/// `{"int": "…"}` and `{"uuid": "…"}` stand for what JSON has not.
fn argument(value: &Value) -> Value {
    let Some(dict) = value.as_dict() else { return value.clone() };
    match (dict.get("int"), dict.get("uuid")) {
        (Some(digits), _) => Conversion::Int.to_value(digits.as_str().unwrap()).unwrap(),
        (_, Some(id)) => Value::Uuid(id.as_str().unwrap().parse().unwrap()),
        _ => panic!("{value:?}"),
    }
}

#[test]
fn names_reverse_as_in_django() {
    let table = table();
    let mut wrong = Vec::new();
    for case in load("url_reversing", "cases") {
        let mut args = ReverseArgs::new();
        for value in case.get("args").and_then(Value::as_list).unwrap_or_default() {
            args = args.arg(argument(value));
        }
        if let Some(kwargs) = case.get("kwargs").and_then(Value::as_dict) {
            for (name, value) in kwargs.iter() {
                args = args.kwarg(name.as_str().unwrap(), argument(value));
            }
        }
        if let Some(app) = case.get("current_app").and_then(Value::as_str) {
            args = args.current_app(app);
        }
        if let Some(query) = case.get("query").and_then(Value::as_dict) {
            args = args.query(urlencode(query));
        }
        if let Some(fragment) = case.get("fragment").and_then(Value::as_str) {
            args = args.fragment(fragment);
        }
        let got = table.reverse(text(&case, "name"), args);
        let wanted = case.get("out").and_then(Value::as_str);
        if got.as_deref().ok() != wanted {
            wrong.push(format!("{case:?}\n  got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn texts_convert_as_in_django() {
    let converters = converters();
    let mut wrong = Vec::new();
    for case in load("url_converters", "cases") {
        let conversion = converters.get(text(&case, "converter")).unwrap();
        let (got, wanted) = match case.get("to_url_of") {
            Some(value) => {
                let out = conversion.to_url(&argument(value)).map_or(Value::None, Value::Str);
                (out, case.get("out").cloned().unwrap_or(Value::None))
            }
            None => {
                let text = text(&case, "text");
                let piece = Piece::Param { name: "x".to_owned(), conversion: conversion.clone() };
                let pattern = Pattern::new(vec![piece], Ending::Path).unwrap();
                let value = pattern.find(text, 0, &mut Spans::new()).and_then(|_| conversion.to_value(text));
                (value.map_or(Value::None, |value| typed(&value)), case.get("value").cloned().unwrap())
            }
        };
        if got != wanted {
            wrong.push(format!("{case:?}\n  got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
