//! `nuages.contrib.staticfiles.middleware.StaticFilesMiddleware`: serves what `collectstatic` collected, in production.
//!
//! The files are looked for once, when the site starts; a request can only name one of those. It answers with an `ETag`, a
//! packed variant where one lies beside the file and the client takes it, parts of files, and caching times: for ever where
//! the name has a hash in it, `STATIC_MAX_AGE` otherwise. Put it behind `SecurityMiddleware` and before everything else.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, VARY};
use tokio::task::spawn_blocking;

use super::served::{Served, ServedFile};
use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::staticfiles::StaticFilesSettings;
use crate::error::Result;
use crate::http::file_body::file_body;
use crate::http::file_request::{FileAnswer, FileRequest, FileState};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;

/// The name in `MIDDLEWARE`.
pub(super) const NAME: &str = "nuages.contrib.staticfiles.middleware.StaticFilesMiddleware";

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
        if let Some(before) = cookies_before(&core.middleware) {
            return fault(
                format!("StaticFilesMiddleware stands behind {before:?}, which may set a cookie"),
                "Put it before: caches keep its answers for everybody, with all that they carry.",
            );
        }
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

/// The layers that send one visitor's cookies.
const SET_COOKIES: [&str; 3] = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
];

/// The layer around the static files that would send cookies with them (Rails' CVE-2024-26144).
fn cookies_before(middleware: &[String]) -> Option<&str> {
    let outer = middleware.iter().map(String::as_str).take_while(|name| *name != NAME);
    outer.filter(|name| SET_COOKIES.contains(name)).last()
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
        let asked = FileRequest::of(request.method(), headers);
        let path = path.clone();
        spawn_blocking(move || answer(&asked, &path, response)).await?
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

/// Opens the file and answers. What is told of the file is told of what was opened.
fn answer(asked: &FileRequest, path: &Path, response: HttpResponse) -> Result<HttpResponse> {
    let file = File::open(path)?;
    match asked.answer(FileState::of(&file.metadata()?), response)? {
        FileAnswer::Short(response) => Ok(response),
        FileAnswer::Part(mut response, range) => {
            response.set_body(file_body(file, range)?);
            Ok(response)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn no_wish_is_beyond_the_scale(accepted in "[gzipGZIPbr;q=.0-9, -]{0,40}") {
            prop_assert!(quality(&accepted, "gzip") <= 1000);
        }
    }

    #[test]
    fn paths_of_urls() {
        assert_eq!(path_of("https://cdn.example.com/static/"), "/static/");
        assert_eq!(path_of("/static/"), "/static/");
        assert_eq!(path_of("//cdn.example.com/s/"), "/s/");
    }
}
