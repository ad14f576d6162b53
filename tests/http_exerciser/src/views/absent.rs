//! Views that are not written yet.

use nuages::prelude::*;

/// 501.
pub(crate) fn absent(view: &str) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("{view} is not there yet")).with_status(StatusCode::NOT_IMPLEMENTED))
}
