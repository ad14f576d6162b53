//! How many routes are tried: few, however many there are.

use std::panic::Location;

use crate::routes::converter::Converters;
use crate::routes::table::RouteTable;
use crate::routes::tree::{Declaration, Syntax, Target};

fn table(routes: impl Iterator<Item = String>) -> RouteTable {
    let declarations: Vec<Declaration> = routes
        .map(|text| Declaration {
            text,
            syntax: Syntax::Path,
            kwargs: Vec::new(),
            place: Location::caller(),
            target: Target::Route { name: None },
        })
        .collect();
    RouteTable::build(&declarations, &Converters::default()).0
}

#[test]
fn a_thousand_routes_are_not_tried_one_by_one() {
    let table = table(
        (0..330)
            .flat_map(|n| [format!("app{n}/"), format!("app{n}/<int:id>/"), format!("app{n}/<slug:s>/edit/")])
            .chain(["<slug:page>/", "files/<path:file>", "<path:rest>"].map(str::to_owned)),
    );
    let check = |path: &str, route: &str, most: usize| {
        let found = table.resolve(path).expect(path);
        assert_eq!(table.routes()[found.route()].text(), route, "{path}");
        let tried = table.candidates(path);
        assert!(tried <= most, "{path}: {tried} routes are tried");
    };
    check("/app7/", "app7/", 3);
    check("/app329/12/", "app329/<int:id>/", 3);
    check("/app200/a-b/edit/", "app200/<slug:s>/edit/", 3);
    check("/about/", "<slug:page>/", 3);
    check("/files/a/b", "files/<path:file>", 3);
    check("/some/thing/else", "<path:rest>", 3);
}
