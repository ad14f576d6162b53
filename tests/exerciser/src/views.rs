//! The endpoints of the protocol.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use nuages::error::BoxError;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};

use crate::ops::{BadOp, Bench, parse};
use crate::tags;

fn json_response(tree: &Value, status: StatusCode) -> Result<HttpResponse> {
    let text = json::dumps(tree)?;
    Ok(HttpResponse::new(text).with_content_type("application/json")?.with_status(status))
}

fn plain(text: &'static str) -> Result<HttpResponse> {
    Ok(HttpResponse::new(text).with_content_type("text/plain")?)
}

fn bad(BadOp(what): BadOp) -> Result<HttpResponse> {
    json_response(&Value::Dict(Dict::from([("bad", what)])), StatusCode::UNPROCESSABLE_ENTITY)
}

fn param(request: &HttpRequest, name: &str) -> Result<String> {
    request.query()?.get(name).map(str::to_owned).ok_or_else(|| Error::internal(format!("{name} is missing")))
}

async fn run(request: &mut HttpRequest, body: &Dict) -> Result<Value, BadOp> {
    let Some(Value::List(ops)) = body.get("ops") else { return Err(BadOp("ops is a list".to_owned())) };
    let trace = body.get("trace").is_some_and(Value::is_truthy);
    let project = std::sync::Arc::clone(request.project());
    let cookie_name = crate::cookie_name(&project);
    let cookies = request.cookies().clone();
    let mut bench = Bench {
        session: &mut request.session,
        cookies: Some(&cookies),
        cookie_name: &cookie_name,
        project: &project,
        handles: HashMap::new(),
    };
    let results = bench.run(ops.clone(), trace).await?;
    Ok(Value::Dict(Dict::from([("results", results)])))
}

pub(crate) async fn ops(mut request: HttpRequest) -> Result<HttpResponse> {
    let body = match parse(&request.body().await?) {
        Ok(body) => body,
        Err(error) => return bad(error),
    };
    let status = body
        .get("status")
        .and_then(Value::as_i64)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(200);
    let status = StatusCode::from_u16(status)?;
    match body.get("stream") {
        Some(Value::Str(when)) if when == "late" => {
            let late = stream::once(async move {
                let results = run(&mut request, &body).await.map_err(|BadOp(what)| what)?;
                Ok::<_, BoxError>(Bytes::from(json::dumps(&results)?))
            });
            Ok(HttpResponse::streaming(late).with_content_type("application/json")?.with_status(status))
        }
        stream => {
            let early = stream.is_some_and(Value::is_truthy);
            let results = match run(&mut request, &body).await {
                Ok(results) => results,
                Err(error) => return bad(error),
            };
            if !early {
                return json_response(&results, status);
            }
            let text = Bytes::from(json::dumps(&results)?);
            let chunks: Vec<Result<Bytes, BoxError>> =
                text.chunks(16).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            Ok(HttpResponse::streaming(stream::iter(chunks))
                .with_content_type("application/json")?
                .with_status(status))
        }
    }
}

pub(crate) async fn noop(_: HttpRequest) -> Result<HttpResponse> {
    plain("noop")
}

pub(crate) async fn read(request: HttpRequest) -> Result<HttpResponse> {
    let value = request.session.get_value(&param(&request, "key")?).await?.unwrap_or(Value::None);
    json_response(&Value::Dict(Dict::from([("value", tags::encode(value))])), StatusCode::OK)
}

pub(crate) async fn set(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set_value(param(&request, "key")?, param(&request, "value")?).await?;
    json_response(&Value::Dict(Dict::from([("ok", true)])), StatusCode::OK)
}

pub(crate) async fn sleepset(request: HttpRequest) -> Result<HttpResponse> {
    let before: Value = request.session.dict().await?.into_iter().map(|(key, _)| key.into_value()).collect();
    let wait = param(&request, "ms")?.parse()?;
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let value = request.query()?.get("value").unwrap_or("1").to_owned();
    request.session.set_value(param(&request, "key")?, value).await?;
    json_response(&Value::Dict(Dict::from([("before", tags::encode(before))])), StatusCode::OK)
}

pub(crate) async fn error(request: HttpRequest) -> Result<HttpResponse> {
    let status: StatusCode = request.query()?.get("status").unwrap_or("500").parse()?;
    request.session.set("error_status", status.as_u16()).await?;
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(HttpResponse::new("").with_status(status));
    }
    let response = plain("error")?.with_status(status);
    if status.is_redirection() { Ok(response.with_header("location", "/noop/")?) } else { Ok(response) }
}

pub(crate) async fn raise(request: HttpRequest) -> Result<HttpResponse> {
    let kind = request.query()?.get("kind").unwrap_or("ValueError").to_owned();
    if request.query()?.get("touch").unwrap_or("1") == "1" {
        request.session.set("raised", &kind).await?;
    }
    let reason = "raised on purpose";
    Err(match kind.as_str() {
        "Http404" => Error::not_found(reason),
        "PermissionDenied" => Error::permission_denied(reason),
        "BadRequest" => Error::bad_request(reason),
        "SuspiciousOperation" => Error::suspicious("SuspiciousOperation", reason),
        _ => Error::internal(reason),
    })
}

pub(crate) async fn headers(request: HttpRequest) -> Result<HttpResponse> {
    let mut response = plain("headers")?;
    if let Some(vary) = request.query()?.get("vary").filter(|vary| !vary.is_empty()) {
        response = response.with_header("vary", vary)?;
    }
    response = response.with_header("cache-control", "max-age=10")?;
    response.set_cookie(SetCookie::new("other", "v 1").max_age(100))?;
    response.set_cookie(SetCookie::new("plain", "abc"))?;
    response
        .set_cookie(SetCookie::new("quoted", "a\"b;c,d\\e").path("/p").http_only(true).same_site("Lax"))?;
    response.set_cookie(SetCookie::deletion("gone"))?;
    response.set_cookie(SetCookie::deletion("gone2").path("/x").domain("example.com").same_site("None"))?;
    let name = crate::cookie_name(request.project());
    match request.query()?.get("session_cookie") {
        Some("1") => response.set_cookie(
            SetCookie::new(name, "from-the-view")
                .max_age(5)
                .domain("view.example")
                .path("/view/")
                .secure(true)
                .http_only(true)
                .same_site("Strict"),
        )?,
        Some("delete") => response.set_cookie(SetCookie::deletion(name))?,
        _ => {}
    }
    match request.query()?.get("touch") {
        Some("read") => drop(request.session.get_value("x").await?),
        Some("write") => request.session.set("headers", "yes").await?,
        Some("flush") => request.session.flush().await?,
        _ => {}
    }
    Ok(response)
}
