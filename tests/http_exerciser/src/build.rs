//! A response as a description says it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::stream;
use nuages::conf::core;
use nuages::error::BoxError;
use nuages::http::body::Body;
use nuages::http::cache_control::{
    CacheControlError, Directive, add_never_cache_headers, patch_cache_control,
};
use nuages::http::charset::Charset;
use nuages::http::file_response::FileResponse;
use nuages::http::header_value::HeaderError;
use nuages::http::json::JsonStyle;
use nuages::http::set_cookie::CookieError;
use nuages::http::uri::UriError;
use nuages::http::vary::patch_vary_headers;
use nuages::prelude::*;
use nuages::routes::reverse::NoReverseMatch;
use nuages::serialize::value::{Dict, Value};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::values::{Content, answer, member, text_of};
use crate::views::addresses::arguments;

/// What building may end in.
pub(crate) enum Failure {
    /// An error of Django's, by its name.
    Named(&'static str),
    /// One that becomes a page.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Internal(inner) if inner.is::<UriError>() => Self::Named("ValueError"),
            _ => Self::Error(error),
        }
    }
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Name { name } if name.is_ascii() => Self::Named("BadHeaderError"),
            HeaderError::Name { .. } => Self::Named("UnicodeError"),
            _ => Self::Named("BadHeaderError"),
        }
    }
}

impl From<CookieError> for Failure {
    fn from(error: CookieError) -> Self {
        match error {
            CookieError::Name(_) => Self::Named("CookieError"),
            CookieError::SameSite { .. } | CookieError::ExpiresAndMaxAge(_) => Self::Named("ValueError"),
            error => Self::Error(error.into()),
        }
    }
}

impl From<CacheControlError> for Failure {
    fn from(error: CacheControlError) -> Self {
        match error {
            CacheControlError::MaxAge(_) => Self::Named("ValueError"),
            error => Self::Error(error.into()),
        }
    }
}

type Built<T = HttpResponse> = Result<T, Failure>;

