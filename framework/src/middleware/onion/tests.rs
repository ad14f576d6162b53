use crate::error::BoxError;
use crate::prelude::*;
use crate::test::client::Client;

async fn marks(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
    Ok(next.run(request).await.with_header("x-outer", "1")?)
}

async fn breaks(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
    assert_ne!(request.path(), "/layer/", "the spoke broke");
    Ok(next.run(request).await)
}

async fn view_layer(request: HttpRequest, next: NextView<'_>) -> Result<HttpResponse> {
    assert_ne!(request.path(), "/view_layer/", "the hub broke");
    next.run(request).await
}

async fn fine(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("fine"))
}

/// The line of the panic below, from which the debug page shows the source.
const CLOSURE: u32 = line!() + 4;

fn site() -> Site {
    let closure = |request: HttpRequest| {
        assert_ne!(request.path(), "/closure/", "the nut broke");
        async { Ok(HttpResponse::text("fine")) }
    };
    Site::new("no-such-folder")
        .urls(urls![path("layer/", fine), path("view_layer/", fine), path("closure/", closure)])
        .middleware(MiddlewareDef::function("tests.marks", &marks))
        .middleware(MiddlewareDef::function("tests.breaks", &breaks))
        .middleware(MiddlewareDef::view_function("tests.view_layer", &view_layer))
}

async fn client(site: Site, debug: bool) -> Result<Client, BoxError> {
    let names = ["tests.marks", "tests.breaks", "tests.view_layer"];
    let client = Client::builder(site).setting("MIDDLEWARE", names).setting("DEBUG", debug).build().await?;
    client.raise(false);
    Ok(client)
}

const PANICS: [(&str, &str); 3] = [
    ("/layer/", "a middleware panicked: assertion `left != right` failed: the spoke broke"),
    ("/view_layer/", "a middleware panicked: assertion `left != right` failed: the hub broke"),
    ("/closure/", "the view panicked: assertion `left != right` failed: the nut broke"),
];

#[tokio::test]
async fn a_panic_anywhere_is_an_error_like_any_other() -> Result<(), BoxError> {
    async fn sorry(_request: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("sorry").with_status(StatusCode::INTERNAL_SERVER_ERROR))
    }
    let client = client(site().handler500(sorry), false).await?;
    for (path, _) in PANICS {
        let response = client.get(path).await?;
        let said = (response.status.as_u16(), &*response.text(), response.header("x-outer"));
        assert_eq!(said, (500, "sorry", Some("1")), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_handler_that_panics_before_it_has_a_future_leaves_the_plain_page() -> Result<(), BoxError> {
    let handler = |request: HttpRequest| {
        assert!(request.path().is_empty(), "the handler broke");
        async { Ok(HttpResponse::text("never")) }
    };
    let client = client(site().handler500(handler), false).await?;
    for (path, _) in PANICS {
        let response = client.get(path).await?;
        assert_eq!((response.status.as_u16(), response.header("x-outer")), (500, Some("1")), "{path}");
        assert!(response.text().contains("Server Error"), "{}", response.text());
    }
    Ok(())
}

#[tokio::test]
async fn the_page_of_a_panic_shows_where_it_was() -> Result<(), BoxError> {
    let client = client(site(), true).await?;
    for (path, words) in PANICS {
        let response = client.get(path).header("accept", "text/html").await?;
        let page = response.text();
        assert_eq!((response.status.as_u16(), response.header("x-outer")), (500, Some("1")), "{path}");
        assert!(page.contains(&words.replace('`', "&#x60;")) || page.contains(words), "{path}: {page}");
        assert!(page.contains("middleware/onion/tests.rs, line "), "{path}: {page}");
        assert!(page.contains("Called by"), "{path}: {page}");
    }
    let page = client.get("/closure/").header("accept", "text/html").await?;
    assert!(page.text().contains(&format!("middleware/onion/tests.rs, line {CLOSURE}")), "{}", page.text());
    Ok(())
}
