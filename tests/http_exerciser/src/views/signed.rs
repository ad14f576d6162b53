//! Signed cookies.

use nuages::http::set_cookie::MaxAge;
use nuages::prelude::*;
use nuages::serialize::value::Value;
use nuages::signing::signature_error::SignatureError;
use serde_json::json;

use crate::values::{answer, list_body, member, text_of};

/// The value of each cookie that the body asks for.
pub(crate) async fn signed(request: HttpRequest) -> Result<HttpResponse> {
    let mut out = Vec::new();
    for spec in list_body(&request).await? {
        let Value::Dict(spec) = spec else {
            return Err(Error::internal("a cookie is asked for by an object"));
        };
        let key = spec.get("key").map(text_of).unwrap_or_default();
        let salt = spec.get("salt").map(text_of).unwrap_or_default();
        let max_age = member(&spec, "max_age").and_then(number).map(MaxAge::from);
        let default = spec.get("default").map(plain);
        out.push(match (request.get_signed_cookie(&key, &salt, max_age), default) {
            (Ok(Some(value)), _) => json!({"value": value}),
            (Ok(None), Some(default)) => json!({"value": default}),
            (Ok(None), None) => json!({"error": "KeyError"}),
            (Err(error), Some(default)) if error.is_bad_signature() => json!({"value": default}),
            (Err(SignatureError::Expired { .. }), None) => json!({"error": "SignatureExpired"}),
            (Err(error), None) if error.is_bad_signature() => json!({"error": "BadSignature"}),
            (Err(error), _) => return Err(error.into()),
        });
    }
    answer(&json!(out))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        value => text_of(value).parse().ok(),
    }
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::None => json!(null),
        Value::Int(number) => json!(number),
        value => json!(text_of(value)),
    }
}
