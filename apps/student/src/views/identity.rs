//! Which session it is: its key.

use nuages::prelude::*;

use crate::lesson::show;

/// `request.session.flush()`
pub async fn flush(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        request.session.flush().await?;
        return redirect(&request, "?did=flushed");
    }
    show(&request, "flush", context! {}).await
}

/// `request.session.cycle_key()`
pub async fn cycle_key(request: HttpRequest) -> Result<HttpResponse> {
    if request.method() == Method::POST {
        request.session.cycle_key().await?;
        return redirect(&request, "?did=cycled");
    }
    show(&request, "cycle_key", context! {}).await
}
