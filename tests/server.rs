//! The server over real sockets: what hyper is trusted with, and every limit that is ours. Nothing here waits for long.
#![allow(missing_docs, reason = "tests")]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use nuages::conf::server::ServerSettings;
use nuages::conf::source::SettingsSource;
use nuages::conf::time_zone::TimeZone;
use nuages::http::connection::Connection;
use nuages::http::request::HttpRequest;
use nuages::http::response::HttpResponse;
use nuages::server::access_log::AccessLog;
use nuages::server::onion_service::OnionService;
use nuages::server::request_body::{RequestBody, RequestBodyError};
use nuages::server::serve::{Ended, serve};
use nuages::server::service::Service;
use nuages::urls;
use nuages::urls::declare::path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than any step may take, shorter than a test runner's patience.
const PATIENCE: Duration = Duration::from_secs(10);

const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";

/// More than sockets and HTTP/2 keep on the way.
const LARGE: usize = 24 << 20;

#[derive(Clone, Default)]
struct Site {
    /// Lets the view at `/wait` go on.
    go: Arc<Notify>,
    /// Tells that a view has begun.
    begun: Arc<Notify>,
    /// Tells that the view at `/wait` has ended, or was dropped.
    over: Arc<Notify>,
}

struct Over(Arc<Notify>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

fn text(status: u16, text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

impl Service for Site {
    type Body = Body;

    async fn call(self: Arc<Self>, request: Request<RequestBody>, on: Connection) -> Response<Body> {
        assert!(on.peer.is_some_and(|peer| peer.ip().is_loopback()) && on.local.is_some());
        match request.uri().path() {
            "/hello" => text(200, "hello"),
            "/echo" => match request.into_body().collect().await {
                Ok(body) => text(200, body.to_bytes()),
                Err(RequestBodyError::Stalled { received }) => text(408, received.to_string()),
                Err(_) => text(400, "broken"),
            },
            "/ignore" => text(413, "too much"),
            "/wait" => {
                let _over = Over(Arc::clone(&self.over));
                self.begun.notify_one();
                self.go.notified().await;
                text(200, "waited")
            }
            "/panic" => panic!("the view fell over"),
            "/large" => text(200, vec![b'x'; LARGE]),
            "/endless" => Response::new(Endless(Bytes::from(vec![b'x'; 64 * 1024])).boxed_unsync()),
            path => text(404, path.to_owned()),
        }
    }

    fn panicked(&self) -> Response<Body> {
        text(500, "sorry")
    }
}

/// A body without an end.
struct Endless(Bytes);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(self.0.clone()))))
    }
}

struct Server {
    address: SocketAddr,
    site: Site,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Ended>,
}

impl Server {
    async fn start(settings: ServerSettings) -> Self {
        Self::start_with(settings, None).await
    }

    async fn start_with(settings: ServerSettings, log: Option<AccessLog>) -> Self {
        let site = Site::default();
        Self { site: site.clone(), ..Self::serving(site, settings, log).await }
    }

    async fn serving(service: impl Service, settings: ServerSettings, log: Option<AccessLog>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            serve(vec![listener], service, &settings, log, stopped).await
        });
        Self { address, site: Site::default(), stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection whose request is at the view at `/wait`.
    async fn waiting(&self, request: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        timeout(PATIENCE, self.site.begun.notified()).await.expect("the view begins");
        stream
    }

    /// A connection that speaks HTTP/2, and its end.
    async fn connect_http2(
        &self,
    ) -> (hyper::client::conn::http2::SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>) {
        let stream = hyper_util::rt::TokioIo::new(self.connect().await);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (client, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
        (client, tokio::spawn(connection))
    }

    /// What comes back for these bytes until the server closes.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The server may refuse the request before it has read all of it.
        let _ = stream.write_all(bytes.as_ref()).await;
        rest(&mut stream).await
    }

    async fn stop(self) -> Ended {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.ended).await.expect("the server ends").unwrap()
    }
}

/// Everything until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buf = [0; 4096];
    timeout(PATIENCE, async {
        // A reset after the response is an end like another.
        while let Ok(n @ 1..) = stream.read(&mut buf).await {
            all.extend_from_slice(&buf[..n]);
        }
    })
    .await
    .expect("the server closes");
    String::from_utf8(all).unwrap()
}

