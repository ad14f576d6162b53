//! A view.

use nuages::prelude::*;

async fn index(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::new(""))
}

fn main() {
    let _ = path("", index);
}
