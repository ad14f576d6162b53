//! The pages of the tour: one a view, each with the source of that view.

use nuages::context;
use nuages::error::Result;
use nuages::http::request::HttpRequest;
use nuages::http::response::HttpResponse;
use nuages::shortcuts::{OrNotFound, render};
use nuages::template::context::Context;
use serde::Serialize;

use crate::source;
use crate::stored::Stored;

/// A page: the view of that name shows `student/NAME.html`.
#[derive(Debug, Serialize)]
pub(crate) struct Lesson {
    /// The route's name, and the template's.
    pub(crate) name: &'static str,
    route: &'static str,
    /// What the route needs.
    args: &'static [&'static str],
    title: &'static str,
    /// Where the view is.
    file: &'static str,
    /// What that file holds: read when it is compiled, so it is what runs.
    #[serde(skip)]
    text: &'static str,
}

/// Pages under one heading.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    title: &'static str,
    pub(crate) lessons: &'static [Lesson],
}

/// The page of the view `$view` in `views/$file.rs`.
macro_rules! lesson {
    ($file:ident :: $view:ident, $title:literal $(, $arg:literal)*) => {
        Lesson {
            args: &[$($arg),*],
            name: stringify!($view),
            route: concat!("student:", stringify!($view)),
            title: $title,
            file: concat!("apps/student/src/views/", stringify!($file), ".rs"),
            text: include_str!(concat!("views/", stringify!($file), ".rs")),
        }
    };
}

/// The tour, in its order.
pub(crate) const GROUPS: &[Group] = &[
    Group { title: "Begin", lessons: &[lesson!(tour::tour, "The session tour")] },
    Group {
        title: "One item",
        lessons: &[
            lesson!(item::set, "Set an item"),
            lesson!(item::get, "Get an item"),
            lesson!(item::delete, "Delete an item"),
        ],
    },
    Group {
        title: "The whole dict",
        lessons: &[
            lesson!(dict::keys, "Keys"),
            lesson!(dict::items, "Items"),
            lesson!(dict::setdefault, "Set a default"),
            lesson!(dict::clear, "Clear"),
        ],
    },
    Group {
        title: "The session itself",
        lessons: &[lesson!(identity::flush, "Flush"), lesson!(identity::cycle_key, "Cycle the key")],
    },
    Group {
        title: "How long it lasts",
        lessons: &[
            lesson!(expiry::cookie_age, "Cookie age"),
            lesson!(expiry::expiry_age, "Expiry age"),
            lesson!(expiry::expiry_date, "Expiry date"),
            lesson!(expiry::browser_close, "Browser close"),
            lesson!(expiry::set_expiry, "Set an expiry"),
            lesson!(expiry::clear_expired, "Clear what expired"),
        ],
    },
    Group {
        title: "The test cookie",
        lessons: &[
            lesson!(test_cookie::test_cookie, "Set the test cookie"),
            lesson!(test_cookie::test_cookie_worked, "Did it work?"),
            lesson!(test_cookie::delete_test_cookie, "Delete it"),
        ],
    },
    Group {
        title: "In use",
        lessons: &[
            lesson!(counter::counter, "A page counter"),
            lesson!(archive::archive, "Parts of a URL", "1940", "nuages"),
            lesson!(settings::settings, "Settings in force"),
            lesson!(engines::engines, "Where sessions live"),
        ],
    },
];

/// Shows the page of that name: `student/NAME.html`, with the view's source and what is stored now.
pub(crate) async fn show(request: &HttpRequest, name: &str, context: Context) -> Result<HttpResponse> {
    let lessons: Vec<&Lesson> = GROUPS.iter().flat_map(|group| group.lessons).collect();
    let at = lessons.iter().position(|lesson| lesson.name == name).or_404("no such page")?;
    let lesson = lessons[at];
    let source = source::function(lesson.text, name).map(source::highlighted);
    let frame = context! {
        section: if name == "settings" { "settings" } else { "tour" },
        groups: GROUPS,
        lesson,
        source: source.unwrap_or_default(),
        stored: Stored::of(request).await?,
        previous: at.checked_sub(1).and_then(|at| lessons.get(at)),
        next: lessons.get(at + 1),
        did: request.query()?.get("did"),
    };
    render(request, &format!("student/{name}.html"), frame.with(context)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_the_source_of_its_view() {
        for lesson in GROUPS.iter().flat_map(|group| group.lessons) {
            let source = source::function(lesson.text, lesson.name);
            let head = format!("pub async fn {}(", lesson.name);
            assert!(source.is_some_and(|source| source.contains(&head)), "{lesson:?}");
        }
    }
}
