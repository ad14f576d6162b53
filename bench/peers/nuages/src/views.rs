//! The endpoints: what the other peers answer, in a site author's words.

use std::time::Duration;

use nuages::prelude::*;
use nuages::serialize::value::Value;
use serde::Serialize;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Row {
    id: u32,
    name: String,
    note: String,
}

fn rows() -> Vec<Row> {
    (1..=12)
        .map(|id| Row {
            id,
            name: format!("Row {id} <script>alert({id})</script>"),
            note: format!("fish & \"chips\" no. {id}"),
        })
        .collect()
}

pub async fn plaintext(_: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("Hello, World!"))
}

pub async fn json(_: HttpRequest) -> Result<HttpResponse> {
    HttpResponse::json(&Message { message: "Hello, World!" })
}

pub async fn template(request: HttpRequest) -> Result<HttpResponse> {
    render(&request, "rows.html", context! { title: "Twelve rows", rows: rows() }).await
}

pub async fn read(request: HttpRequest) -> Result<HttpResponse> {
    let visits: Option<u64> = request.session.get("visits").await?;
    Ok(HttpResponse::text(visits.map_or("none".to_owned(), |visits| visits.to_string())))
}

pub async fn write(request: HttpRequest) -> Result<HttpResponse> {
    let visits = request.session.modify("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    Ok(HttpResponse::text(visits.to_string()))
}

/// Waits, then sets the key `k`; with `touch` it looks at the session before it waits.
pub async fn set_key(request: HttpRequest) -> Result<HttpResponse> {
    let query = request.query()?;
    let Some(key) = query.get("k") else {
        return Err(Error::bad_request("no key"));
    };
    if query.contains_key("touch") {
        request.session.get_value("visits").await?;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    request.session.set(key, 1).await?;
    Ok(HttpResponse::text("ok"))
}

pub async fn get_key(request: HttpRequest) -> Result<HttpResponse> {
    let key = request.query()?.get("k").unwrap_or_default();
    let text = match request.session.get_value(key).await? {
        Some(Value::Int(number)) => number.to_string(),
        _ => "none".to_owned(),
    };
    Ok(HttpResponse::text(text))
}

pub async fn post(_: HttpRequest, id: u64, slug: String) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("{id} {slug}")))
}

pub async fn about(_: HttpRequest, area: u32) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("area {area}")))
}

pub async fn item(_: HttpRequest, id: u64, slug: String) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("{id} {slug}")))
}
