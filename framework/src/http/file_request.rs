//! A request for a file, held against the file: which part of it is asked for, and whether the client has it already (RFC 9110
//! sections 13.2.2 and 14.2).

use std::fs::Metadata;
use std::ops::Range;
use std::time::UNIX_EPOCH;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, Method, StatusCode};

use crate::error::Result;
use crate::http::charset::latin1;
use crate::http::conditional::{Preconditions, Verdict, not_modified, precondition_failed};
use crate::http::date::{http_date, moment_at};
use crate::http::header_value::{header_number, header_value};
use crate::http::range::{Part, part};
use crate::http::response::HttpResponse;

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileState {
    /// In bytes.
    pub(crate) length: u64,
    /// When it was changed, in whole seconds since 1970; unknown for what is no file on disk.
    pub(crate) modified: Option<i64>,
}

impl FileState {
    /// What the file system says of it.
    pub(crate) fn of(about: &Metadata) -> Self {
        Self { length: about.len(), modified: Some(modified_seconds(about)) }
    }

    fn etag(self) -> Option<String> {
        self.modified.map(|seconds| format!("\"{seconds:x}-{:x}\"", self.length))
    }

    /// The value of `Last-Modified`.
    pub(crate) fn last_modified(self) -> Result<Option<HeaderValue>> {
        #[expect(clippy::cast_precision_loss, reason = "files are not changed in the year 285,000,000")]
        let moment = self.modified.and_then(|seconds| moment_at(seconds as f64));
        Ok(moment.map(|moment| HeaderValue::try_from(http_date(moment))).transpose()?)
    }
}

fn modified_seconds(about: &Metadata) -> i64 {
    let Ok(modified) = about.modified() else { return 0 };
    match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

/// What a request says about the file that it asks for; cheap to keep while the file is opened elsewhere.
#[derive(Debug)]
pub(crate) struct FileRequest {
    known: Preconditions,
    range: Option<HeaderValue>,
    if_range: Option<HeaderValue>,
}

/// What such a request is answered with.
#[derive(Debug)]
pub(crate) enum FileAnswer {
    /// This, without the file: 304, 412 or 416.
    Short(HttpResponse),
    /// This head, and those bytes of the file behind it.
    Part(HttpResponse, Range<u64>),
}

impl FileRequest {
    /// What the request with that method and those headers says.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        // RFC 9110 section 14.2: a range of anything but GET means nothing.
        let range = headers.get(RANGE).filter(|_| method == Method::GET).cloned();
        let if_range = range.as_ref().and_then(|_| headers.get(IF_RANGE).cloned());
        Self { known: Preconditions::of(method, headers), range, if_range }
    }

    /// Holds it against the file. `response` is the head of a 200; it gets `Accept-Ranges`, `Content-Length` and, where they are
    /// known, `ETag` and `Last-Modified`.
    ///
    /// # Errors
    /// For a length or a time that no header can tell: there is none.
    pub(crate) fn answer(&self, file: FileState, mut response: HttpResponse) -> Result<FileAnswer> {
        let FileState { length, modified } = file;
        let etag = file.etag();
        response.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(etag) = &etag {
            response.headers.insert(ETAG, header_value(etag)?);
        }
        if let Some(date) = file.last_modified()? {
            response.headers.insert(LAST_MODIFIED, date);
        }
        match self.known.verdict(etag.as_deref(), modified) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(FileAnswer::Short(not_modified(response))),
            Verdict::Failed => return Ok(FileAnswer::Short(precondition_failed())),
        }
        let text =
            |header: &Option<HeaderValue>| header.as_ref().map(|value| latin1(value.as_bytes()).into_owned());
        let (range, if_range) = (text(&self.range), text(&self.if_range));
        let range = match part(range.as_deref(), if_range.as_deref(), etag.as_deref(), modified, length) {
            Part::Whole => 0..length,
            Part::Of(range) => {
                let value = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                response.headers.insert(CONTENT_RANGE, HeaderValue::try_from(value)?);
                response.status = StatusCode::PARTIAL_CONTENT;
                range
            }
            Part::Beyond => {
                response.headers.insert(CONTENT_RANGE, HeaderValue::try_from(format!("bytes */{length}"))?);
                // These speak of the file, which does not come along: nobody shall keep the refusal in its place.
                for name in [CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED] {
                    response.headers.remove(name);
                }
                return Ok(FileAnswer::Short(response.with_status(StatusCode::RANGE_NOT_SATISFIABLE)));
            }
        };
        response.headers.insert(CONTENT_LENGTH, header_number(range.end - range.start));
        Ok(FileAnswer::Part(response, range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileState = FileState { length: 10, modified: Some(5) };

    #[test]
    fn what_a_file_is_answered_with() {
        let ask = |method: &Method, name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            let asked = FileRequest::of(method, &headers);
            let (response, range) = match asked.answer(FILE, HttpResponse::default()).unwrap() {
                FileAnswer::Short(response) => (response, None),
                FileAnswer::Part(response, range) => (response, Some(range)),
            };
            let shown = response.header("content-range").unwrap_or_default().to_owned();
            (response.status.as_u16(), range, shown)
        };
        let (get, head) = (Method::GET, Method::HEAD);
        for (method, name, value, status, range, shown) in [
            (&get, "accept", "*/*", 200, Some(0..10), ""),
            (&get, "range", "bytes=2-4", 206, Some(2..5), "bytes 2-4/10"),
            (&head, "range", "bytes=2-4", 200, Some(0..10), ""),
            (&get, "range", "bytes=10-", 416, None, "bytes */10"),
            (&head, "range", "bytes=10-", 200, Some(0..10), ""),
            (&get, "if-none-match", "\"5-a\"", 304, None, ""),
            (&head, "if-modified-since", "Thu, 01 Jan 1970 00:00:05 GMT", 304, None, ""),
            (&get, "if-match", "\"6-a\"", 412, None, ""),
        ] {
            assert_eq!(
                ask(method, name, value),
                (status, range, shown.to_owned()),
                "{method} {name}: {value}"
            );
        }
    }

    #[test]
    fn a_range_beyond_the_end_says_nothing_of_the_file() {
        let mut headers = HeaderMap::new();
        headers.insert("range", HeaderValue::from_static("bytes=10-"));
        let mut head = HttpResponse::default();
        head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=315360000, public, immutable"));
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let answer = FileRequest::of(&Method::GET, &headers).answer(FILE, head).unwrap();
        let FileAnswer::Short(response) = answer else { panic!("{answer:?}") };
        assert_eq!(response.header("content-range"), Some("bytes */10"));
        for name in [CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED] {
            assert!(!response.headers.contains_key(&name), "{name}");
        }
    }

    #[test]
    fn what_is_known_of_a_file_is_told() {
        let asked = FileRequest::of(&Method::GET, &HeaderMap::new());
        let told = |file| match asked.answer(file, HttpResponse::default()).unwrap() {
            FileAnswer::Part(response, _) => [ETAG, LAST_MODIFIED, CONTENT_LENGTH]
                .map(|name| response.header(name.as_str()).map(str::to_owned)),
            FileAnswer::Short(response) => panic!("{response:?}"),
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(told(FILE), [text("\"5-a\""), text("Thu, 01 Jan 1970 00:00:05 GMT"), text("10")]);
        assert_eq!(told(FileState { modified: None, ..FILE }), [None, None, text("10")]);
    }
}
