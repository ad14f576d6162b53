//! The views of CSRF: decorated in the URLconf where the protocol says so.

use nuages::middleware::csrf::{get_token, rotate_token};
use nuages::prelude::*;
use serde_json::json;

use crate::values::{answer, lists};

/// The token, and the form.
pub(crate) async fn view(request: HttpRequest) -> Result<HttpResponse> {
    let token = get_token(&request)?;
    answer(&json!({"token": token, "POST": lists(request.post().await?)}))
}

pub(crate) async fn quiet(_: HttpRequest) -> Result<HttpResponse> {
    answer(&json!({"quiet": true}))
}

pub(crate) async fn template(request: HttpRequest) -> Result<HttpResponse> {
    render(&request, "csrf.html", context! {}).await
}

pub(crate) async fn ensure(_: HttpRequest) -> Result<HttpResponse> {
    answer(&json!({"ensured": true}))
}

pub(crate) async fn rotate(request: HttpRequest) -> Result<HttpResponse> {
    rotate_token(&request)?;
    answer(&json!({"token": get_token(&request)?}))
}

/// `CSRF_FAILURE_VIEW = "reason"`
pub(crate) async fn failure(_: HttpRequest, reason: String) -> Result<HttpResponse> {
    Ok(answer(&json!({"csrf_failure": reason}))?.with_status(StatusCode::FORBIDDEN))
}
