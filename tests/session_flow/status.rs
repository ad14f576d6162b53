//! Which responses save: everything below 500, whether a view returned it or failed with it.

use nuages::prelude::*;

use crate::rows;
use crate::wire::Wire::{self, Read, Saved};
use crate::wire::site;

async fn returns(request: HttpRequest, status: u16) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Ok(HttpResponse::text("said").with_status(StatusCode::from_u16(status)?))
}

async fn fails(request: HttpRequest, with: String) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    Err(match with.as_str() {
        "404" => Error::not_found("gone"),
        "403" => Error::permission_denied("no"),
        "400" => Error::bad_request("what?"),
        "odd" => Error::suspicious("Odd", "hm"),
        "panic" => panic!("the string broke"),
        _ => Error::internal("the wheel came off"),
    })
}

async fn redirects(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set("name", "Sonam").await?;
    redirect(&request, "/elsewhere/")
}

async fn unwritable(request: HttpRequest) -> Result<HttpResponse> {
    request.session.set_value("bytes", nuages::serialize::value::Value::Bytes(vec![0xff])).await?;
    Ok(HttpResponse::text("said"))
}

#[tokio::test]
async fn what_is_500_or_above_saves_nothing() {
    let urls = urls![
        path("returns/<int:status>/", returns),
        path("fails/<slug:with>/", fails),
        path("redirects/", redirects),
        path("unwritable/", unwritable),
    ];
    let client = site(urls).build().await.unwrap();
    let check = async |url: &str, status: u16, wire: Wire| {
        let visitor = client.new_visitor();
        visitor.raise(false);
        let before = rows::count(client.project()).await;
        let response = visitor.get(url).await.unwrap();
        assert_eq!((response.status.as_u16(), Wire::of(&response, "sessionid")), (status, wire), "{url}");
        let stored = rows::count(client.project()).await - before;
        assert_eq!(stored, i64::from(wire == Saved), "{url}");
    };
    for status in [200, 201, 204, 304, 400, 403, 404, 405, 410, 418, 499] {
        check(&format!("/returns/{status}/"), status, Saved).await;
    }
    for status in [500, 501, 503, 599] {
        check(&format!("/returns/{status}/"), status, Read).await;
    }
    check("/redirects/", 302, Saved).await;
    check("/fails/404/", 404, Saved).await;
    check("/fails/403/", 403, Saved).await;
    check("/fails/400/", 400, Saved).await;
    check("/fails/odd/", 400, Saved).await;
    check("/fails/500/", 500, Read).await;
    check("/fails/panic/", 500, Read).await;
    // The save itself fails: Django's bare 500.
    check("/unwritable/", 500, Wire::Untouched).await;
}