/// The response, or what its building failed with.
pub(crate) async fn build(request: &HttpRequest, spec: &Dict) -> Result<HttpResponse> {
    match make(request, spec).await.and_then(|response| finish(request, response, spec)) {
        Ok(response) => Ok(response),
        Err(Failure::Named(name)) => {
            Ok(answer(&json!({"error": name}))?.with_status(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Err(Failure::Error(error)) => Err(error),
    }
}

/// What every constructor takes.
struct Options {
    status: Option<StatusCode>,
    reason: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    charset: Charset,
    charset_name: String,
}

impl Options {
    fn read(request: &HttpRequest, spec: &Dict) -> Built<Self> {
        let text = |name: &str| member(spec, name).map(text_of);
        let mut headers: Vec<(String, String)> = Vec::new();
        for pair in member(spec, "headers_arg").and_then(Value::as_list).unwrap_or_default() {
            let [name, value] = pair.as_list().unwrap_or_default() else { continue };
            let (name, value) = (text_of(name), text_of(value));
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        let typed = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
        let content_type = text("content_type");
        let default_type = match spec.get("kind").and_then(Value::as_str) {
            Some("json") => Some("application/json".to_owned()),
            _ => None,
        };
        let given = headers.iter().find(typed).map(|(_, value)| value.clone());
        let chosen = content_type.or(default_type);
        if given.is_some() && chosen.as_ref().is_some_and(|text| !text.is_empty()) {
            return Err(Failure::Named("ValueError"));
        }
        let (charset, charset_name) = charset(request, spec, given.as_deref().or(chosen.as_deref()))?;
        let status = match member(spec, "status") {
            None => None,
            Some(value) => {
                let code: i64 = text_of(value).parse().map_err(|_| Failure::Named("TypeError"))?;
                let code = u16::try_from(code).ok().filter(|code| (100..=599).contains(code));
                Some(StatusCode::from_u16(code.ok_or(Failure::Named("ValueError"))?).map_err(Error::from)?)
            }
        };
        let content_type = chosen.filter(|_| given.is_none());
        Ok(Self { status, reason: text("reason"), content_type, headers, charset, charset_name })
    }

    fn encode(&self, content: Content) -> Built<Vec<u8>> {
        encode(content, self.charset)
    }

    /// Puts them on a response whose `Content-Type` nothing has said yet.
    fn apply(&self, mut response: HttpResponse) -> Built {
        if let Some(status) = self.status {
            response.status = status;
        }
        if let Some(reason) = &self.reason {
            response = response.with_reason(reason)?;
        }
        let default = || format!("text/html; charset={}", self.charset_name);
        response.set_header("content-type", &self.content_type.clone().unwrap_or_else(default))?;
        for (name, value) in &self.headers {
            response.set_header(name, value)?;
        }
        Ok(response)
    }
}

/// What the description, the content type or the settings say, in this order; also by its name.
fn charset(request: &HttpRequest, spec: &Dict, content_type: Option<&str>) -> Built<(Charset, String)> {
    let default = || match request.project().core().default_charset {
        core::Charset::Utf8 => "utf-8".to_owned(),
        core::Charset::Latin1 => "iso-8859-1".to_owned(),
    };
    let declared = || content_type.and_then(declared_charset);
    let name = member(spec, "charset").map(text_of).or_else(declared).unwrap_or_else(default);
    let charset =
        Charset::lookup(&name).ok_or_else(|| Error::internal(format!("unknown encoding: {name}")))?;
    Ok((charset, name))
}

fn encode(content: Content, charset: Charset) -> Built<Vec<u8>> {
    match content {
        Content::Bytes(bytes) => Ok(bytes),
        Content::Text(text) => charset.encode(&text).map(Into::into).ok_or(Failure::Named("UnicodeError")),
    }
}

/// The charset that a content type names (Django 5.2 `http/response.py`).
fn declared_charset(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    let at = lower
        .match_indices("charset=")
        .map(|(at, _)| at)
        .find(|&at| lower[..at].trim_end().ends_with(';'))?;
    let rest = &content_type[at + "charset=".len()..];
    let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].replace('"', ""))
}

fn content(request: &HttpRequest, spec: &Dict) -> Built<Content> {
    static COUNTS: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);
    let empty = Value::Str(String::new());
    let content = Content::read(spec.get("content").unwrap_or(&empty))?;
    let Some(member) = member(spec, "count") else { return Ok(content) };
    let name = request.query()?.get(&text_of(member)).unwrap_or_default().to_owned();
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.get_or_insert_default().entry(name).or_default();
    *count += 1;
    Ok(match content {
        Content::Text(text) => Content::Text(format!("{text} n={count}")),
        bytes @ Content::Bytes(_) => bytes,
    })
}

async fn make(request: &HttpRequest, spec: &Dict) -> Built {
    let kind = spec.get("kind").and_then(Value::as_str).unwrap_or("plain");
    let flag = |name: &str| spec.get(name).is_some_and(Value::is_truthy);
    let plain = |status: StatusCode| -> Built {
        let options = Options::read(request, spec)?;
        let body = options.encode(content(request, spec)?)?;
        options.apply(HttpResponse::new(body).with_status(status))
    };
    match kind {
        "plain" => plain(StatusCode::OK),
        "bad_request" => plain(StatusCode::BAD_REQUEST),
        "forbidden" => plain(StatusCode::FORBIDDEN),
        "not_found" => plain(StatusCode::NOT_FOUND),
        "gone" => plain(StatusCode::GONE),
        "server_error" => plain(StatusCode::INTERNAL_SERVER_ERROR),
        "not_allowed" => {
            let permitted = spec.get("permitted").and_then(Value::as_list).unwrap_or_default();
            let permitted: Vec<String> = permitted.iter().map(text_of).collect();
            let permitted: Vec<&str> = permitted.iter().map(String::as_str).collect();
            let options = Options::read(request, spec)?;
            let body = options.encode(content(request, spec)?)?;
            let mut response = HttpResponse::not_allowed(&permitted);
            response.set_content(body);
            options.apply(response)
        }
        "not_modified" => {
            let mut response = Options::read(request, spec)?.apply(HttpResponse::not_modified())?;
            response.headers.remove("content-type");
            Ok(response)
        }
        "json" => {
            let data = spec.get("data").ok_or_else(|| Error::internal("data is missing"))?;
            if !matches!(data, Value::Dict(_)) && spec.get("safe").is_none_or(Value::is_truthy) {
                return Err(Failure::Named("TypeError"));
            }
            let options = Options::read(request, spec)?;
            let mut response = match member(spec, "json_dumps_params").and_then(Value::as_dict) {
                None => HttpResponse::json(data)?,
                Some(params) => HttpResponse::json_with(data, &json_style(params))?,
            };
            let text = String::from_utf8_lossy(response.content().map_or(&[][..], |body| body)).into_owned();
            response.set_content(options.encode(Content::Text(text))?);
            options.apply(response)
        }
        "redirect" | "permanent_redirect" => {
            let options = Options::read(request, spec)?;
            let to = spec.get("to").map(text_of).unwrap_or_default();
            let status = redirect_status(kind == "permanent_redirect", flag("preserve_request"));
            let response = options.apply(HttpResponse::redirect_with(status, &to)?)?;
            Ok(if flag("preserve_request") { response.with_status(status) } else { response })
        }
        "shortcut" => {
            let to = spec.get("to").map(text_of).unwrap_or_default();
            let args = arguments(spec)?;
            let given = ["args", "kwargs"].iter().any(|name| spec.get(name).is_some_and(Value::is_truthy));
            let status = redirect_status(flag("permanent"), flag("preserve_request"));
            let made =
                if given { redirect(request, (to.as_str(), args)) } else { redirect(request, to.as_str()) };
            match made {
                Ok(response) => Ok(response.with_status(status)),
                Err(Error::Internal(error)) if error.is::<NoReverseMatch>() => {
                    Err(Failure::Named("NoReverseMatch"))
                }
                Err(error) => Err(error.into()),
            }
        }
        "streaming" => {
            // The pieces are encoded when the headers stand: see `finish`.
            Options::read(request, spec)?
                .apply(HttpResponse::streaming(stream::empty::<Result<Vec<u8>, BoxError>>()))
        }
        "file" => file(request, spec).await,
        _ => Err(Error::internal(format!("there is no kind {kind:?}")).into()),
    }
}

fn json_style(params: &Dict) -> JsonStyle {
    let mut style = JsonStyle::default();
    if let Some(spaces) = params.get("indent").and_then(Value::as_i64) {
        style = style.indent(usize::try_from(spaces).unwrap_or_default());
    }
    if let Some([between, after_name]) = params.get("separators").and_then(Value::as_list) {
        style = style.separators(text_of(between), text_of(after_name));
    }
    let flag = |name: &str, default: bool| params.get(name).map_or(default, Value::is_truthy);
    style.sort_keys(flag("sort_keys", false)).ensure_ascii(flag("ensure_ascii", true))
}

async fn file(request: &HttpRequest, spec: &Dict) -> Built {
    let described =
        spec.get("file").and_then(Value::as_dict).ok_or_else(|| Error::internal("file is an object"))?;
    let options = Options::read(request, spec)?;
    let mut bytes = match described.get("content").map(Content::read).transpose()? {
        None => Vec::new(),
        Some(Content::Text(text)) => text.into_bytes(),
        Some(Content::Bytes(bytes)) => bytes,
    };
    let seek = described.get("seek").and_then(Value::as_i64).unwrap_or_default();
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    bytes.drain(..usize::try_from(seek.clamp(0, length)).unwrap_or_default());
    let name = member(described, "name").map(text_of).unwrap_or_default();
    let mut file = opened(name, bytes)
        .await?
        .filename(described.get("filename").map(text_of).unwrap_or_default())
        .as_attachment(described.get("as_attachment").is_some_and(Value::is_truthy));
    if let Some(content_type) = &options.content_type {
        file = file.content_type(content_type);
    }
    let mut response = file.into_response().await?;
    let own: Vec<_> = response.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    response = options.apply(response)?;
    // What the file says of itself goes over what the constructor was given.
    for (name, value) in own {
        response.headers.insert(name, value);
    }
    Ok(response)
}

/// A file on disk where a file system has such a name, so that what is compared is how files are sent. Elsewhere, and in place of
/// Django's files without a name, bytes.
async fn opened(name: String, bytes: Vec<u8>) -> Result<FileResponse> {
    let is_plain =
        (1..=200).contains(&name.len()) && name != "." && name != ".." && !name.contains(['/', '\0']);
    if !is_plain {
        return Ok(FileResponse::bytes(name, bytes));
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    tokio::fs::write(&path, bytes).await?;
    // It stays as long as it is open.
    Ok(FileResponse::open(path).await?)
}

const fn redirect_status(permanent: bool, preserve_request: bool) -> StatusCode {
    match (permanent, preserve_request) {
        (false, false) => StatusCode::FOUND,
        (true, false) => StatusCode::MOVED_PERMANENTLY,
        (false, true) => StatusCode::TEMPORARY_REDIRECT,
        (true, true) => StatusCode::PERMANENT_REDIRECT,
    }
}

fn finish(request: &HttpRequest, mut response: HttpResponse, spec: &Dict) -> Built {
    let list = |name: &str| spec.get(name).and_then(Value::as_list).unwrap_or_default();
    for pair in list("headers") {
        let [name, value] = pair.as_list().unwrap_or_default() else { continue };
        response.set_header(&text_of(name), &text_of(value))?;
    }
    for pair in list("setdefault") {
        let [name, value] = pair.as_list().unwrap_or_default() else { continue };
        response.set_default_header(&text_of(name), &text_of(value))?;
    }
    for name in list("delete_headers") {
        response.headers.remove(text_of(name).as_str());
    }
    for cookie in list("cookies") {
        let cookie = cookie.as_dict().ok_or_else(|| Error::internal("a cookie is an object"))?;
        set_cookie(request, &mut response, cookie)?;
    }
    for names in list("patch_vary") {
        let names: Vec<String> = names.as_list().unwrap_or_default().iter().map(text_of).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        patch_vary_headers(&mut response.headers, &names);
    }
    for members in list("patch_cache_control") {
        patch_control(&mut response, members.as_dict().unwrap_or(&Dict::new()))?;
    }
    if spec.get("never_cache").is_some_and(Value::is_truthy) {
        add_never_cache_headers(&mut response.headers)?;
    }
    let content_type = response
        .headers
        .get("content-type")
        .map(|value| value.as_bytes().iter().copied().map(char::from).collect::<String>());
    for text in list("write") {
        if response.is_streaming() {
            return Err(Failure::Named("OSError"));
        }
        let (charset, _) = charset(request, spec, content_type.as_deref())?;
        response.write(encode(Content::Text(text_of(text)), charset)?)?;
    }
    if spec.get("kind").and_then(Value::as_str) == Some("streaming") {
        let (charset, _) = charset(request, spec, content_type.as_deref())?;
        let mut chunks: Vec<Result<Vec<u8>, BoxError>> = Vec::new();
        for chunk in list("chunks") {
            chunks.push(match encode(Content::read(chunk)?, charset) {
                Ok(bytes) => Ok(bytes),
                Err(Failure::Named(name)) => Err(name.into()),
                Err(error) => return Err(error),
            });
        }
        response.set_body(Body::stream(stream::iter(chunks)));
    }
    Ok(response)
}

fn patch_control(response: &mut HttpResponse, members: &Dict) -> Built<()> {
    let members: Vec<(String, &Value)> = members
        .iter()
        .map(|(name, value)| (name.as_str().unwrap_or_default().replace('_', "-"), value))
        .collect();
    let directives: Vec<Directive<'_>> = members
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Bool(true) => Some(Directive::Flag(name)),
            Value::Bool(false) => Some(Directive::Text(name, "False")),
            Value::Int(seconds) => Some(Directive::Seconds(name, u64::try_from(*seconds).ok()?)),
            Value::Str(text) => Some(Directive::Text(name, text)),
            _ => None,
        })
        .collect();
    // Python compares no text with a number.
    let is_compared = |directive: &Directive<'_>| matches!(directive, Directive::Text("max-age", _));
    let there = response.header("cache-control").unwrap_or_default().to_lowercase();
    if directives.iter().any(is_compared) && there.split(',').any(|one| one.trim().starts_with("max-age")) {
        let number =
            there.split(',').map(str::trim).filter_map(|one| one.strip_prefix("max-age=")).next_back();
        let named =
            if number.is_none_or(|text| text.parse::<i64>().is_ok()) { "TypeError" } else { "ValueError" };
        return Err(Failure::Named(named));
    }
    Ok(patch_cache_control(&mut response.headers, &directives)?)
}

