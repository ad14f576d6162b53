//! `/shop/…`

use nuages::prelude::*;

use crate::views::{cart, catalogue, checkout};

/// The shop's URLs, for `include("shop/", shop::urls())`.
pub fn urls() -> Urls {
    urls![
        path("", catalogue::list).name("list"),
        path("cart/", cart::show).name("cart"),
        path("cart/<slug:slug>/add/", cart::add).name("add"),
        path("cart/<slug:slug>/change/", cart::change).name("change"),
        path("cart/<slug:slug>/remove/", cart::remove).name("remove"),
        path("checkout/", checkout::checkout).name("checkout"),
        path("thanks/", checkout::thanks).name("thanks"),
        path("<slug:slug>/", catalogue::product).name("product"),
    ]
    .app_name("shop")
}
