//! The shop: products in a table of its own, a cart in the session.

mod cart;
mod money;
mod product;
mod urls;
pub mod views;

use nuages::apps::app::App;

pub use crate::urls::urls;

/// The app for `INSTALLED_APPS`.
#[must_use]
pub fn app() -> impl App {
    Shop
}

#[derive(Debug)]
struct Shop;

impl App for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }
}
