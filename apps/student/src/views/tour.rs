//! The first page.

use nuages::prelude::*;

use crate::lesson::show;

/// Looks at the session and leaves it alone.
pub async fn tour(request: HttpRequest) -> Result<HttpResponse> {
    show(&request, "tour", context! {}).await
}
