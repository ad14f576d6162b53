//! Addresses: whole ones, hosts, and names that become paths.

use nuages::prelude::*;
use nuages::routes::reverse::{NoReverseMatch, ReverseArgs};
use nuages::serialize::value::{Dict, Value};
use serde_json::json;

use crate::values::{answer, host_or_error, list_body, member, text_of, untyped};

/// `build_absolute_uri` of each location in the body.
pub(crate) async fn absolute(request: HttpRequest) -> Result<HttpResponse> {
    let mut out = Vec::new();
    for location in list_body(&request).await? {
        out.push(host_or_error(request.build_absolute_uri(location.as_str()))?);
    }
    answer(&json!(out))
}

/// `get_host`, whose error becomes a page.
pub(crate) async fn host(request: HttpRequest) -> Result<HttpResponse> {
    let host = request.get_host()?.into_owned();
    answer(&json!({"host": host}))
}

/// The address of each name in the body.
pub(crate) async fn by_name(request: HttpRequest) -> Result<HttpResponse> {
    let mut out = Vec::new();
    for spec in list_body(&request).await? {
        let Value::Dict(spec) = spec else { return Err(Error::internal("a name is asked for by an object")) };
        let name = spec.get("name").and_then(Value::as_str).unwrap_or_default();
        out.push(match reverse(&request, name, arguments(&spec)?) {
            Ok(address) => json!(address),
            Err(NoReverseMatch::Mixed) => json!({"error": "ValueError"}),
            Err(_) => json!({"error": "NoReverseMatch"}),
        });
    }
    answer(&json!(out))
}

/// `args`, `kwargs`, `current_app`, `query` and `fragment` of a description.
pub(crate) fn arguments(spec: &Dict) -> Result<ReverseArgs> {
    let mut all = ReverseArgs::new();
    for value in spec.get("args").and_then(Value::as_list).unwrap_or_default() {
        all = all.arg(untyped(value)?);
    }
    for (name, value) in spec.get("kwargs").and_then(Value::as_dict).into_iter().flat_map(Dict::iter) {
        all = all.kwarg(name.as_str().unwrap_or_default(), untyped(value)?);
    }
    if let Some(namespace) = member(spec, "current_app") {
        all = all.current_app(text_of(namespace));
    }
    if let Some(query) = member(spec, "query").and_then(Value::as_dict) {
        let mut members = QueryDict::new();
        for (name, value) in query.iter() {
            let name = name.as_str().unwrap_or_default();
            match value {
                Value::List(values) => {
                    values.iter().for_each(|value| members.appendlist(name, text_of(value)));
                }
                value => members.appendlist(name, text_of(value)),
            }
        }
        all = all.query(members.urlencode());
    }
    if let Some(fragment) = member(spec, "fragment") {
        all = all.fragment(text_of(fragment));
    }
    Ok(all)
}
