//! The cart: how many of which product. It lives in the session as a dict, `{"plectrum": 2}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Cents;
use crate::product::Product;

/// The key in the session.
pub(crate) const KEY: &str = "cart";

/// The most of one product that a cart takes.
const MOST: u32 = 99;

/// How many of which product, by its slug.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cart(BTreeMap<String, u32>);

/// One line of the cart's page.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    product: Product,
    quantity: u32,
    sum: Cents,
}

impl Cart {
    /// Puts that many more in.
    #[must_use]
    pub(crate) fn with_more(self, slug: &str, quantity: u32) -> Self {
        let now = self.0.get(slug).copied().unwrap_or(0);
        self.with(slug, now.saturating_add(quantity))
    }

    /// Makes it that many; none takes the product out.
    #[must_use]
    pub(crate) fn with(mut self, slug: &str, quantity: u32) -> Self {
        match quantity {
            0 => self.0.remove(slug),
            _ => self.0.insert(slug.to_owned(), quantity.min(MOST)),
        };
        self
    }

    pub(crate) fn slugs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The lines and the total. A product that the shop has no more is left out.
    pub(crate) fn bill(&self, products: Vec<Product>) -> (Vec<Line>, Cents) {
        let line = |product: Product| {
            let quantity = *self.0.get(&product.slug)?;
            let sum = Cents(product.price.0.saturating_mul(u64::from(quantity)));
            Some(Line { product, quantity, sum })
        };
        let lines: Vec<Line> = products.into_iter().filter_map(line).collect();
        let total = lines.iter().fold(0, |total: u64, line| total.saturating_add(line.sum.0));
        (lines, Cents(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_stay_within_bounds() {
        let cart = Cart::default().with_more("a", 2).with_more("a", 3).with("b", 1).with("b", 0);
        assert_eq!(cart, Cart([("a".to_owned(), 5)].into()));
        assert_eq!(cart.with_more("a", u32::MAX), Cart([("a".to_owned(), MOST)].into()));
        assert_eq!(Cart::default().with("none", 0), Cart::default());
    }
}
