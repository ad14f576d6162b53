//! The views of frame.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn frame(_: HttpRequest, _kind: String) -> Result<HttpResponse> {
    absent("frame")
}
