//! A counter that loses no visit.

use nuages::prelude::*;

use crate::lesson::show;

/// Counts the visits of this page, however many of them come at once.
pub async fn counter(request: HttpRequest) -> Result<HttpResponse> {
    let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    show(&request, "counter", context! { visits }).await
}
