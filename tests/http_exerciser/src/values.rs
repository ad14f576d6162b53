//! What the views put in their JSON, and read from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nuages::prelude::*;
use nuages::serialize::value::{Dict, Value};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// An answer in JSON.
pub(crate) fn answer(tree: &serde_json::Value) -> Result<HttpResponse> {
    HttpResponse::json(tree)
}

/// An argument of a route, with its type.
pub(crate) fn typed(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(truth) => json!(["bool", if *truth { "True" } else { "False" }]),
        Value::Int(number) => json!(["int", number.to_string()]),
        Value::BigInt(number) => json!(["int", number.to_string()]),
        Value::Uuid(id) => json!(["uuid", id.hyphenated().to_string()]),
        Value::List(words) => json!(["list", words.iter().filter_map(Value::as_str).collect::<Vec<_>>()]),
        Value::None => json!(["none", ""]),
        value => json!(["str", value.as_str()]),
    }
}

/// A text, a number, `{"int": "digits"}` or `{"uuid": "…"}`.
pub(crate) fn untyped(value: &Value) -> Result<Value> {
    let Value::Dict(dict) = value else { return Ok(value.clone()) };
    let text = |name: &str| dict.get(name).and_then(Value::as_str);
    if let Some(digits) = text("int") {
        let number: num_bigint::BigInt = digits.parse()?;
        return Ok(number.into());
    }
    match text("uuid") {
        Some(id) => Ok(Value::Uuid(Uuid::parse_str(id)?)),
        None => Err(Error::internal("an argument is a text, a number, {\"int\": …} or {\"uuid\": …}")),
    }
}

/// `[[name, [value, …]], …]`
pub(crate) fn lists(query: &QueryDict) -> serde_json::Value {
    query.lists().map(|(name, values)| json!([name, values])).collect()
}

/// What a description says some content is.
pub(crate) enum Content {
    /// Text, to be encoded.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

impl Content {
    /// A text, `{"b64": "…"}` or `{"repeat": [text, times]}`.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let Value::Dict(dict) = value else { return Ok(Self::Text(text_of(value))) };
        if let Some(encoded) = dict.get("b64").and_then(Value::as_str) {
            return Ok(Self::Bytes(STANDARD.decode(encoded)?));
        }
        match dict.get("repeat").and_then(Value::as_list) {
            Some([Value::Str(text), Value::Int(times)]) => {
                Ok(Self::Text(text.repeat(usize::try_from(*times)?)))
            }
            _ => Err(Error::internal("content is a text, {\"b64\": …} or {\"repeat\": [text, times]}")),
        }
    }
}

/// Python's `str()`.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        other => format!("{other:?}"),
    }
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The body of the request as a JSON list.
pub(crate) async fn list_body(request: &HttpRequest) -> Result<Vec<Value>> {
    match nuages::serialize::json::loads(&request.body().await?)? {
        Value::List(list) => Ok(list),
        _ => Err(Error::internal("the body is a JSON list")),
    }
}

/// The member of that name, unless it is absent or null.
pub(crate) fn member<'a>(dict: &'a Dict, name: &str) -> Option<&'a Value> {
    dict.get(name).filter(|value| !value.is_none())
}

/// What `get_host` or `build_absolute_uri` gives, or that the host is not allowed.
pub(crate) fn host_or_error(outcome: Result<impl Into<String>>) -> Result<serde_json::Value> {
    match outcome {
        Ok(text) => Ok(json!(text.into())),
        Err(Error::Suspicious { kind: "DisallowedHost", .. }) => Ok(json!({"error": "DisallowedHost"})),
        Err(error) => Err(error),
    }
}
