//! Whether the browser takes cookies.

use nuages::prelude::*;

use crate::lesson::show;

/// `request.session.set_test_cookie()`
pub async fn test_cookie(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        request.session.set_test_cookie().await?;
        return redirect(&request, "?did=set");
    }
    show(&request, "test_cookie", context! {}).await
}

/// `request.session.test_cookie_worked()`
pub async fn test_cookie_worked(request: HttpRequest) -> Result<HttpResponse> {
    let worked = request.session.test_cookie_worked().await?;
    show(&request, "test_cookie_worked", context! { worked }).await
}

/// `request.session.delete_test_cookie()`
pub async fn delete_test_cookie(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        let there = request.session.delete_test_cookie().await?;
        return redirect(&request, if there { "?did=deleted" } else { "?did=missing" });
    }
    show(&request, "delete_test_cookie", context! {}).await
}
