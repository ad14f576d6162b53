//! What a request says, as JSON.

use std::pin::pin;

use futures_util::StreamExt as _;
use nuages::http::uploaded_file::UploadedFile;
use nuages::prelude::*;
use nuages::routes::resolved::ResolverMatch;
use nuages::serialize::value::Value;
use serde_json::{Map, json};
use sha2::{Digest as _, Sha256};

use crate::values::{answer, hex, host_or_error, lists, sha256, typed};

const HEADERS: &[&str] = &[
    "Accept",
    "Accept-Language",
    "Authorization",
    "Content-Length",
    "Content-Type",
    "Host",
    "Origin",
    "Referer",
    "User-Agent",
    "X-Custom",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Requested-With",
];

const ACCEPTS: &[&str] =
    &["text/html", "application/json", "text/plain", "text/*", "*/*", "text/html;level=1"];

const PREFERRED: &[(&str, &[&str])] = &[
    ("html-json", &["text/html", "application/json"]),
    ("json-html", &["application/json", "text/html"]),
    ("levels", &["text/html;level=1", "text/html;level=2", "text/html"]),
    ("images", &["image/png", "image/*"]),
    ("none", &[]),
];

/// Any route leads here: whatever it captures, at most six values, is shown by `resolver_match`.
pub(crate) async fn echo(
    request: HttpRequest,
    _: Value,
    _: Value,
    _: Value,
    _: Value,
    _: Value,
    _: Value,
) -> Result<HttpResponse> {
    describe(&request, false).await
}

/// The same with the body read first.
pub(crate) async fn echo_body(request: HttpRequest) -> Result<HttpResponse> {
    describe(&request, true).await
}

async fn describe(request: &HttpRequest, body_first: bool) -> Result<HttpResponse> {
    let multipart = request.method() == Method::POST && request.content_type() == "multipart/form-data";
    if body_first {
        request.body().await?;
    }
    let post = lists(request.post().await?);
    let mut files = Vec::new();
    for (name, list) in request.files().await?.lists() {
        let mut described = Vec::new();
        for file in list {
            described.push(upload(file).await?);
        }
        files.push(json!([name, described]));
    }
    let (body_sha256, body_length) = if body_first || !multipart {
        let body = request.body().await?;
        (Some(sha256(&body)), Some(body.len()))
    } else {
        (None, None)
    };
    let query = request.query()?;
    // Python raises for a character that the charset lacks; nuages writes it in UTF-8.
    let urlencoded = match query.urlencode_in(query.encoding(), "") {
        Some(_) => json!(query.urlencode()),
        None => json!({"error": "UnicodeError"}),
    };
    let cookies: Vec<_> = request.cookies().iter().map(|(name, value)| json!([name, value])).collect();
    let params: Map<_, _> =
        request.content_params().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let accepts: Map<_, _> =
        ACCEPTS.iter().map(|&one| (one.to_owned(), json!(request.accepts(one)))).collect();
    let preferred: Map<_, _> = PREFERRED
        .iter()
        .map(|(name, types)| ((*name).to_owned(), json!(request.get_preferred_type(types))))
        .collect();
    answer(&json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "path_info": request.path_info(),
        "full_path": request.get_full_path(),
        "full_path_slash": request.get_full_path_with_slash(),
        "full_path_info": request.get_full_path_info(),
        "absolute_uri": host_or_error(request.build_absolute_uri(None))?,
        "scheme": request.scheme(),
        "secure": request.is_secure(),
        "host": host_or_error(request.get_host())?,
        "port": request.get_port(),
        "GET": lists(query),
        "GET_urlencode": urlencoded,
        "POST": post,
        "FILES": files,
        "COOKIES": cookies,
        "content_type": request.content_type(),
        "content_params": params,
        "encoding": request.content_param("charset").filter(|_| request.encoding().is_some()),
        "headers": headers(request),
        "body_sha256": body_sha256,
        "body_length": body_length,
        "accepts": accepts,
        "preferred": preferred,
        "resolver_match": request.resolver_match().map(|found| resolved(&found)),
    }))
}

async fn upload(file: &UploadedFile) -> Result<serde_json::Value> {
    let mut hash = Sha256::new();
    let mut chunks = pin!(file.chunks());
    while let Some(chunk) = chunks.next().await {
        hash.update(chunk?);
    }
    let extra: Map<_, _> =
        file.content_type_extra().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let code_points = |text: &str| text.bytes().map(char::from).collect::<String>();
    Ok(json!({
        "name": file.name(),
        "size": file.size(),
        "content_type": file.content_type(),
        "charset": file.charset().map(code_points),
        "extra": extra,
        "sha256": hex(&hash.finalize()),
    }))
}

/// Each byte of a header as a code point.
fn headers(request: &HttpRequest) -> Map<String, serde_json::Value> {
    let shown = HEADERS.iter().filter_map(|&name| {
        let value = request.headers().get(name)?;
        let text: String = value.as_bytes().iter().copied().map(char::from).collect();
        Some((name.to_owned(), json!(text)))
    });
    shown.collect()
}

fn resolved(found: &ResolverMatch<'_>) -> serde_json::Value {
    let object = |pairs: Vec<(&str, Value)>| -> Map<_, _> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), typed(value))).collect()
    };
    json!({
        "route": found.route(),
        "url_name": found.url_name(),
        "view_name": found.url_name().map(|_| found.view_name()),
        "namespaces": found.namespaces().collect::<Vec<_>>(),
        "app_names": found.app_names().collect::<Vec<_>>(),
        "args": found.args().iter().map(typed).collect::<Vec<_>>(),
        "kwargs": object(found.kwargs()),
        "captured_kwargs": object(found.captured_kwargs()),
        "extra_kwargs": object(found.extra_kwargs()),
    })
}
