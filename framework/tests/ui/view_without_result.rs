//! A view must say `Result<HttpResponse>`.

use nuages::prelude::*;

async fn index(_request: HttpRequest) -> HttpResponse {
    HttpResponse::new("")
}

fn main() {
    let _ = path("", index);
}
