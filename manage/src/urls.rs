//! All URLs on one page.

use nuages::prelude::*;

use crate::home;

/// The site's URLs.
pub(crate) fn urls() -> Urls {
    urls![
        path("", home::home).name("home"),
        include("student/", student::urls()),
        include("shop/", shop::urls()),
    ]
}
