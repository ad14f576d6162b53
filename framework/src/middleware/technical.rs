//! The pages that DEBUG shows for an error: what went wrong, from the outside in and with the source, what was asked, and
//! under which settings; for a 404, which routes were tried (Django 5.2 `views/debug.py`).

mod excerpt;
mod frames;
mod page;
mod secrets;
mod text;

use std::error::Error as StdError;
use std::path::{Path, PathBuf};

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
    /// Where in templates.
    templates: Vec<Place>,
    /// The files that would have been the template which is not there.
    tried: Vec<PathBuf>,
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
            templates: Vec::new(),
            tried: Vec::new(),
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
        if let Some(error) = inner.downcast_ref::<TemplateError>() {
            self.look_into_templates(error);
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

    fn look_into_templates(&mut self, error: &TemplateError) {
        match error {
            TemplateError::Render { place, .. } | TemplateError::Suspicious { place, .. } => {
                self.templates.extend(place.file.as_ref().map(|file| Place::of(file, place.line)));
            }
            TemplateError::DoesNotExist { tried, .. } => self.tried.clone_from(tried),
            TemplateError::Broken(faults) => {
                let places = faults.iter().filter_map(|fault| place_of(fault.object.as_deref()?));
                self.templates.extend(places);
            }
            TemplateError::Context { .. } => {}
        }
    }

    /// The view that failed, or said that there is nothing: what it is called in the code.
    fn view(&self) -> Option<&'static str> {
        self.request.resolver_match().map(|found| found.view()).filter(|view| !view.is_empty())
    }

    /// Which URL was asked for, without its query, which may hold secrets; without the host, where it is none that may be asked.
    fn url(&self) -> String {
        let request = &self.request;
        let host =
            request.get_host().map(|host| format!("{}://{host}", request.scheme())).unwrap_or_default();
        format!("{host}{}", escape_uri_path(request.path()))
    }
}

impl Place {
    fn of(file: &Path, line: usize) -> Self {
        Self { file: file.display().to_string(), line, excerpt: Excerpt::of(file, line) }
    }
}

/// The place that a template's fault names: `FILE:LINE`, `FILE:LINE:COLUMN`.
fn place_of(object: &str) -> Option<Place> {
    let number = |text: &str| text.parse::<usize>().ok();
    let (before, last) = object.rsplit_once(':')?;
    let (file, line) = match before.rsplit_once(':') {
        Some((file, line)) if number(line).is_some() && number(last).is_some() => (file, number(line)?),
        _ => (before, number(last)?),
    };
    Some(Place::of(Path::new(file), line))
}

/// The calls from the place where it was raised on, of what somebody here wrote; a library's are far away.
fn calls(backtrace: &str, file: &str, line: usize) -> Vec<Frame> {
    let mut found = frames(backtrace);
    let raised = |frame: &Frame| frame.line == line && is_same_file(&frame.file, file);
    if let Some(at) = found.iter().position(raised) {
        found.drain(..at);
    }
    found.retain(|frame| !frame.file.contains("/.cargo/") && !frame.file.starts_with("/rustc/"));
    found.dedup_by(|next, earlier| next.file == earlier.file && next.line == earlier.line);
    found
}

/// Whether both mean one file. A backtrace writes what lies below the process's folder from there on, as `./src/views.rs`; the place of
/// a `?` is written from the folder where the compiler ran.
fn is_same_file(frame: &str, place: &str) -> bool {
    let (frame, place) = (Path::new(frame.trim_start_matches("./")), Path::new(place));
    frame.ends_with(place) || place.ends_with(frame)
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

#[cfg(test)]
mod tests;
