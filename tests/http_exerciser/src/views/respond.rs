//! A response from a description.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nuages::http::conditional::Validators;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};

use crate::build::{build, iso_moment};
use crate::values::{member, text_of};

pub(crate) async fn respond(request: HttpRequest) -> Result<HttpResponse> {
    from_request(&request).await
}

/// What the description in the query's member `s`, or else in the body, describes.
pub(crate) async fn from_request(request: &HttpRequest) -> Result<HttpResponse> {
    let spec = description(request).await?;
    let Some(guard) = member(&spec, "condition").and_then(Value::as_dict) else {
        return build(request, &spec).await;
    };
    let moment = member(guard, "last_modified").map(|text| iso_moment(&text_of(text))).transpose()?;
    let validators = Validators::new().etag(member(guard, "etag").map(text_of)).last_modified(moment);
    validators.respond(request, build(request, &spec)).await
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
