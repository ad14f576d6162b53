//! `nuages.contrib.staticfiles.middleware.StaticFilesMiddleware`: serves what `collectstatic` collected, in production.
//!
//! The files are looked for once, when the site starts; a request can only name one of those. It answers with an `ETag`, a
//! packed variant where one lies beside the file and the client takes it, parts of files, and caching times: for ever where
//! the name has a hash in it, `STATIC_MAX_AGE` otherwise. Put it behind `SecurityMiddleware` and before everything else.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE, VARY,
};
use http::{Method, StatusCode};
use tokio::task::spawn_blocking;

use super::served::{Served, ServedFile};
use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::staticfiles::StaticFilesSettings;
use crate::error::Result;
use crate::http::conditional::{Preconditions, Verdict, not_modified, precondition_failed};
use crate::http::date::{http_date, moment_at, parse_http_date};
use crate::http::file_body::file_body;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;
use crate::views::static_files::modified_seconds;

/// Ten years: `immutable` says the rest.
const FOREVER: HeaderValue = HeaderValue::from_static("max-age=315360000, public, immutable");

/// See the [module](self).
#[derive(Debug)]
pub struct StaticFilesMiddleware {
    served: Served,
    /// The path of `STATIC_URL`; empty where there is nothing to serve.
    prefix: String,
    max_age: HeaderValue,
}

impl FromProject for StaticFilesMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let fault = |message: String, hint: &str| {
            Err(vec![CheckMessage::error("nuages.E153", message).hint(hint).object("MIDDLEWARE")])
        };
        let files = project.static_files();
        let settings: Arc<StaticFilesSettings> = project.settings().section();
        let core: Arc<CoreSettings> = project.settings().section();
        let Some(location) = files.storage().location.as_deref() else {
            return fault(
                "StaticFilesMiddleware has no folder to serve".to_owned(),
                "Set STATIC_ROOT, and run collectstatic.",
            );
        };
        let Some(url) = files.url() else {
            return fault("StaticFilesMiddleware has no URL to serve under".to_owned(), "Set STATIC_URL.");
        };
        let served = match Served::of(location, files) {
            Ok(served) => served,
            Err(error) => {
                let message = format!("StaticFilesMiddleware cannot read the collected files: {error}");
                return fault(message, "Is STATIC_ROOT readable for the user that the site runs as?");
            }
        };
        let seconds = if core.debug { 0 } else { settings.static_max_age };
        let max_age = HeaderValue::try_from(format!("max-age={seconds}, public"));
        Ok(Self {
            served,
            prefix: path_of(url).to_owned(),
            max_age: max_age.unwrap_or(HeaderValue::from_static("max-age=0, public")),
        })
    }
}

/// The path of a URL: a host before it is that of a cache, which asks here.
fn path_of(url: &str) -> &str {
    match url.find("//").filter(|at| *at == 0 || url[..*at].ends_with(':')) {
        None => url,
        Some(at) => url[at + 2..].find('/').map_or("/", |slash| &url[at + 2 + slash..]),
    }
}

#[async_trait]
impl Middleware for StaticFilesMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let name = request.path().strip_prefix(self.prefix.as_str());
        let Some(file) = name.and_then(|name| self.served.get(name)) else {
            return Ok(next.run(request).await);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(HttpResponse::not_allowed(&["GET", "HEAD"]));
        }
        self.respond(file, &request).await
    }
}

impl StaticFilesMiddleware {
    async fn respond(&self, file: &ServedFile, request: &HttpRequest) -> Result<HttpResponse> {
        let headers = request.headers();
        let (path, coding) = choose(file, headers.get(ACCEPT_ENCODING));
        let mut response = HttpResponse::default();
        response.set_header("content-type", &file.content_type)?;
        if let Some(coding) = coding.or(file.encoding) {
            response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if !file.variants.is_empty() {
            response.headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        let cache_control = if file.immutable { FOREVER } else { self.max_age.clone() };
        response.headers.insert(CACHE_CONTROL, cache_control);
        response.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let wanted = Wanted::of(request.method(), headers);
        let path = path.clone();
        spawn_blocking(move || wanted.answer(path, response)).await?
    }
}

/// The file that the client takes: packed, if it says that it can unpack it.
fn choose<'a>(file: &'a ServedFile, accepted: Option<&HeaderValue>) -> (&'a PathBuf, Option<&'static str>) {
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let best = file
        .variants
        .iter()
        .map(|(coding, path)| (quality(accepted, coding), *coding, path))
        .filter(|(quality, ..)| *quality > 0)
        // The first of equals: they are in our order.
        .reduce(|best, other| if other.0 > best.0 { other } else { best });
    match best {
        Some((_, coding, path)) => (path, Some(coding)),
        None => (&file.path, None),
    }
}

/// How much the client likes that coding, in thousandths (RFC 9110 section 12.5.3); a `*` does not count, since it is not
/// known what stands behind it.
fn quality(accepted: &str, coding: &str) -> u32 {
    for entry in accepted.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding)) {
            continue;
        }
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        return match weight.map(str::parse::<f32>) {
            None => 1000,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and 1000"
            )]
            Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u32,
            Some(_) => 0,
        };
    }
    0
}

