//! Signed cookies.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn signed(_: HttpRequest) -> Result<HttpResponse> {
    absent("signed")
}
