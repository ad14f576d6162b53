//! The views of methods.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn methods(_: HttpRequest, _kind: String) -> Result<HttpResponse> {
    absent("methods")
}
