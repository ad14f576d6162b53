//! The products. None of these pages looks at the session.

use nuages::prelude::*;

use crate::product::Product;

/// All products.
pub async fn list(request: HttpRequest) -> Result<HttpResponse> {
    let products = Product::all(request.project().db()?).await?;
    render(&request, "shop/list.html", context! { products, section: "shop" }).await
}

/// One product.
pub async fn product(request: HttpRequest, slug: String) -> Result<HttpResponse> {
    let product = Product::find(request.project().db()?, &slug).await?;
    let product = product.or_404("no such product")?;
    render(&request, "shop/product.html", context! { product, section: "shop" }).await
}
