//! Conditional requests: validators, and what a request's conditions make of them (RFC 9110 section 13, Django 5.2
//! `utils/cache.py` and `views/decorators/http.py`). Nothing here does I/O.

use std::borrow::Cow;

use http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use md5::{Digest as _, Md5};
use time::OffsetDateTime;

use crate::error::Result;
use crate::http::charset::latin1;
use crate::http::date::{http_date, parse_http_date};
use crate::http::header_value::header_value;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;

/// The conditions that a request puts; cheap to keep while a view has the request.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    /// GET and HEAD may be answered 304; for any other method that would hide that nothing was done.
    safe: bool,
    if_match: Option<HeaderValue>,
    if_none_match: Option<HeaderValue>,
    if_unmodified_since: Option<HeaderValue>,
    if_modified_since: Option<HeaderValue>,
}

/// What a request's conditions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// 304: the client has what it asks for.
    NotModified,
    /// 412: the client wants to change something that is not there any more.
    Failed,
}

impl Preconditions {
    /// The conditions of a request with that method and those headers.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).cloned();
        Self {
            safe: *method == Method::GET || *method == Method::HEAD,
            if_match: header(IF_MATCH),
            if_none_match: header(IF_NONE_MATCH),
            if_unmodified_since: header(IF_UNMODIFIED_SINCE),
            if_modified_since: header(IF_MODIFIED_SINCE),
        }
    }

    /// Whether the request puts none: whatever the validators are, [`Preconditions::verdict`] is [`Verdict::Proceed`].
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none()
            && self.if_none_match.is_none()
            && self.if_unmodified_since.is_none()
            && self.if_modified_since.is_none()
    }

    /// Holds them against what is known of the resource: its quoted ETag, and when it was last changed, in seconds since 1970.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, Method};
    /// use nuages::http::conditional::{Preconditions, Verdict};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("if-none-match", HeaderValue::from_static("\"a\", \"b\""));
    /// let conditions = Preconditions::of(&Method::GET, &headers);
    /// assert_eq!(conditions.verdict(Some("\"b\""), None), Verdict::NotModified);
    /// assert_eq!(conditions.verdict(Some("\"c\""), None), Verdict::Proceed);
    /// ```
    #[must_use]
    pub fn verdict(&self, etag: Option<&str>, last_modified: Option<i64>) -> Verdict {
        if self.is_empty() {
            return Verdict::Proceed;
        }
        let etag = etag.filter(|etag| !etag.is_empty());
        // A date that cannot be read, and the epoch, count as none: both are false in Python.
        let last_modified = last_modified.filter(|&seconds| seconds != 0);
        let date = |header: &Option<HeaderValue>| {
            let text = latin1(header.as_ref()?.as_bytes());
            parse_http_date(&text).filter(|&seconds| seconds != 0)
        };
        let lists = [&self.if_match, &self.if_none_match]
            .map(|header| header.as_ref().map(|value| latin1(value.as_bytes())).unwrap_or_default());
        let [if_match, if_none_match] = [parse_etags(&lists[0]), parse_etags(&lists[1])];

        if !if_match.is_empty() {
            if !etag.is_some_and(|etag| matches_strongly(etag, &if_match)) {
                return Verdict::Failed;
            }
        } else if let Some(since) = date(&self.if_unmodified_since)
            && last_modified.is_none_or(|changed| changed > since)
        {
            return Verdict::Failed;
        }
        if !if_none_match.is_empty() {
            if etag.is_some_and(|etag| matches_weakly(etag, &if_none_match)) {
                return if self.safe { Verdict::NotModified } else { Verdict::Failed };
            }
        } else if let Some(since) = date(&self.if_modified_since)
            && self.safe
            && last_modified.is_some_and(|changed| changed <= since)
        {
            return Verdict::NotModified;
        }
        Verdict::Proceed
    }

    /// Holds them against a response that is made: unless it is a 2xx, it stays what it is. A 304 keeps the headers that
    /// belong to it and the cookies, a 412 nothing (Django's `get_conditional_response`).
    #[must_use]
    pub fn answer(
        &self,
        etag: Option<&str>,
        last_modified: Option<i64>,
        response: HttpResponse,
    ) -> HttpResponse {
        if !response.status.is_success() {
            return response;
        }
        match self.verdict(etag, last_modified) {
            Verdict::Proceed => response,
            Verdict::NotModified => not_modified(response),
            Verdict::Failed => precondition_failed(),
        }
    }
}

