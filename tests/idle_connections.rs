//! What a client that stays without asking costs. By itself, because it looks at the memory of the whole process, and where `/proc`
//! tells of it.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use nuages::conf::server::ServerSettings;
use nuages::http::connection::Connection;
use nuages::server::request_body::RequestBody;
use nuages::server::serve::serve;
use nuages::server::service::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

#[derive(Clone)]
struct Hello;

impl Service for Hello {
    type Body = Full<bytes::Bytes>;

    async fn call(self: Arc<Self>, _request: Request<RequestBody>, _on: Connection) -> Response<Self::Body> {
        Response::new("hello".into())
    }

    fn panicked(&self) -> Response<Self::Body> {
        Response::default()
    }
}

/// Bytes of memory that are the process's own.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// That many more connections, each of which has asked once, and rests.
async fn visitors(address: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        assert!(stream.read(&mut answer).await.unwrap() > 0);
        all.push(stream);
    }
    sleep(Duration::from_millis(300)).await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stays_costs_its_socket() {
    // Few at once, so that what they hold while they ask is used again; and no more than a process may have open.
    const AT_ONCE: usize = 40;
    const TIMES: usize = 10;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = ServerSettings::default();
    let server =
        tokio::spawn(
            async move { serve(vec![listener], Hello, &settings, None, std::future::pending()).await },
        );
    let mut all = visitors(address, AT_ONCE).await;
    let before = memory();
    for _ in 0..TIMES {
        all.extend(visitors(address, AT_ONCE).await);
    }
    let each = memory().saturating_sub(before) / (AT_ONCE * TIMES);
    assert!(each < 8 << 10, "{each} bytes each, the client's side with them");
    server.abort();
}
