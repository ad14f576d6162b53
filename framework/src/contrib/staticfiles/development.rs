//! What serves static files under `runserver`: straight from where they are found, before everything else (Django 5.2
//! `contrib/staticfiles/handlers.py`).

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::onion::{Middleware, Next};
use crate::staticfiles::files::StaticFiles;
use crate::staticfiles::safe_path::normal_path;
use crate::views::static_files::serve;

/// The layer that `runserver` puts around the site.
#[derive(Debug)]
pub(crate) struct DevelopmentStatic {
    files: Arc<StaticFiles>,
    prefix: String,
}

impl DevelopmentStatic {
    /// `None` where there is nothing to serve: no app, no `STATIC_URL`, or one on another host.
    pub(crate) fn new(files: &Arc<StaticFiles>) -> Option<Self> {
        let prefix = files.url().filter(|url| url.starts_with('/') && !url.starts_with("//"))?.to_owned();
        if !files.installed() {
            return None;
        }
        Some(Self { files: Arc::clone(files), prefix })
    }
}

#[async_trait]
impl Middleware for DevelopmentStatic {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let Some(name) = request.path().strip_prefix(self.prefix.as_str()).map(str::to_owned) else {
            return Ok(next.run(request).await);
        };
        serve_found(&request, &name, &self.files).await
    }
}

/// The file of that name, from where it is found (Django 5.2 `contrib/staticfiles/views.py`, `serve`).
async fn serve_found(request: &HttpRequest, name: &str, files: &Arc<StaticFiles>) -> Result<HttpResponse> {
    let normal = normal_path(name).trim_start_matches('/').to_owned();
    let files = Arc::clone(files);
    let found = spawn_blocking(move || files.finders().find(&normal)).await?;
    let found = found.map_err(|error| Error::suspicious("SuspiciousFileOperation", error.to_string()))?;
    let Some(file) = found else {
        return Err(Error::not_found(match name.is_empty() || name.ends_with('/') {
            true => "Directory indexes are not allowed here.".to_owned(),
            false => format!("'{name}' could not be found"),
        }));
    };
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    serve(request, &name, folder).await
}
