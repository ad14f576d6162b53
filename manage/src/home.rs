//! The first page.

use nuages::prelude::*;

/// Says what this site is. It asks for no session, so it costs none.
pub(crate) async fn home(request: HttpRequest) -> Result<HttpResponse> {
    render(&request, "home.html", context! {}).await
}
