//! The views of static files.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn files(_: HttpRequest, _path: String) -> Result<HttpResponse> {
    absent("files")
}

pub(crate) async fn browse(_: HttpRequest, _path: String) -> Result<HttpResponse> {
    absent("browse")
}
