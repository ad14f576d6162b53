//! What lives across an await must be `Send`.

use std::rc::Rc;

use nuages::prelude::*;

async fn index(_request: HttpRequest) -> Result<HttpResponse> {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    Ok(HttpResponse::new(shared.to_string()))
}

fn main() {
    let _ = path("", index);
}
