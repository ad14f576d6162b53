//! The index against the plain ordered scan, on random tables and paths.

use std::panic::Location;

use proptest::prelude::*;

use crate::routes::converter::{Converter, Converters, Kind};
use crate::routes::table::RouteTable;
use crate::routes::tree::{Declaration, Syntax, Target};
use crate::serialize::value::Value;

/// A converter that crosses slashes, may be empty, and refuses some texts.
struct Odd;

impl Converter for Odd {
    fn regex(&self) -> &str {
        "(?:a/b|7)*"
    }
    fn kind(&self) -> Kind {
        Kind::Str
    }
    fn to_value(&self, text: &str) -> Option<Value> {
        (text != "7").then(|| Value::Str(text.to_owned()))
    }
    fn to_url(&self, value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }
}

fn declaration(text: String, syntax: Syntax, target: Target) -> Declaration {
    Declaration { text, syntax, kwargs: Vec::new(), place: Location::caller(), target }
}

/// A route of a few segments, each of a bit or two; parameters get names of their own.
fn route_text() -> impl Strategy<Value = (String, Syntax)> {
    let bit = || {
        prop::sample::select(vec![
            "a", "a", "b", "7", "ab", "-", "{", "}}", "é", "<int:", "<", "<", "<slug:", "<path:", "<uuid:",
            "<odd:",
        ])
    };
    let segment = prop_oneof![6 => bit().prop_map(|bit| vec![bit]), 2 => prop::collection::vec(bit(), 0..4)];
    let end = prop_oneof![5 => Just("/"), 1 => Just("")];
    let path = (prop::collection::vec(segment, 0..4), end).prop_map(|(segments, end)| {
        let mut number = 0;
        let mut name = |bit: &str| {
            number += 1;
            match bit {
                "<" => format!("<p{number}>"),
                bit if bit.starts_with('<') => format!("{bit}p{number}>"),
                bit => bit.to_owned(),
            }
        };
        let segments: Vec<String> =
            segments.iter().map(|bits| bits.iter().map(|bit| name(bit)).collect::<String>()).collect();
        (segments.join("/") + end, Syntax::Path)
    });
    let regex = prop::sample::select(vec![
        "^a/(?P<x>[a-z]+)/$",
        "^a/b?(7)/",
        "b/$",
        "^(?:a|ab)/",
        "^ab/(.*)$",
        "^7*a",
        "^a/b|7",
        "",
        "^$",
    ]);
    let regex = regex.prop_map(|text| (text.to_owned(), Syntax::Regex));
    prop_oneof![9 => path, 1 => regex]
}

fn declarations() -> impl Strategy<Value = Vec<Declaration>> {
    let leaf =
        route_text().prop_map(|(text, syntax)| declaration(text, syntax, Target::Route { name: None }));
    let tree = leaf.prop_recursive(3, 24, 5, |inner| {
        (route_text(), prop::collection::vec(inner, 0..5)).prop_map(|((text, syntax), children)| {
            declaration(text, syntax, Target::Include { app_name: None, namespace: None, children })
        })
    });
    prop::collection::vec(tree, 0..9)
}

fn path() -> impl Strategy<Value = String> {
    let bit = || {
        prop::sample::select(vec!["a", "a", "b", "7", "77", "ab", "-", "{", "}}", "{p0}", "é", "\n", UUID])
    };
    let segment = prop_oneof![6 => bit().prop_map(str::to_owned), 2 => prop::collection::vec(bit(), 0..4).prop_map(|bits| bits.concat())];
    let end = prop_oneof![5 => Just("/"), 1 => Just("")];
    (prop::collection::vec(segment, 0..5), end)
        .prop_map(|(segments, end)| format!("/{}{end}", segments.join("/")))
}

const UUID: &str = "0af0aeff-6f3c-4b8e-8f28-cd33e0b8e8a8";

proptest! {
    #[test]
    fn the_index_answers_as_the_scan_does(
        declarations in declarations(),
        paths in prop::collection::vec(path(), 40),
    ) {
        let mut converters = Converters::default();
        converters.register("odd", Box::new(Odd)).unwrap();
        let (table, _) = RouteTable::build(&declarations, &converters);
        for path in paths {
            prop_assert_eq!(table.resolve(&path), table.scan(&path), "{:?}", path);
        }
    }
}
