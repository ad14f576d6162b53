//! One item of the session.

use nuages::prelude::*;

use crate::lesson::show;

/// `request.session["name"] = …`
pub async fn set(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let form = request.post().await?;
        let name = form.get("name").unwrap_or("Sonam").to_owned();
        request.session.set("name", name).await?;
        return redirect(&request, "?did=set");
    }
    show(&request, "set", context! {}).await
}

/// `request.session.get("name", "Guest")`
pub async fn get(request: HttpRequest) -> Result<HttpResponse> {
    let name = request.session.get_or("name", "Guest".to_owned()).await?;
    show(&request, "get", context! { name }).await
}

/// `del request.session["name"]`
pub async fn delete(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let there = request.session.remove("name").await?;
        return redirect(&request, if there { "?did=deleted" } else { "?did=missing" });
    }
    show(&request, "delete", context! {}).await
}
