//! The session as a dict.

use nuages::prelude::*;

use crate::lesson::show;

/// `request.session.keys()`
pub async fn keys(request: HttpRequest) -> Result<HttpResponse> {
    let keys = request.session.keys().await?;
    show(&request, "keys", context! { keys }).await
}

/// `request.session.items()`
pub async fn items(request: HttpRequest) -> Result<HttpResponse> {
    let items = request.session.items().await?;
    show(&request, "items", context! { items }).await
}

/// `request.session.setdefault("language", "dzo")`
pub async fn setdefault(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let known = request.session.contains_key("language").await?;
        request.session.setdefault("language", "dzo".to_owned()).await?;
        return redirect(&request, if known { "?did=kept" } else { "?did=stored" });
    }
    show(&request, "setdefault", context! {}).await
}

/// `request.session.clear()`
pub async fn clear(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        request.session.clear()?;
        return redirect(&request, "?did=cleared");
    }
    show(&request, "clear", context! {}).await
}
