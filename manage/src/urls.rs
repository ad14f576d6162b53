//! All URLs on one page.

use nuages::prelude::*;

use crate::{home, stylesheet};

/// The site's URLs.
pub(crate) fn urls() -> Urls {
    urls![
        path("", home::home).name("home"),
        include("student/", student::urls()),
        include("shop/", shop::urls()),
        path("static/site.css", stylesheet::stylesheet),
    ]
}
