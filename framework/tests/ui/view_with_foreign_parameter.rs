//! A parameter must be one that a route can capture.

use nuages::prelude::*;

async fn price(_request: HttpRequest, _amount: f64) -> Result<HttpResponse> {
    Ok(HttpResponse::new(""))
}

fn main() {
    let _ = path("<amount>/", price);
}
