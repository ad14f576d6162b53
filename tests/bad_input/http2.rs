//! HTTP/2 from clients that mean harm: the limits of HTTP/1 hold, and the others are served.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nuages::conf::server::ServerSettings;
use tokio::time::timeout;

use crate::sockets::{PATIENCE, Server};

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

async fn client(server: &Server) -> SendRequest<Body> {
    let io = TokioIo::new(server.connect().await);
    let (client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    // It ends with an error where the server ends it, which is what some tests ask for.
    tokio::spawn(connection);
    client
}

fn whole(text: &'static str) -> Body {
    Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync()
}

async fn ask(
    client: &mut SendRequest<Body>,
    request: Request<Body>,
) -> Result<Response<Incoming>, hyper::Error> {
    timeout(PATIENCE, client.send_request(request)).await.expect("an answer, or the end")
}

async fn text(response: Response<Incoming>) -> String {
    let body = timeout(PATIENCE, response.into_body().collect()).await.expect("the body ends").unwrap();
    String::from_utf8_lossy(&body.to_bytes()).into_owned()
}

#[tokio::test]
async fn headers_are_counted() {
    let server = Server::start(ServerSettings::default()).await;
    for (name, count, status) in [
        ("x-a", 90, Some(200)),
        ("x-a", 101, Some(431)),
        ("x-a", 1_000, Some(431)),
        ("x-a", 10_000, None),
        // A browser sends each cookie in a header of its own.
        ("cookie", 300, Some(200)),
        ("cookie", 10_000, None),
    ] {
        let mut client = client(&server).await;
        let mut request = Request::get("http://localhost/hello/");
        for _ in 0..count {
            request = request.header(name, "a=1");
        }
        let answer = ask(&mut client, request.body(whole("")).unwrap()).await;
        match status {
            Some(status) => assert_eq!(answer.unwrap().status().as_u16(), status, "{count} of {name}"),
            // Refused while it is read: an answer or the end.
            None => assert!(answer.map_or(true, |answer| answer.status() == 431), "{count} of {name}"),
        }
        server.is_well().await;
    }
}

#[tokio::test]
async fn a_body_without_end_ends_at_its_limit() {
    let limits = ServerSettings { body_max_size: Some(1_000_000), ..ServerSettings::default() };
    let server = Server::start_in(std::path::Path::new("no-such-folder"), "", limits).await;
    let part = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n";
    for (path, kind, first) in [
        ("/body/", "text/plain", ""),
        ("/form/", "application/x-www-form-urlencoded", "a="),
        ("/form/", "multipart/form-data; boundary=B", part),
    ] {
        let mut client = client(&server).await;
        let start = stream::iter([Ok(Frame::data(Bytes::from_static(first.as_bytes())))]);
        let endless = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000]))));
        let body = StreamBody::new(futures_util::StreamExt::chain(start, endless)).boxed_unsync();
        let request =
            Request::post(format!("http://localhost{path}")).header("content-type", kind).body(body).unwrap();
        let answer = ask(&mut client, request).await.unwrap();
        assert_eq!(answer.status(), 400, "{path} {kind}");
        server.is_well().await;
    }
    let mut client = client(&server).await;
    let request = Request::post("http://localhost/body/").header("content-length", "1000001");
    let endless = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000]))));
    let answer = ask(&mut client, request.body(StreamBody::new(endless).boxed_unsync()).unwrap()).await;
    assert!(answer.map_or(true, |answer| answer.status() == 413));
    server.is_well().await;
}

#[tokio::test]
async fn a_request_names_one_host() {
    let server = Server::start(ServerSettings::default()).await;
    let mut client = client(&server).await;
    for (authority, host, status) in [
        ("localhost", None, 200),
        ("localhost", Some("localhost"), 200),
        ("localhost", Some("LOCALHOST"), 200),
        ("localhost", Some("evil.example"), 400),
        ("evil.example", Some("localhost"), 400),
        ("evil.example", None, 400),
        ("localhost", Some("localhost:81"), 400),
    ] {
        let mut request = Request::get(format!("http://{authority}/host/"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = ask(&mut client, request.body(whole("")).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{authority} {host:?}");
        let said = text(answer).await;
        assert!(!said.contains("evil"), "{authority} {host:?}: {said}");
    }
}

/// CVE-2023-44487: requests that are taken back at once cost their sender the connection, and nobody else anything.
#[tokio::test]
async fn requests_that_are_taken_back_end_with_their_connection() {
    let server = Server::start(ServerSettings::default()).await;
    for _ in 0..3 {
        let mut client = client(&server).await;
        for _ in 0..3_000 {
            if timeout(PATIENCE, client.ready()).await.expect("ready, or the end").is_err() {
                break;
            }
            let request = Request::get("http://localhost/hello/").body(whole("")).unwrap();
            let mut asked = Box::pin(client.send_request(request));
            // Long enough to be sent, too short for an answer.
            let _ = timeout(Duration::from_micros(1), &mut asked).await;
            drop(asked);
        }
        server.is_well().await;
    }
}
