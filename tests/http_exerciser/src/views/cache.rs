//! The views of cache.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn cache(_: HttpRequest, _kind: String) -> Result<HttpResponse> {
    absent("cache")
}
