//! `/shop/…`

use nuages::decorators::http::require_post;
use nuages::prelude::*;

use crate::views::{cart, catalogue, checkout};

/// The shop's URLs, for `include("shop/", shop::urls())`.
pub fn urls() -> Urls {
    urls![
        path("", catalogue::list).name("list"),
        path("cart/", cart::show).name("cart"),
        path("cart/<slug:slug>/add/", require_post(cart::add)).name("add"),
        path("cart/<slug:slug>/change/", require_post(cart::change)).name("change"),
        path("cart/<slug:slug>/remove/", require_post(cart::remove)).name("remove"),
        path("checkout/", require_post(checkout::checkout)).name("checkout"),
        path("thanks/", checkout::thanks).name("thanks"),
        path("<slug:slug>/", catalogue::product).name("product"),
    ]
    .app_name("shop")
}