/// What tells one state of a resource from another: its ETag, its date, or both.
///
/// Said before the page is made, they can save making it (Django's `condition`, `etag` and `last_modified`):
///
/// ```
/// use nuages::http::conditional::Validators;
/// use nuages::prelude::*;
///
/// async fn tune(request: HttpRequest, id: u64) -> Result<HttpResponse> {
///     let version = 7; // asked of the database
///     let validators = Validators::new().etag(format!("tune-{id}-{version}"));
///     validators.respond(&request, async { render(&request, "tune.html", context! { id }).await }).await
/// }
/// # let _ = tune;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Validators {
    etag: Option<String>,
    last_modified: Option<i64>,
}

impl Validators {
    /// Nothing is known: every condition of a client counts as failed or as new, as RFC 9110 has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The ETag: `"…"` is a strong one, `W/"…"` a weak one, any other text is quoted and strong. `None`: there is nothing.
    pub fn etag(mut self, etag: impl Into<Option<String>>) -> Self {
        self.etag = etag.into().map(|etag| quote_etag(&etag).into_owned());
        self
    }

    /// When the resource was last changed; parts of a second are cut off. `None`: unknown.
    pub fn last_modified(mut self, moment: impl Into<Option<OffsetDateTime>>) -> Self {
        self.last_modified = moment.into().map(OffsetDateTime::unix_timestamp);
        self
    }

    /// 304 or 412 if the request's conditions say so, else what `view` makes; on GET and HEAD with the `ETag` and the
    /// `Last-Modified` that it does not set itself.
    ///
    /// # Errors
    /// What `view` fails with; an ETag with control characters.
    pub async fn respond(
        &self,
        request: &HttpRequest,
        view: impl Future<Output = Result<HttpResponse>>,
    ) -> Result<HttpResponse> {
        let conditions = Preconditions::of(request.method(), request.headers());
        let response = match self.short_answer(&conditions) {
            Some(response) => response,
            None => view.await?,
        };
        self.complete(&conditions, response)
    }

    /// The 304 or 412 that spares making the page.
    fn short_answer(&self, conditions: &Preconditions) -> Option<HttpResponse> {
        match conditions.verdict(self.etag.as_deref(), self.last_modified) {
            Verdict::Proceed => None,
            Verdict::NotModified => Some(HttpResponse::not_modified()),
            Verdict::Failed => Some(precondition_failed()),
        }
    }

    fn complete(&self, conditions: &Preconditions, mut response: HttpResponse) -> Result<HttpResponse> {
        if conditions.safe {
            self.set_headers(&mut response)?;
        }
        Ok(response)
    }

    fn set_headers(&self, response: &mut HttpResponse) -> Result<()> {
        let moment = self.last_modified.filter(|&seconds| seconds != 0);
        if let Some(moment) = moment.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            && !response.headers.contains_key(LAST_MODIFIED)
        {
            response.headers.insert(LAST_MODIFIED, HeaderValue::try_from(http_date(moment))?);
        }
        if let Some(etag) = &self.etag
            && !response.headers.contains_key(ETAG)
        {
            response.headers.insert(ETAG, header_value(etag)?);
        }
        Ok(())
    }
}

/// What a 304 keeps (RFC 9110 section 15.4.5, and `Last-Modified`).
const KEPT: [HeaderName; 7] = [CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, LAST_MODIFIED, VARY];

/// The 304 in the place of that response.
#[must_use]
pub fn not_modified(mut response: HttpResponse) -> HttpResponse {
    let mut short = HttpResponse::not_modified();
    for name in KEPT {
        if let Some(value) = response.headers.remove(&name) {
            short.headers.insert(name, value);
        }
    }
    std::mem::swap(short.cookies_mut(), response.cookies_mut());
    short
}

/// A 412 without a body.
#[must_use]
pub fn precondition_failed() -> HttpResponse {
    HttpResponse::new("").with_status(StatusCode::PRECONDITION_FAILED)
}

