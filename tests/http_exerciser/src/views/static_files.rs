//! The views of static files: `django.views.static.serve` over the folder `SITE_STATIC`.

use std::env;
use std::path::PathBuf;

use nuages::prelude::*;
use nuages::views::static_files::{serve, serve_with_indexes};

pub(crate) async fn files(request: HttpRequest, path: String) -> Result<HttpResponse> {
    serve(&request, &path, folder()).await
}

pub(crate) async fn browse(request: HttpRequest, path: String) -> Result<HttpResponse> {
    serve_with_indexes(&request, &path, folder()).await
}

fn folder() -> PathBuf {
    env::var_os("SITE_STATIC").unwrap_or_default().into()
}
