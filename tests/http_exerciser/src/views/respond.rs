//! A response from a description.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};

use crate::build::build;

pub(crate) async fn respond(request: HttpRequest) -> Result<HttpResponse> {
    from_request(&request).await
}

/// What the description in the query's member `s`, or else in the body, describes.
pub(crate) async fn from_request(request: &HttpRequest) -> Result<HttpResponse> {
    let spec = description(request).await?;
    build(request, &spec)
}

async fn description(request: &HttpRequest) -> Result<Dict> {
    let text = match request.query()?.get("s") {
        Some(encoded) => URL_SAFE_NO_PAD.decode(encoded)?.into(),
        None => request.body().await?,
    };
    match json::loads(&text)? {
        Value::Dict(spec) => Ok(spec),
        _ => Err(Error::internal("a response is described by an object")),
    }
}
