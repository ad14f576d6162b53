//! The pages that DEBUG shows for an error: what went wrong, from the outside in and with the source, what was asked, and
//! under which settings; for a 404, which routes were tried (Django 5.2 `views/debug.py`).

mod excerpt;
mod frames;
mod page;
mod secrets;
mod text;

use std::error::Error as StdError;
use std::path::PathBuf;

use http::StatusCode;

use self::excerpt::{Excerpt, locate};
use self::frames::{Frame, frames};
use crate::error::{Error, Internal};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::http::uri::escape_uri_path;
use crate::middleware::request_line::RequestLine;
use crate::project::Project;
use crate::template::error::TemplateError;

/// The page, or plain text for a client that takes no page. Everything shown is escaped: paths, headers and the errors' words
/// may come from a client.
pub(crate) fn technical_page(
    status: StatusCode,
    error: &Error,
    line: &RequestLine,
    project: &Project,
) -> HttpResponse {
    let report = Report::new(status, error, line, project);
    if report.request.accepts("text/html") || status == StatusCode::NOT_FOUND {
        HttpResponse::new(page::page(&report)).with_status(status)
    } else {
        HttpResponse::text(text::text(&report)).with_status(status)
    }
}

/// What there is to show.
struct Report<'a> {
    status: StatusCode,
    request: HttpRequest,
    project: &'a Project,
    /// What the error is called.
    kind: String,
    /// The error's own words, then its causes'.
    chain: Vec<String>,
    /// Where it became a failure of the request: the `?` in a view.
    raised: Option<Place>,
    /// Where in a template.
    template: Option<Place>,
    /// The calls that led there, the innermost first.
    frames: Vec<(Frame, Option<Excerpt>)>,
}

/// A file and a line, with the source if it is there.
struct Place {
    file: String,
    line: usize,
    excerpt: Option<Excerpt>,
}

impl<'a> Report<'a> {
    fn new(status: StatusCode, error: &'a Error, line: &RequestLine, project: &'a Project) -> Self {
        let mut report = Self {
            status,
            request: line.request(),
            project,
            kind: kind(error, status),
            chain: vec![error.to_string()],
            raised: None,
            template: None,
            frames: Vec::new(),
        };
        if let Error::Internal(inner) = error {
            report.look_into(inner);
        }
        report
    }

    fn look_into(&mut self, inner: &Internal) {
        let base_dir = self.project.base_dir();
        let mut source: Option<&(dyn StdError + 'static)> = inner.source();
        while let Some(cause) = source {
            self.chain.push(cause.to_string());
            source = cause.source();
        }
        let at = inner.location();
        let line = usize::try_from(at.line()).unwrap_or_default();
        let excerpt = locate(at.file(), base_dir).and_then(|file| Excerpt::of(&file, line));
        self.raised = Some(Place { file: at.file().to_owned(), line, excerpt });
        if let Some(TemplateError::Render { place, .. }) = inner.downcast_ref::<TemplateError>() {
            let file: Option<&PathBuf> = place.file.as_ref();
            self.template = file.map(|file| Place {
                file: file.display().to_string(),
                line: place.line,
                excerpt: Excerpt::of(file, place.line),
            });
        }
        if let Some(backtrace) = inner.backtrace() {
            self.frames = calls(&backtrace.to_string(), at.file(), line)
                .into_iter()
                .map(|frame| {
                    let excerpt =
                        locate(&frame.file, base_dir).and_then(|file| Excerpt::of(&file, frame.line));
                    (frame, excerpt)
                })
                .collect();
        }
    }

    /// Which URL was asked for, without its query, which may hold secrets; without the host, where it is none that may be asked.
    fn url(&self) -> String {
        let request = &self.request;
        let host =
            request.get_host().map(|host| format!("{}://{host}", request.scheme())).unwrap_or_default();
        format!("{host}{}", escape_uri_path(request.path()))
    }
}

/// The calls from the place where it was raised on, of what somebody here wrote; a library's are far away.
fn calls(backtrace: &str, file: &str, line: usize) -> Vec<Frame> {
    let mut found = frames(backtrace);
    let raised = |frame: &Frame| frame.line == line && frame.file.trim_start_matches("./") == file;
    if let Some(at) = found.iter().position(raised) {
        found.drain(..at);
    }
    found.retain(|frame| !frame.file.contains("/.cargo/") && !frame.file.starts_with("/rustc/"));
    found.dedup_by(|next, earlier| next.file == earlier.file && next.line == earlier.line);
    found
}

fn kind(error: &Error, status: StatusCode) -> String {
    match error {
        Error::NotFound(_) => "Page not found".to_owned(),
        Error::Suspicious { kind, .. } => (*kind).to_owned(),
        Error::Internal(inner) => match inner.type_name() {
            Some(name) => name.to_owned(),
            None => "Error".to_owned(),
        },
        _ => status.canonical_reason().unwrap_or("Error").to_owned(),
    }
}
