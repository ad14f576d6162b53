//! The cart's page and what its buttons do.
//!
//! Every change is a `modify`: it is made to the cart that is stored, so two tabs lose nothing of each other's.

use nuages::prelude::*;

use crate::cart::{Cart, KEY};
use crate::product::Product;

/// The cart.
pub async fn show(request: HttpRequest) -> Result<HttpResponse> {
    let cart = request.session.get_or(KEY, Cart::default()).await?;
    let products = Product::among(request.project().db()?, cart.slugs()).await?;
    let (lines, total) = cart.bill(products);
    render(&request, "shop/cart.html", context! { lines, total, section: "cart" }).await
}

/// Puts some more of a product in.
pub async fn add(request: HttpRequest, slug: String) -> Result<HttpResponse> {
    edit(&request, slug, Cart::with_more).await
}

/// Makes it so many of a product.
pub async fn change(request: HttpRequest, slug: String) -> Result<HttpResponse> {
    edit(&request, slug, Cart::with).await
}

/// Takes a product out.
pub async fn remove(request: HttpRequest, slug: String) -> Result<HttpResponse> {
    request.session.modify(KEY, move |cart: Option<Cart>| cart.unwrap_or_default().with(&slug, 0)).await?;
    redirect(&request, "shop:cart")
}

/// The cart as it is after the form's quantity of a product that exists.
async fn edit(
    request: &HttpRequest,
    slug: String,
    edited: fn(Cart, &str, u32) -> Cart,
) -> Result<HttpResponse> {
    let quantity = quantity(request).await?;
    Product::find(request.project().db()?, &slug).await?.or_404("no such product")?;
    request
        .session
        .modify(KEY, move |cart: Option<Cart>| edited(cart.unwrap_or_default(), &slug, quantity))
        .await?;
    redirect(request, "shop:cart")
}

/// The form's `quantity`.
async fn quantity(request: &HttpRequest) -> Result<u32> {
    let form = request.post().await?;
    let text = form.get("quantity").ok_or_else(|| Error::bad_request("the form has no quantity"))?;
    text.parse().map_err(|_| Error::bad_request("the quantity is not a whole number"))
}
