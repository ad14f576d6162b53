use crate::error::BoxError;
use crate::prelude::*;
use crate::test::client::Client;

async fn tune(_request: HttpRequest, id: u64) -> Result<HttpResponse> {
    Ok(HttpResponse::text(id.to_string()))
}

async fn look(request: HttpRequest) -> Result<HttpResponse> {
    let path = request.query()?.get("path").unwrap_or_default().to_owned();
    assert_eq!(is_valid_path(&request, &path), resolve(&request, &path).is_ok());
    let there = resolve(&request, &path)?;
    let found = there.found();
    Ok(HttpResponse::text(format!("{} {} {:?}", found.view_name(), found.route(), found.kwargs())))
}

async fn leave(request: HttpRequest, status: u16) -> Result<HttpResponse> {
    redirect_with(&request, StatusCode::from_u16(status)?, ("tunes:tune", args![7].query([("q", "é&b")])))
}

async fn client() -> Result<Client, BoxError> {
    let tunes = urls![path("<int:id>/", tune).name("tune")].app_name("tunes");
    let site = Site::new("no-such-folder").urls(urls![
        include("tunes/", tunes).namespace("swing"),
        path("look/", look),
        path("leave/<int:status>/", leave),
    ]);
    Ok(Client::builder(site).setting("MIDDLEWARE", [""; 0]).build().await?)
}

#[tokio::test]
async fn paths_are_resolved() -> Result<(), BoxError> {
    let client = client().await?;
    let found = client.get("/look/?path=/tunes/7/").await?;
    assert_eq!(found.text(), "swing:tune tunes/<int:id>/ [(\"id\", Int(7))]");
    for nowhere in ["/nowhere/", "", "tunes/7/", "/tunes/7/?a=1", "/tunes/x/"] {
        let response = client.get("/look/").query("path", nowhere).await?;
        assert_eq!(response.status.as_u16(), 404, "{nowhere}");
    }
    Ok(())
}

#[tokio::test]
async fn redirects_keep_a_request_if_they_are_told_to() -> Result<(), BoxError> {
    let client = client().await?;
    for status in [303, 307, 308] {
        let response = client.post(&format!("/leave/{status}/")).await?;
        assert_eq!((response.status.as_u16(), response.location()), (status, Some("/tunes/7/?q=%C3%A9%26b")));
    }
    Ok(())
}
