//! Leaving the shop.

use nuages::prelude::*;

use crate::cart::{Cart, KEY};
use crate::product::Product;

/// The key under which the next page finds what the order came to.
const TOTAL_KEY: &str = "order_total";

/// Empties the cart.
pub async fn checkout(request: HttpRequest) -> Result<HttpResponse> {
    if let Some(cart) = request.session.pop::<Cart>(KEY).await? {
        let products = Product::among(request.project().db()?, cart.slugs()).await?;
        request.session.set(TOTAL_KEY, cart.bill(products).1).await?;
    }
    redirect(&request, "shop:thanks")
}

/// Says what the order came to, once.
pub async fn thanks(request: HttpRequest) -> Result<HttpResponse> {
    let total = request.session.pop::<String>(TOTAL_KEY).await?;
    render(&request, "shop/thanks.html", context! { total, section: "cart" }).await
}
