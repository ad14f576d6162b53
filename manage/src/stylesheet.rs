//! The stylesheet, compiled in.

use nuages::prelude::*;

/// `/static/site.css`
pub(crate) async fn stylesheet(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::new(include_str!("../../static/site.css"))
        .with_content_type("text/css; charset=utf-8")?)
}
