//! Reads the golden vectors in `tests/vectors`, for tests alone.

use serde_json::Value;

use crate::http::charset::latin1;
use crate::http::response::HttpResponse;

/// The cases of `tests/vectors/<name>.json`.
pub(crate) fn load(name: &str) -> Vec<Value> {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let list = if file["cases"].is_array() { "cases" } else { "vectors" };
    match file[list].take() {
        Value::Array(cases) if !cases.is_empty() => cases,
        _ => panic!("{path} has no cases"),
    }
}

/// Those of one function.
pub(crate) fn of(name: &str, function: &str) -> Vec<Value> {
    let cases: Vec<Value> = load(name).into_iter().filter(|case| case["fn"] == function).collect();
    assert!(!cases.is_empty(), "{name}.json has no case of {function}");
    cases
}

/// A text whose code points are bytes.
pub(crate) fn bytes(text: &Value) -> Vec<u8> {
    text.as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect()
}

/// The headers of a response, sorted, to be held against [`expected_headers`].
pub(crate) fn headers(response: &HttpResponse) -> Vec<(String, String)> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), latin1(value.as_bytes()).into_owned())
    };
    let mut headers: Vec<_> = response.headers.iter().map(text).collect();
    headers.sort();
    headers
}

/// What a case says of them: pairs of a name and a value.
pub(crate) fn expected_headers(pairs: &Value) -> Vec<(String, String)> {
    let text =
        |pair: &Value| (pair[0].as_str().unwrap().to_lowercase(), pair[1].as_str().unwrap().to_owned());
    let mut headers: Vec<_> = pairs.as_array().unwrap().iter().map(text).collect();
    headers.sort();
    headers
}
