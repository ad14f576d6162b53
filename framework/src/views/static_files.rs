//! The files of a folder (Django 5.2 `views/static.py`): for development, and for what few ask for.
//!
//! ```
//! use nuages::prelude::*;
//! use nuages::views::static_files::serve;
//!
//! async fn scans(request: HttpRequest, path: String) -> Result<HttpResponse> {
//!     serve(&request, &path, "/srv/scans").await
//! }
//!
//! let urls = urls![path("scans/<path:path>", scans)];
//! # drop(urls);
//! ```

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, IF_MODIFIED_SINCE, LAST_MODIFIED};
use tokio::task::spawn_blocking;

use crate::context;
use crate::error::{Error, Result};
use crate::http::content_disposition::content_disposition;
use crate::http::date::parse_http_date;
use crate::http::file_body::file_stream;
use crate::http::file_request::FileState;
use crate::http::header_value::header_number;
use crate::http::mime_types::guess_type;
use crate::http::quote::{Safe, quote};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::shortcuts::render_if_there;
use crate::staticfiles::safe_path::{normal_path, safe_join};
use crate::template::escape::escape;
use crate::urls;

/// The template that takes the place of the page which lists a folder, if the site has it.
const INDEX_TEMPLATE: &str = "static/directory_index.html";

/// The file of that path below the folder, with `Last-Modified`; a folder is a 404.
///
/// # Errors
/// A 404 for what is not there, `SuspiciousFileOperation` (400) for a path that leads out of the folder.
pub async fn serve(request: &HttpRequest, path: &str, root: impl Into<PathBuf>) -> Result<HttpResponse> {
    match look(request, path, root.into()).await? {
        Looked::File(response) => Ok(response),
        Looked::Folder { .. } => Err(Error::not_found("Directory indexes are not allowed here.")),
    }
}

/// As [`serve`], but a folder is a page that lists it: the template `static/directory_index.html` with `directory` and
/// `file_list`, or Django's own page where the site has none (Django's `show_indexes`).
///
/// # Errors
/// As [`serve`].
pub async fn serve_with_indexes(
    request: &HttpRequest,
    path: &str,
    root: impl Into<PathBuf>,
) -> Result<HttpResponse> {
    match look(request, path, root.into()).await? {
        Looked::File(response) => Ok(response),
        Looked::Folder { directory, names } => index(request, &directory, &names).await,
    }
}

/// The route for the files of a folder while a site is developed (Django's `static(settings.MEDIA_URL, document_root=…)`): under
/// `DEBUG` it serves what lies below `root`, which is relative to the site's folder, and without `DEBUG` there is no such route. In
/// production a web server does that.
///
/// `prefix` is the path of `MEDIA_URL`; one with a host in it, which somebody else serves, belongs to no route.
///
/// ```
/// use nuages::prelude::*;
/// use nuages::views::static_files::static_route;
///
/// let urls = urls![static_route("/media/", "media")];
/// # drop(urls);
/// ```
#[track_caller]
pub fn static_route(prefix: &str, root: impl Into<PathBuf>) -> urls::declare::Path {
    let root = root.into();
    let view = move |request: HttpRequest, path: String| {
        let root = request.project().base_dir().join(&root);
        async move { serve(&request, &path, root).await }
    };
    urls::declare::path(format!("{}<path:path>", prefix.trim_start_matches('/')), view).debug_only()
}

enum Looked {
    File(HttpResponse),
    /// Its path with a slash at the end, and what lies in it: folders with a slash, nothing that is hidden.
    Folder {
        directory: String,
        names: Vec<String>,
    },
}

async fn look(request: &HttpRequest, path: &str, root: PathBuf) -> Result<Looked> {
    let path = normal_path(path).trim_start_matches('/').to_owned();
    let file = safe_join(&root, &path)
        .map_err(|error| Error::suspicious("SuspiciousFileOperation", error.to_string()))?;
    let since = request.headers().get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(parse_http_date);
    spawn_blocking(move || {
        let about = match fs::metadata(&file) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error.into()),
            // Whatever else the system says of a path that a client made up: it is not there.
            Err(_) => return Err(Error::not_found(format!("“{}” does not exist", file.display()))),
        };
        if about.is_dir() {
            return Ok(Looked::Folder { directory: format!("{path}/"), names: names_in(&file)? });
        }
        if !about.is_file() {
            return Err(Error::not_found(format!("“{}” is no file", file.display())));
        }
        file_response(&file, &about, since).map(Looked::File)
    })
    .await?
}

fn file_response(file: &Path, about: &Metadata, since: Option<i64>) -> Result<HttpResponse> {
    let state = FileState::of(about);
    if since.is_some_and(|since| state.modified.is_some_and(|changed| changed <= since)) {
        return Ok(HttpResponse::not_modified());
    }
    let opened = File::open(file)?;
    // What was opened may be another file than what was looked at.
    let length = opened.metadata()?.len();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let kind = guess_type(&name);
    let mut response = HttpResponse::default();
    response.set_body(file_stream(opened, 0..length)?);
    response.set_header("content-type", kind.content_type.unwrap_or("application/octet-stream"))?;
    response.headers.insert(CONTENT_LENGTH, header_number(length));
    if let Some(disposition) = content_disposition(false, &name) {
        response.set_header("content-disposition", &disposition)?;
    }
    if let Some(date) = state.last_modified()? {
        response.headers.insert(LAST_MODIFIED, date);
    }
    if let Some(encoding) = kind.encoding {
        response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let mut name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            name.push('/');
        }
        names.push(name);
    }
    Ok(names)
}

async fn index(request: &HttpRequest, directory: &str, names: &[String]) -> Result<HttpResponse> {
    let context = context! { directory, file_list: names };
    if let Some(page) = render_if_there(request, StatusCode::OK, INDEX_TEMPLATE, context).await? {
        return Ok(page);
    }
    Ok(HttpResponse::new(index_page(directory, names)))
}

/// Django's page, whose lines of `{% if %}` and `{% for %}` leave their spaces.
fn index_page(directory: &str, names: &[String]) -> String {
    let title = escape(directory);
    let mut list = String::new();
    if directory != "/" {
        list.push_str("\n      <li><a href=\"../\">../</a></li>\n      ");
    }
    list.push_str("\n      ");
    for name in names {
        let href = escape(&quote(name, Safe::PATH));
        list.push_str(&format!("\n      <li><a href=\"{href}\">{}</a></li>\n      ", escape(name)));
    }
    format!(
        "\n<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    \
         <meta http-equiv=\"Content-type\" content=\"text/html; charset=utf-8\">\n    \
         <meta http-equiv=\"Content-Language\" content=\"en-us\">\n    \
         <meta name=\"robots\" content=\"NONE,NOARCHIVE\">\n    <title>Index of {title}</title>\n  </head>\n  <body>\n    \
         <h1>Index of {title}</h1>\n    <ul>\n      {list}\n    </ul>\n  </body>\n</html>\n"
    )
}
