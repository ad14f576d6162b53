//! A file as a response (Django 5.2 `http/response.py`, `FileResponse`).

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};

use crate::error::Result;
use crate::http::body::Body;
use crate::http::content_disposition::content_disposition;
use crate::http::file_body::file_stream;
use crate::http::file_request::{FileAnswer, FileRequest, FileState};
use crate::http::header_value::{header_number, header_value};
use crate::http::mime_types::guess_type;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::http::uploaded_file::UploadedFile;

/// A file on its way into a response: its name says the type, and the browser shows it or saves it.
///
/// ```
/// use nuages::http::file_response::FileResponse;
/// use nuages::prelude::*;
///
/// async fn invoice(request: HttpRequest, number: u64) -> Result<HttpResponse> {
///     let file = FileResponse::open(format!("invoices/{number}.pdf")).await?;
///     file.as_attachment(true).filename("invoice.pdf").respond(&request).await
/// }
/// # let _ = invoice;
/// ```
#[derive(Debug)]
#[must_use]
pub struct FileResponse {
    content: Content,
    length: u64,
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    as_attachment: bool,
    /// Seconds since 1970.
    modified: Option<i64>,
}

#[derive(Debug)]
enum Content {
    Bytes(Bytes),
    File(File),
}

impl FileResponse {
    /// The file at that path.
    ///
    /// # Errors
    /// What the file system says: [`io::ErrorKind::NotFound`], which `or_404` of a view may turn into a 404.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Self::opened(File::open(&path)?, name)
        });
        opened.await.map_err(io::Error::other)?
    }

    /// A file that is open, under that name, from its beginning; wherever it was read to does not matter.
    ///
    /// ```
    /// # use nuages::{http::file_response::FileResponse, prelude::*};
    /// async fn report(request: HttpRequest) -> Result<HttpResponse> {
    ///     let file = std::fs::File::open("Cargo.toml")?; // or a temporary file that was written before
    ///     FileResponse::of_file("report.csv", file).await?.as_attachment(true).respond(&request).await
    /// }
    /// # let _ = report;
    /// ```
    ///
    /// # Errors
    /// When the system does not tell its size, or it is a folder.
    pub async fn of_file(name: impl Into<String>, file: File) -> io::Result<Self> {
        let name = name.into();
        let opened = tokio::task::spawn_blocking(move || Self::opened(file, name));
        opened.await.map_err(io::Error::other)?
    }

    /// A file that a form brought, under its own name. It is there until it is sent, whatever becomes of the form.
    ///
    /// Its type is guessed from the name: what the client says of it is not believed.
    ///
    /// # Errors
    /// When the temporary file cannot be opened.
    pub async fn uploaded(file: &UploadedFile) -> io::Result<Self> {
        match file.temporary_file_path() {
            None => Ok(Self::bytes(file.name(), file.read().await?)),
            Some(path) => {
                let (path, name) = (path.to_owned(), file.name().to_owned());
                let opened = tokio::task::spawn_blocking(move || Self::opened(File::open(path)?, name));
                opened.await.map_err(io::Error::other)?
            }
        }
    }

    fn opened(file: File, name: String) -> io::Result<Self> {
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder cannot be sent"));
        }
        let FileState { length, modified } = FileState::of(&about);
        Ok(Self { length, modified, ..Self::new(Content::File(file), name) })
    }

    /// Bytes as if they were a file of that name.
    pub fn bytes(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self { length: content.len() as u64, ..Self::new(Content::Bytes(content), name.into()) }
    }

    const fn new(content: Content, name: String) -> Self {
        Self {
            content,
            length: 0,
            name,
            filename: None,
            content_type: None,
            as_attachment: false,
            modified: None,
        }
    }

    /// Whether the browser is to save the file rather than show it.
    pub const fn as_attachment(mut self, as_attachment: bool) -> Self {
        self.as_attachment = as_attachment;
        self
    }

    /// The name that the browser is told, in place of the file's own; folders in it are left out.
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into()).filter(|name| !name.is_empty());
        self
    }

    /// The type, in place of what the name says.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// When the content was last changed, in seconds since 1970: for bytes, whose age nobody knows otherwise.
    pub const fn last_modified(mut self, seconds: i64) -> Self {
        self.modified = Some(seconds);
        self
    }

    /// All of it, whatever the request asks for: what Django's `FileResponse` does.
    ///
    /// # Errors
    /// When the file cannot be read, or a name or type has control characters.
    pub async fn into_response(self) -> Result<HttpResponse> {
        let mut response = self.head()?;
        let all = 0..self.length;
        response.set_body(self.body(all).await?);
        Ok(response)
    }

    /// What the request asks for: the part that `Range` names (206, or 416 where there is none), 304 if the client has the
    /// file, 412 if it wants another one. It says `Accept-Ranges`, and, of a file on disk, `ETag` and `Last-Modified`.
    ///
    /// # Errors
    /// As [`FileResponse::into_response`].
    pub async fn respond(self, request: &HttpRequest) -> Result<HttpResponse> {
        let asked = FileRequest::of(request.method(), request.headers());
        let state = FileState { length: self.length, modified: self.modified };
        match asked.answer(state, self.head()?)? {
            FileAnswer::Short(response) => Ok(response),
            FileAnswer::Part(mut response, range) => {
                response.set_body(self.body(range).await?);
                Ok(response)
            }
        }
    }

    /// Type, length and disposition.
    fn head(&self) -> Result<HttpResponse> {
        let mut response = HttpResponse::default();
        response.headers.insert(CONTENT_LENGTH, header_number(self.length));
        let name = self.filename.as_deref().unwrap_or(&self.name);
        let name = name.rsplit('/').next().unwrap_or_default();
        match &self.content_type {
            Some(content_type) => response.set_header(CONTENT_TYPE.as_str(), content_type)?,
            None => {
                let content_type = HeaderValue::from_static(content_type_of(name));
                response.headers.insert(CONTENT_TYPE, content_type);
            }
        }
        if let Some(disposition) = content_disposition(self.as_attachment, name) {
            response.headers.insert(CONTENT_DISPOSITION, header_value(&disposition)?);
        }
        Ok(response)
    }

    /// Always a stream, so that no middleware looks into it.
    async fn body(self, range: std::ops::Range<u64>) -> Result<Body> {
        match self.content {
            Content::File(file) => Ok(tokio::task::spawn_blocking(move || file_stream(file, range)).await??),
            Content::Bytes(bytes) => {
                let end = usize::try_from(range.end)?.min(bytes.len());
                let start = usize::try_from(range.start)?.min(end);
                let piece = Ok::<_, io::Error>(bytes.slice(start..end));
                Ok(Body::stream(stream::once(std::future::ready(piece))))
            }
        }
    }
}

/// What is packed is sent as what it is: with a `Content-Encoding` browsers would unpack it.
fn content_type_of(name: &str) -> &'static str {
    let guessed = guess_type(name);
    match guessed.encoding {
        Some("br") => "application/x-brotli",
        Some("bzip2") => "application/x-bzip",
        Some("compress") => "application/x-compress",
        Some("gzip") => "application/gzip",
        Some("xz") => "application/x-xz",
        _ => guessed.content_type.unwrap_or("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::vectors;

    #[test]
    fn heads_are_djangos() {
        for case in vectors::load("file_responses") {
            let text = |name: &str| case[name].as_str().unwrap_or_default();
            let file = FileResponse::bytes(text("name"), "abc")
                .filename(text("filename"))
                .as_attachment(case["as_attachment"].as_bool().unwrap());
            let response = file.head().unwrap();
            assert_eq!(vectors::headers(&response), vectors::expected_headers(&case["out"]), "{case}");
        }
    }
}