fn set_cookie(request: &HttpRequest, response: &mut HttpResponse, spec: &Dict) -> Built<()> {
    let text = |name: &str| member(spec, name).map(text_of);
    let flag = |name: &str| spec.get(name).is_some_and(Value::is_truthy);
    let op = spec.get("op").and_then(Value::as_str).unwrap_or("set");
    let key = text("key").unwrap_or_default();
    let value = spec.get("value").map(text_of).unwrap_or_default();
    let mut cookie = match op {
        "delete" => SetCookie::deletion(key),
        _ => SetCookie::new(key, value),
    };
    if spec.contains_key("path") {
        cookie = cookie.path(text("path").as_deref());
    }
    cookie = cookie
        .domain(text("domain").as_deref())
        .same_site(text("samesite").filter(|_| flag("samesite")).as_deref());
    if op != "delete" {
        cookie = cookie.secure(flag("secure")).http_only(flag("httponly"));
        if let Some(age) = member(spec, "max_age_delta").or_else(|| member(spec, "max_age")) {
            cookie = match age {
                Value::Float(seconds) => cookie.max_age(*seconds),
                age => cookie.max_age(age.as_i64().unwrap_or_default()),
            };
        }
        if let Some(expires) = text("expires") {
            cookie = cookie.expires(expires);
        }
        if let Some(moment) = text("expires_at") {
            cookie = cookie.expires_at(iso_moment(&moment)?);
        }
        if let Some(seconds) = member(spec, "expires_in").and_then(Value::as_f64) {
            cookie = cookie.expires_at(OffsetDateTime::now_utc() + Duration::seconds_f64(seconds));
        }
    }
    if op == "signed" {
        let salt = text("salt").unwrap_or_default();
        return Ok(response.set_signed_cookie(request.project(), cookie, &salt)?);
    }
    Ok(response.set_cookie(cookie)?)
}

/// An ISO 8601 date-time; a naive one is in UTC.
pub(crate) fn iso_moment(text: &str) -> Result<OffsetDateTime> {
    use time::PrimitiveDateTime;
    use time::format_description::well_known::Iso8601;
    match OffsetDateTime::parse(text, &Iso8601::PARSING) {
        Ok(moment) => Ok(moment),
        Err(_) => Ok(PrimitiveDateTime::parse(text, &Iso8601::PARSING)?.assume_utc()),
    }
}
