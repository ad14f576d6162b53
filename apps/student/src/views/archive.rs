//! A view with parameters.

use nuages::prelude::*;

use crate::lesson::show;

/// `path("<int:year>/<slug:slug>/", archive)`
pub async fn archive(request: HttpRequest, year: u32, slug: String) -> Result<HttpResponse> {
    let years = [year.saturating_sub(1), year.saturating_add(1)];
    show(&request, "archive", context! { year, slug, years }).await
}