/// Gives the response an ETag made of its body, unless it streams or is empty (Django's `set_response_etag`).
pub fn set_response_etag(response: &mut HttpResponse) {
    let Some(content) = response.content().filter(|content| !content.is_empty()) else { return };
    let mut text = [b'"'; 34];
    for (pair, byte) in text[1..33].chunks_exact_mut(2).zip(Md5::digest(content)) {
        pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    // Quoted hex digits are a header value.
    if let Ok(etag) = HeaderValue::from_bytes(&text) {
        response.headers.insert(ETAG, etag);
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The well-formed ETags of an `If-Match` or `If-None-Match`, or `["*"]` for a star alone (Django's `parse_etags`).
#[must_use]
pub fn parse_etags(header: &str) -> Vec<&str> {
    if header.trim() == "*" {
        return vec!["*"];
    }
    header.split(',').map(str::trim).filter(|etag| is_etag(etag)).collect()
}

/// The text as an ETag: in quotes unless it is one already (Django's `quote_etag`).
#[must_use]
pub fn quote_etag(text: &str) -> Cow<'_, str> {
    if is_etag(text) { Cow::Borrowed(text) } else { Cow::Owned(format!("\"{text}\"")) }
}

fn is_etag(text: &str) -> bool {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"'))
}

/// RFC 9110 section 13.1.1: a weak ETag matches nothing but `*`.
fn matches_strongly(etag: &str, wanted: &[&str]) -> bool {
    wanted == ["*"] || !etag.starts_with("W/") && wanted.contains(&etag)
}

/// RFC 9110 section 13.1.2.
fn matches_weakly(etag: &str, wanted: &[&str]) -> bool {
    // The letters go from either end, as Python's `strip` takes them: an ETag that no quotes are around may have both.
    let opaque = |etag: &'_ str| etag.trim_matches(['W', '/']).to_owned();
    wanted == ["*"] || wanted.iter().any(|other| opaque(other) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use time::PrimitiveDateTime;
    use time::format_description::well_known::Iso8601;

    use super::*;
    use crate::http::vectors;

    fn moment(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Iso8601::PARSING)
            .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc))
            .unwrap()
    }

    #[test]
    fn conditions_are_held_as_django_holds_them() {
        for case in vectors::load("condition_decorator") {
            let guard = &case["guard"];
            let validators = Validators::new()
                .etag(guard["etag"].as_str().map(str::to_owned))
                .last_modified(guard["last_modified"].as_str().map(moment));
            let mut headers = HeaderMap::new();
            for (name, value) in case["headers"].as_object().unwrap() {
                let bytes = vectors::bytes(value);
                headers.insert(
                    HeaderName::try_from(name.as_str()).unwrap(),
                    HeaderValue::from_bytes(&bytes).unwrap(),
                );
            }
            let method: Method = case["method"].as_str().unwrap().parse().unwrap();
            let conditions = Preconditions::of(&method, &headers);
            let response = validators.short_answer(&conditions).unwrap_or_else(|| HttpResponse::new("x"));
            let response = validators.complete(&conditions, response).unwrap();
            assert_eq!(
                (u64::from(response.status.as_u16()), vectors::headers(&response)),
                (case["status"].as_u64().unwrap(), vectors::expected_headers(&case["out"])),
                "{case}"
            );
        }
    }

    #[test]
    fn a_304_keeps_what_belongs_to_it() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"a\""));
        let conditions = Preconditions::of(&Method::GET, &headers);
        let made = || HttpResponse::new("page").with_header("X-Other", "1").unwrap();
        let mut response = made().with_header("Vary", "Cookie").unwrap();
        response.set_cookie(crate::http::set_cookie::SetCookie::new("k", "v")).unwrap();
        let short = conditions.answer(Some("\"a\""), None, response);
        assert_eq!(
            (short.status, short.header("vary"), short.header("x-other")),
            (StatusCode::NOT_MODIFIED, Some("Cookie"), None)
        );
        assert_eq!(short.cookies().iter().count(), 1);
        let missing = conditions.answer(Some("\"a\""), None, made().with_status(StatusCode::NOT_FOUND));
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
    }

    #[test]
    fn etags_are_md5_of_the_body() {
        let mut response = HttpResponse::new("x");
        set_response_etag(&mut response);
        assert_eq!(response.header("etag"), Some("\"9dd4e461268c8034f5c8564e155c67a6\""));
        let mut empty = HttpResponse::new("");
        set_response_etag(&mut empty);
        assert!(!empty.has_header("etag"));
    }
}
