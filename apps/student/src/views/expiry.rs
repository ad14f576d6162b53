//! How long the session lasts.

use nuages::prelude::*;
use nuages::session::expiry::Expiry;
use time::{Duration, OffsetDateTime};

use crate::lesson::show;

/// `request.session.get_session_cookie_age()`
pub async fn cookie_age(request: HttpRequest) -> Result<HttpResponse> {
    let age = request.session.get_session_cookie_age()?;
    let days = age / 86_400;
    show(&request, "cookie_age", context! { age, days }).await
}

/// `request.session.get_expiry_age()`
pub async fn expiry_age(request: HttpRequest) -> Result<HttpResponse> {
    let age = request.session.get_expiry_age().await?;
    show(&request, "expiry_age", context! { age }).await
}

/// `request.session.get_expiry_date()`
pub async fn expiry_date(request: HttpRequest) -> Result<HttpResponse> {
    let date = request.session.get_expiry_date().await?.isoformat();
    show(&request, "expiry_date", context! { date }).await
}

/// `request.session.get_expire_at_browser_close()`
pub async fn browser_close(request: HttpRequest) -> Result<HttpResponse> {
    let closes = request.session.get_expire_at_browser_close().await?;
    show(&request, "browser_close", context! { closes }).await
}

/// `request.session.set_expiry(…)`, with each kind of value that it takes.
pub async fn set_expiry(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let expiry: Expiry = match request.post().await?.get("expiry") {
            Some("seconds") => 300.into(),
            Some("timedelta") => Duration::days(7).into(),
            Some("datetime") => (OffsetDateTime::now_utc() + Duration::DAY).into(),
            Some("close") => 0.into(),
            _ => Expiry::Default,
        };
        request.session.set_expiry(expiry).await?;
        return redirect(&request, "?did=set");
    }
    let age = request.session.get_expiry_age().await?;
    let closes = request.session.get_expire_at_browser_close().await?;
    show(&request, "set_expiry", context! { age, closes }).await
}

/// `request.session.clear_expired()`
pub async fn clear_expired(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let gone = request.session.clear_expired().await?;
        return redirect(&request, format!("?did={gone}"));
    }
    show(&request, "clear_expired", context! {}).await
}
