//! Where a response ends: a layer that changes a body under its `Content-Length` moves no byte into the next response.

use nuages::conf::server::ServerSettings;
use nuages::prelude::*;

use crate::sockets::Server;

/// Outside of `CommonMiddleware`, which has said the length already.
async fn changes(request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
    let how = request.query()?.get("how").unwrap_or_default().to_owned();
    let mut response = next.run(request).await;
    match how.as_str() {
        "longer" => response.write("HTTP/1.1 200 OK\r\nx-forged: 1\r\n\r\n")?,
        "shorter" => response.set_content("h"),
        "empty" => response.set_content(""),
        "twice" => {
            response.headers.append("content-length", "3".parse()?);
        }
        "nonsense" => response.set_header("content-length", "+5")?,
        _ => {}
    }
    Ok(response)
}

async fn hello(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

fn length(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
    let length = lines.next().expect("a length").parse().unwrap();
    assert_eq!(lines.next(), None, "{head}");
    length
}

#[tokio::test]
async fn a_body_that_a_layer_changed_ends_where_its_length_says() {
    let site = Site::new("no-such-folder")
        .urls(urls![path("hello/", hello)])
        .middleware(MiddlewareDef::function("tests.changes", &changes));
    let settings = r#"SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
        MIDDLEWARE = ["tests.changes", "django.middleware.common.CommonMiddleware"]"#;
    let server = Server::serving(site, settings, ServerSettings::default()).await;
    for (how, body) in [
        ("", "hello"),
        ("longer", "helloHTTP/1.1 200 OK\r\nx-forged: 1\r\n\r\n"),
        ("shorter", "h"),
        ("empty", ""),
        ("twice", "hello"),
        ("nonsense", "hello"),
    ] {
        let first = format!("GET /hello/?how={how} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let second = "GET /hello/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = server.exchange(first + second).await;
        let (head, rest) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{how}: {answer}");
        assert_eq!(length(head), body.len(), "{how}: {answer}");
        let (sent, next) = rest.split_at(body.len());
        assert_eq!(sent, body, "{how}: {answer}");
        assert!(next.starts_with("HTTP/1.1 200 ") && next.ends_with("\r\n\r\nhello"), "{how}: {answer}");
    }
    // Without a body the length is that of the one which a GET would get, and stays.
    let head = "HEAD /hello/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(length(&server.exchange(head).await), 5);
}