/// Reads until the text came.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    timeout(PATIENCE, async {
        while !all.ends_with(end.as_bytes()) {
            all.push(stream.read_u8().await.unwrap());
        }
    })
    .await
    .expect("the response comes");
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn a_response_has_its_headers() {
    let server = Server::start(ServerSettings::default()).await;
    let response = server.exchange("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    for line in ["server: nuages", "content-length: 5", "connection: close"] {
        assert!(head.lines().any(|had| had == line), "{line} is not in {head}");
    }
    assert!(head.contains("\r\ndate: "), "{head}");
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn a_connection_serves_many_requests_in_turn_and_in_a_pipeline() {
    let server = Server::start(ServerSettings::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(until(&mut stream, "hello").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let pipeline = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()
        + "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo"
        + "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(pipeline.as_bytes()).await.unwrap();
    let all = rest(&mut stream).await;
    let bodies: Vec<&str> =
        all.split("HTTP/1.1 ").skip(1).map(|one| one.rsplit_once("\r\n\r\n").unwrap().1).collect();
    assert_eq!(bodies, ["/1", "two", "/3"]);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::start(ServerSettings::default()).await;
    let response = server.exchange("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(response.to_ascii_lowercase().contains("content-length: 5\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
}

/// To a site `head` is HEAD, as in Django; to whoever reads the response it is another method, whose body would be waited for.
#[tokio::test]
async fn head_in_lower_case_has_no_body_and_announces_none() {
    async fn page(request: HttpRequest) -> nuages::error::Result<HttpResponse> {
        Ok(HttpResponse::text("page").with_header("X-Method", request.method().as_str())?)
    }
    let settings = serde_json::json!({
        "SECRET_KEY": "for tests alone",
        "ALLOWED_HOSTS": ["*"],
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "MIDDLEWARE": ["django.middleware.common.CommonMiddleware"],
    });
    let serde_json::Value::Object(settings) = settings else { unreachable!("made above") };
    let built = nuages::site::Site::new("no-such-folder").urls(urls![path("", page)]);
    let onion = built.build(&SettingsSource::json(settings)).unwrap().onion;
    let service = OnionService::new(Arc::new(onion));
    let server = Server::serving(service, ServerSettings::default(), None).await;
    for (method, length) in [("HEAD", 4), ("head", 0), ("Head", 0)] {
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let response = server.exchange(request).await.to_ascii_lowercase();
        assert!(
            response.starts_with("http/1.1 200 ok\r\n") && response.contains("x-method: head\r\n"),
            "{response}"
        );
        assert!(response.contains(&format!("\r\ncontent-length: {length}\r\n")), "{method}: {response}");
        assert!(response.ends_with("\r\n\r\n"), "{method}: {response}");
    }
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_dropped() {
    let server = Server::start(ServerSettings::default()).await;
    for request in [WAIT, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nall"] {
        let stream = server.waiting(request).await;
        assert!(timeout(Duration::from_millis(30), server.site.over.notified()).await.is_err(), "it waits");
        drop(stream);
        timeout(PATIENCE, server.site.over.notified()).await.expect("the view is dropped");
    }
}

#[tokio::test]
async fn a_request_may_come_while_the_one_before_it_is_answered() {
    let server = Server::start(ServerSettings::default()).await;
    let mut stream = server.waiting(WAIT).await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(timeout(Duration::from_millis(30), server.site.over.notified()).await.is_err(), "it waits");
    server.site.go.notify_one();
    until(&mut stream, "waited").await;
    until(&mut stream, "hello").await;
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let server = Server::start(ServerSettings::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    for piece in ["3\r\nabc\r\n", "A;x=y\r\n", "0123456789\r\n", "0\r\nTrailer: t\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(5)).await;
    }
    assert!(rest(&mut stream).await.ends_with("\r\n\r\nabc0123456789"));
}

#[tokio::test]
async fn what_is_not_http_is_a_400() {
    let server = Server::start(ServerSettings::default()).await;
    for garbage in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03rest of a handshake",
        "hello\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
    ] {
        let response = server.exchange(garbage).await;
        assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{garbage:?} got {response:?}");
    }
    let response =
        server.exchange("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_431() {
    let server =
        Server::start(ServerSettings { head_max_size: 16 * 1024, ..ServerSettings::default() }).await;
    let long = format!("GET /hello HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    let many = format!("GET /hello HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(101));
    let endless = format!("GET /{}", "y".repeat(40_000));
    for head in [long, many, endless] {
        let response = server.exchange(&head).await;
        assert!(response.starts_with("HTTP/1.1 431 "), "{} got {response:?}", &head[..20]);
    }
    let fits =
        format!("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n", "y".repeat(12_000));
    assert!(server.exchange(fits).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_slow_head_is_dropped() {
    let settings = ServerSettings { head_timeout: Duration::from_millis(300), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    // Nothing at all, a piece and then silence, a byte now and then: for a first request and for a second.
    for second in [false, true] {
        for (first_piece, drip) in [("", false), ("GET /hel", false), ("GET /hel", true)] {
            let mut stream = server.connect().await;
            if second {
                if first_piece.is_empty() {
                    continue;
                }
                stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
                until(&mut stream, "hello").await;
            }
            let start = Instant::now();
            stream.write_all(first_piece.as_bytes()).await.unwrap();
            if drip {
                let (mut read, mut write) = stream.into_split();
                let dripping = tokio::spawn(async move {
                    while write.write_all(b"x").await.is_ok() {
                        sleep(Duration::from_millis(20)).await;
                    }
                });
                let mut waste = Vec::new();
                let _ = timeout(PATIENCE, read.read_to_end(&mut waste)).await.expect("it is dropped");
                dripping.abort();
            } else {
                assert_eq!(rest(&mut stream).await, "");
            }
            let took = start.elapsed();
            assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(3), "{took:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_used_one_is_not() {
    let settings = ServerSettings {
        idle_timeout: Duration::from_millis(400),
        head_timeout: Duration::from_millis(200),
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let mut stream = server.connect().await;
    // 250 ms between two requests: longer than a head may take, shorter than the idle limit.
    let mut last = Instant::now();
    for _ in 0..4 {
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        until(&mut stream, "hello").await;
        last = Instant::now();
        sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(rest(&mut stream).await, "");
    let took = last.elapsed();
    assert!(took >= Duration::from_millis(390) && took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_connection_that_rested_goes_on() {
    let server = Server::start(ServerSettings::default()).await;
    let mut stream = server.connect().await;
    // The first bytes are those with which HTTP/2 begins, too, and come one by one.
    for piece in ["P", "OST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nb", "ody"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(150)).await;
    }
    until(&mut stream, "body").await;
    for pause in [0, 50, 150, 300] {
        sleep(Duration::from_millis(pause)).await;
        // A head in two pieces with a pause that is longer than it takes to rest, and then two requests at once.
        stream.write_all(b"GET /hello HT").await.unwrap();
        sleep(Duration::from_millis(150)).await;
        stream.write_all(b"TP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        until(&mut stream, "hello").await;
        until(&mut stream, "hello").await;
    }
    sleep(Duration::from_millis(250)).await;
    assert_eq!(server.stop().await, Ended { cut: 0 });
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_request_that_takes_long_is_not_idle() {
    let settings = ServerSettings {
        idle_timeout: Duration::from_millis(50),
        head_timeout: Duration::from_millis(50),
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let mut stream = server.waiting(WAIT).await;
    sleep(Duration::from_millis(300)).await;
    server.site.go.notify_one();
    assert!(rest(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn a_slow_body_ends_its_reading() {
    let settings = ServerSettings {
        body_timeout: Duration::from_millis(300),
        body_min_rate: 1000,
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    let response = server.exchange(format!("{head}abc")).await;
    assert!(response.starts_with("HTTP/1.1 408 ") && response.ends_with("\r\n\r\n3"), "{response}");

    // A byte now and then is progress, and still too slow.
    let stream = server.connect().await;
    let (mut read, mut write) = stream.into_split();
    write.write_all(head.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(30)).await;
        }
    });
    let mut response = Vec::new();
    let _ = timeout(PATIENCE, read.read_to_end(&mut response)).await.expect("the server ends it");
    dripping.abort();
    assert!(response.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&response));
}

#[tokio::test]
async fn a_client_that_sends_on_reads_the_refusal() {
    let server = Server::start(ServerSettings::default()).await;
    let stream = server.connect().await;
    let (mut read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move {
        write.write_all(b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n").await?;
        // The refusal is on its way, and the connection at its end, before the body is sent.
        sleep(Duration::from_millis(100)).await;
        write.write_all(&vec![b'x'; 3_000_000]).await
    });
    let mut response = Vec::new();
    timeout(PATIENCE, read.read_to_end(&mut response)).await.expect("it ends").expect("without a reset");
    assert!(response.starts_with(b"HTTP/1.1 413 ") && response.ends_with(b"too much"));
    timeout(PATIENCE, sending).await.expect("it ends").unwrap().expect("without a reset");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let settings = ServerSettings { write_timeout: Duration::from_millis(200), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(600)).await;
    // What the kernel's buffers hold is all that ever comes.
    let mut waste = vec![0; 1 << 20];
    timeout(PATIENCE, async { while let Ok(1..) = stream.read(&mut waste).await {} })
        .await
        .expect("the body without an end has one");
}

#[tokio::test]
async fn a_client_that_takes_little_now_and_then_is_dropped() {
    let settings = ServerSettings {
        write_timeout: Duration::from_millis(400),
        write_min_rate: 50_000_000,
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // Each time there is place for more, and each time it takes far too long.
    let mut some = vec![0; 256 << 10];
    let begun = Instant::now();
    let taken = async {
        while stream.read(&mut some).await.is_ok_and(|count| count > 0) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, taken).await.expect("it is dropped");
    assert!(begun.elapsed() > Duration::from_millis(350), "{:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn a_slow_client_has_all_of_a_response_however_long_it_takes() {
    let settings = ServerSettings { idle_timeout: Duration::from_millis(200), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The server has handed over all of it long before the client has it.
    let (mut some, mut taken, begun) = (vec![0; 256 << 10], 0, Instant::now());
    while taken < LARGE {
        let count = timeout(PATIENCE, stream.read(&mut some)).await.unwrap().unwrap();
        assert!(count > 0, "it ended after {taken} bytes in {:?}", begun.elapsed());
        taken += count;
        sleep(Duration::from_millis(15)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn an_http2_client_that_takes_nothing_is_dropped() {
    let settings = ServerSettings { write_timeout: Duration::from_millis(300), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    for path in ["/endless", "/large"] {
        let (mut client, connection) = server.connect_http2().await;
        let request = Request::get(format!("http://{}{path}", server.address)).body(Full::<Bytes>::default());
        let response = timeout(PATIENCE, client.send_request(request.unwrap())).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let begun = Instant::now();
        let _ = timeout(PATIENCE, connection).await.unwrap_or_else(|_| panic!("{path} is dropped")).unwrap();
        assert!(begun.elapsed() > Duration::from_millis(250), "{path}: {:?}", begun.elapsed());
        drop(response);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_http2_client_that_takes_slowly_or_waits_is_not_dropped() {
    let settings = ServerSettings {
        write_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(300),
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let (mut client, _connection) = server.connect_http2().await;
    let get = |path: &str| {
        Request::get(format!("http://{}{path}", server.address)).body(Full::<Bytes>::default()).unwrap()
    };
    let response = timeout(PATIENCE, client.send_request(get("/large"))).await.unwrap().unwrap();
    let (mut body, mut taken, begun) = (response.into_body(), 0, Instant::now());
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.unwrap() {
        taken += frame.unwrap().into_data().unwrap().len();
        if taken % (1 << 20) < 16 << 10 {
            sleep(Duration::from_millis(30)).await;
        }
    }
    assert_eq!(taken, LARGE);
    assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
    // The server is the one who takes long.
    let waiting = client.send_request(get("/wait"));
    let (response, ()) = tokio::join!(waiting, async {
        sleep(Duration::from_millis(900)).await;
        server.site.go.notify_one();
    });
    assert_eq!(response.unwrap().into_body().collect().await.unwrap().to_bytes(), "waited");
    server.stop().await;
}

/// How long this thread has been at work; a test's server runs on it.
#[cfg(target_os = "linux")]
fn at_work() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn waiting_for_a_view_is_no_work() {
    let settings = ServerSettings { idle_timeout: Duration::from_millis(50), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    let mut stream = server.waiting(WAIT).await;
    // Nor is it when the client has sent its next request.
    for ahead in ["", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"] {
        stream.write_all(ahead.as_bytes()).await.unwrap();
        let before = at_work();
        sleep(Duration::from_secs(1)).await;
        let work = at_work() - before;
        assert!(work < Duration::from_millis(100), "{work:?} of a second");
    }
    server.site.go.notify_one();
    assert!(until(&mut stream, "waited").await.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives() {
    let server = Server::start(ServerSettings::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(until(&mut stream, "sorry").await.starts_with("HTTP/1.1 500 "));
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(until(&mut stream, "hello").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn who_finds_no_place_waits_for_one() {
    let server = Server::start(ServerSettings { max_connections: 1, ..ServerSettings::default() }).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until(&mut first, "hello").await;
    let mut second = server.connect().await;
    second.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(200), second.read(&mut byte)).await.is_err());
    drop(first);
    assert!(until(&mut second, "hello").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn the_drain_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = Server::start(ServerSettings::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until(&mut idle, "hello").await;
    let mut busy = server.waiting(WAIT).await;

    server.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    assert!(!server.ended.is_finished());
    let refused = timeout(PATIENCE, async {
        while TcpStream::connect(server.address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    refused.await.expect("the listener is closed while the drain goes on");
    server.site.go.notify_one();
    let response = rest(&mut busy).await;
    assert!(response.ends_with("waited") && response.contains("connection: close"), "{response}");
    assert_eq!(timeout(PATIENCE, server.ended).await.unwrap().unwrap(), Ended { cut: 0 });
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let settings = ServerSettings { drain_time: Duration::from_millis(200), ..ServerSettings::default() };
    let server = Server::start(settings).await;
    let mut busy = server.waiting(WAIT).await;
    assert_eq!(server.stop().await, Ended { cut: 1 });
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_spoken() {
    let server = Server::start(ServerSettings::default()).await;
    let (mut client, connection) = server.connect_http2().await;
    for (path, status, body) in [("/hello", 200, "hello"), ("/panic", 500, "sorry"), ("/echo", 200, "body")] {
        let request = Request::post(format!("http://{}{path}", server.address))
            .body(Full::new(Bytes::from("body")))
            .unwrap();
        let response = timeout(PATIENCE, client.send_request(request)).await.unwrap().unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
    }
    assert_eq!(server.stop().await, Ended { cut: 0 });
    timeout(PATIENCE, connection).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_goodbye() {
    let settings = ServerSettings {
        head_timeout: Duration::from_millis(150),
        idle_timeout: Duration::from_millis(400),
        ..ServerSettings::default()
    };
    let server = Server::start(settings).await;
    let (mut client, connection) = server.connect_http2().await;
    // Between requests come frames that are no heads, so the limit of a head must not be counted for them.
    for _ in 0..2 {
        let request =
            Request::get(format!("http://{}/hello", server.address)).body(Full::<Bytes>::default()).unwrap();
        let response = timeout(PATIENCE, client.send_request(request)).await.unwrap().unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
        sleep(Duration::from_millis(250)).await;
    }
    timeout(PATIENCE, connection).await.expect("the server says goodbye").unwrap().unwrap();
}

#[tokio::test]
async fn each_request_leaves_a_line() {
    let (mut read, write) = io::pipe().unwrap();
    let (log, writer) = AccessLog::start(write, false, TimeZone::UTC).unwrap();
    let server = Server::start_with(ServerSettings::default(), Some(log)).await;
    server.exchange("GET /hello?a=b HTTP/1.1\r\nHost: x\r\n\r\nHEAD /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    server.stop().await;
    drop(writer);
    let mut lines = String::new();
    io::Read::read_to_string(&mut read, &mut lines).unwrap();
    let lines: Vec<&str> = lines.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert_eq!(lines, ["\"GET /hello?a=b HTTP/1.1\" 200 5", "\"HEAD /none HTTP/1.1\" 404 0"]);
}