/// What the client knows of the file already, and which part of it it wants.
#[derive(Debug, Default)]
struct Wanted {
    known: Preconditions,
    range: Option<String>,
    if_range: Option<String>,
}

impl Wanted {
    fn of(method: &Method, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
        Self { known: Preconditions::of(method, headers), range: text(RANGE), if_range: text(IF_RANGE) }
    }

    /// Opens the file and answers (RFC 9110 sections 13.2.2 and 14.2). What is told of the file is told of what was opened.
    fn answer(&self, path: PathBuf, mut response: HttpResponse) -> Result<HttpResponse> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let (length, changed) = (about.len(), modified_seconds(&about));
        let etag = format!("\"{changed:x}-{length:x}\"");
        response.headers.insert(ETAG, HeaderValue::try_from(&etag)?);
        #[expect(clippy::cast_precision_loss, reason = "files are not changed in the year 285,000,000")]
        if let Some(moment) = moment_at(changed as f64) {
            response.headers.insert(LAST_MODIFIED, HeaderValue::try_from(http_date(moment))?);
        }
        match self.known.verdict(Some(&etag), Some(changed)) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(not_modified(response)),
            Verdict::Failed => return Ok(precondition_failed()),
        }
        let range = match self.part(&etag, changed, length) {
            Part::Whole => 0..length,
            Part::Of(range) => {
                let value = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                response.headers.insert(CONTENT_RANGE, HeaderValue::try_from(value)?);
                response.status = StatusCode::PARTIAL_CONTENT;
                range
            }
            Part::Beyond => {
                response.headers.insert(CONTENT_RANGE, HeaderValue::try_from(format!("bytes */{length}"))?);
                return Ok(response.with_status(StatusCode::RANGE_NOT_SATISFIABLE));
            }
        };
        response.headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        response.set_body(file_body(file, range)?);
        Ok(response)
    }

    /// The part that is asked for. Several parts at once are answered with the whole file: no browser asks for them, and
    /// thousands of tiny ones are an attack.
    fn part(&self, etag: &str, changed: i64, length: u64) -> Part {
        let Some(range) = self.range.as_deref() else { return Part::Whole };
        let is_current = match self.if_range.as_deref() {
            None => true,
            Some(tag) if tag.starts_with('"') => tag == etag,
            Some(date) => parse_http_date(date) == Some(changed),
        };
        let Some((first, last)) = range
            .strip_prefix("bytes=")
            .filter(|_| is_current)
            .and_then(|range| range.trim().split_once('-'))
        else {
            return Part::Whole;
        };
        let number = |text: &str| -> Option<Option<u64>> {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            // A number beyond 64 bits is beyond any file.
            is_number.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
        };
        match (number(first), number(last)) {
            (Some(Some(first)), Some(last)) => {
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                match () {
                    () if last.is_some_and(|last| last < first) => Part::Whole,
                    () if first >= length => Part::Beyond,
                    () => Part::Of(first..end),
                }
            }
            (Some(None), Some(Some(count))) => match count.min(length) {
                0 => Part::Beyond,
                count => Part::Of(length - count..length),
            },
            _ => Part::Whole,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Of(Range<u64>),
    Beyond,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_of_a_file() {
        let part =
            |range: &str| Wanted { range: Some(range.to_owned()), ..Wanted::default() }.part("\"e\"", 5, 10);
        for (range, expected) in [
            ("bytes=0-0", Part::Of(0..1)),
            ("bytes=3-", Part::Of(3..10)),
            ("bytes=3-99", Part::Of(3..10)),
            ("bytes=-4", Part::Of(6..10)),
            ("bytes=-99", Part::Of(0..10)),
            ("bytes=9-99999999999999999999999", Part::Of(9..10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=99999999999999999999999-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=5-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(range), expected, "{range}");
        }
        let if_range = |tag: &str| {
            let range = Some("bytes=0-0".to_owned());
            Wanted { range, if_range: Some(tag.to_owned()), ..Wanted::default() }.part("\"e\"", 5, 10)
        };
        assert_eq!(if_range("\"e\""), Part::Of(0..1));
        assert_eq!(if_range("Thu, 01 Jan 1970 00:00:05 GMT"), Part::Of(0..1));
        for other in ["\"x\"", "W/\"e\"", "Thu, 01 Jan 1970 00:00:06 GMT", "x"] {
            assert_eq!(if_range(other), Part::Whole, "{other}");
        }
    }

    #[test]
    fn what_the_client_takes() {
        for (accepted, coding, expected) in [
            ("gzip", "gzip", 1000),
            ("GZIP;q=0.5, br", "gzip", 500),
            ("gzip;q=0", "gzip", 0),
            ("gzip; q=1.0", "gzip", 1000),
            ("gzip;q=2", "gzip", 0),
            ("gzip;q=x", "gzip", 0),
            ("*", "gzip", 0),
            ("", "gzip", 0),
            ("x-gzip", "gzip", 0),
        ] {
            assert_eq!(quality(accepted, coding), expected, "{accepted}");
        }
    }

    #[test]
    fn paths_of_urls() {
        assert_eq!(path_of("https://cdn.example.com/static/"), "/static/");
        assert_eq!(path_of("/static/"), "/static/");
        assert_eq!(path_of("//cdn.example.com/s/"), "/s/");
    }
}
