//! Clients that send slowly, without end, or what is no HTTP, over real sockets: each is refused, and the others are served.

use std::path::Path;
use std::time::{Duration, Instant};

use nuages::conf::server::ServerSettings;
use nuages::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::requests::part;
use crate::sockets::{PATIENCE, Server, all_of, post, status};

/// Heads and bodies, a byte now and then: each is cut off, and whoever comes meanwhile is served.
#[tokio::test]
async fn who_dribbles_is_cut_off_and_holds_up_nobody() {
    let limits = ServerSettings {
        head_timeout: Duration::from_millis(800),
        body_timeout: Duration::from_millis(800),
        body_min_rate: 10_000,
        ..ServerSettings::default()
    };
    let server = Server::start(limits).await;
    let multipart = "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 90000\r\n";
    let urlencoded = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 90000\r\n";
    let starts = [
        ("GET /hello/".to_owned(), None),
        ("GET /hello/ HTTP/1.1\r\nHost: localhost\r\nX-A: ".to_owned(), None),
        (post("/form/", multipart) + "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n", Some(400)),
        (post("/form/", urlencoded) + "a=", Some(400)),
        (post("/body/", "Transfer-Encoding: chunked\r\n") + "ffff\r\n", Some(400)),
    ];
    let mut slow = JoinSet::new();
    for (start, expected) in starts.iter().cycle().take(40) {
        let (start, expected) = (start.clone(), *expected);
        let stream = server.connect().await;
        slow.spawn(async move {
            let (read, mut write) = stream.into_split();
            let begun = Instant::now();
            let dribbling = tokio::spawn(async move {
                write.write_all(start.as_bytes()).await?;
                loop {
                    write.write_all(b"x").await?;
                    sleep(Duration::from_millis(25)).await;
                }
                #[allow(unreachable_code, reason = "says what the block fails with")]
                std::io::Result::Ok(())
            });
            let answer = all_of(read).await;
            dribbling.abort();
            assert_eq!(status(&answer), expected, "{answer}");
            begun.elapsed()
        });
    }
    for _ in 0..10 {
        server.is_well().await;
    }
    while let Some(took) = slow.join_next().await {
        let took = took.unwrap();
        assert!(took > Duration::from_millis(500) && took < Duration::from_secs(15), "{took:?}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn ten_thousand_headers_are_a_431() {
    let server = Server::start(ServerSettings::default()).await;
    let head = "GET /hello/ HTTP/1.1\r\nHost: localhost\r\n";
    for line in ["X-A: 1\r\n".to_owned(), "A:\r\n".to_owned(), format!("Cookie: a={}\r\n", "b".repeat(100))] {
        let begun = Instant::now();
        let answer = server.exchange(format!("{head}{}\r\n", line.repeat(10_000))).await;
        assert_eq!(status(&answer), Some(431), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        server.is_well().await;
    }
}

/// Bodies that say no length and have no end: each is refused when it passes its limit, long before the client is done.
#[tokio::test]
async fn endless_bodies_end_at_their_limits() {
    let server = Server::start(ServerSettings::default()).await;
    let field = part("name=a", &"x".repeat(900));
    let file = part("name=f; filename=x", "x");
    for (path, kind, first, piece) in [
        ("/body/", "text/plain", "", "x".repeat(1000)),
        ("/form/", "application/x-www-form-urlencoded", "", "a=1&".repeat(250)),
        ("/form/", "multipart/form-data; boundary=B", "", field),
        ("/form/", "multipart/form-data; boundary=B", "", file),
        // A head of a part, and a preamble.
        ("/form/", "multipart/form-data; boundary=B", "--B\r\nX: ", "y".repeat(1000)),
        ("/form/", "multipart/form-data; boundary=B", "", "z".repeat(1000)),
    ] {
        let (read, mut write) = server.connect().await.into_split();
        let head = post(path, &format!("Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n"));
        let chunk = |text: &str| {
            if text.is_empty() { String::new() } else { format!("{:x}\r\n{text}\r\n", text.len()) }
        };
        let (start, chunk) = (head + &chunk(first), chunk(&piece));
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            let _ = write.write_all(start.as_bytes()).await;
            while sent < 1_000_000_000 && write.write_all(chunk.as_bytes()).await.is_ok() {
                sent += chunk.len();
            }
            sent
        });
        let answer = all_of(read).await;
        assert_eq!(status(&answer), Some(400), "{path} {kind}: {answer:.200}");
        let sent = timeout(PATIENCE, sending).await.expect("the connection is closed").unwrap();
        assert!(sent < 100_000_000, "{path} {kind}: {sent} bytes were taken");
    }
    server.is_well().await;
}

#[tokio::test]
async fn malformed_chunks_are_no_body() {
    let server = Server::start(ServerSettings::default()).await;
    for (chunks, name) in [
        ("zz\r\nabc\r\n0\r\n\r\n".to_owned(), "no number"),
        ("-3\r\nabc\r\n0\r\n\r\n".to_owned(), "a negative size"),
        ("0x3\r\nabc\r\n0\r\n\r\n".to_owned(), "a size in another form"),
        ("fffffffffffffffff\r\nabc\r\n0\r\n\r\n".to_owned(), "a size beyond 64 bits"),
        ("\r\nabc\r\n0\r\n\r\n".to_owned(), "no size"),
        ("3\r\nabcd\r\n0\r\n\r\n".to_owned(), "more than its size"),
        ("3\r\nabc0\r\n\r\n".to_owned(), "no end of line behind a chunk"),
        (format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(2 << 20)), "an extension of two MiB"),
        (format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(1000)).repeat(2000)), "many extensions"),
        (format!("3\r\nabc\r\n0\r\n{}\r\n", "X-A: b\r\n".repeat(100_000)), "trailers without end"),
        (format!("3\r\nabc\r\n0\r\nX-A: {}\r\n\r\n", "b".repeat(2 << 20)), "a trailer of two MiB"),
    ] {
        let head = post("/body/", "Transfer-Encoding: chunked\r\nConnection: close\r\n");
        let answer = server.exchange(head + &chunks).await;
        assert!(matches!(status(&answer), None | Some(400)), "{name}: {answer}");
        server.is_well().await;
    }
    // Trailers and extensions of an ordinary size are passed over.
    let head = post("/body/", "Transfer-Encoding: chunked\r\nConnection: close\r\n");
    let answer = server.exchange(head + "3;a=b\r\nabc\r\n0\r\nX-A: b\r\nHost: evil.example\r\n\r\n").await;
    assert!(status(&answer) == Some(200) && answer.ends_with("\r\n\r\n3"), "{answer}");
}

/// Two lengths for one body: whatever stands behind the body that the server read is not taken for a second request.
#[tokio::test]
async fn a_second_request_cannot_be_hidden_in_a_body() {
    let server = Server::start(ServerSettings::default()).await;
    let hidden = "GET /next/?to=/hidden/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: identity, chunked, x\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Content-Length: 5\r\nContent-Length: 6\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 5, 6\r\n".to_owned(),
    ] {
        let body = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
        let answer =
            server.exchange(post("/body/", &(lengths.clone() + "Connection: close\r\n")) + &body).await;
        assert!(!answer.contains("/hidden/"), "{lengths:?}: {answer}");
        let read_as_chunks = answer.ends_with(&format!("\r\n\r\n{}", hidden.len()));
        assert!(matches!(status(&answer), None | Some(400)) || read_as_chunks, "{lengths:?}: {answer}");
    }
}

/// A view that looks where its file is.
pub(crate) async fn where_is(request: HttpRequest) -> Result<HttpResponse> {
    let file = request.files().await?.get("f").or_404("no file")?;
    let there = file.temporary_file_path().is_some_and(|path| path.exists());
    Ok(HttpResponse::text(format!("{} {there}", file.size())))
}

/// What lies in a folder, after the files of requests that ended had time to go.
async fn left(folder: &Path) -> usize {
    let count = || std::fs::read_dir(folder).unwrap().count();
    for _ in 0..100 {
        if count() == 0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    count()
}

#[tokio::test]
async fn a_file_without_end_ends_at_the_bodys_limit() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ServerSettings { body_max_size: Some(1_000_000), ..ServerSettings::default() };
    let settings =
        format!("FILE_UPLOAD_TEMP_DIR = {:?}\nFILE_UPLOAD_MAX_MEMORY_SIZE = 10_000", folder.path());
    let server = Server::start_in(Path::new("no-such-folder"), &settings, limits).await;
    let kind = "Content-Type: multipart/form-data; boundary=B\r\n";
    let head = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    // Without a length: it is counted.
    let (read, mut write) = server.connect().await.into_split();
    let start = post("/where/", &format!("{kind}Transfer-Encoding: chunked\r\n")) + &chunk(head);
    let piece = chunk(&"x".repeat(10_000));
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        let _ = write.write_all(start.as_bytes()).await;
        while sent < 1_000_000_000 && write.write_all(piece.as_bytes()).await.is_ok() {
            sent += piece.len();
        }
        sent
    });
    let answer = all_of(read).await;
    assert_eq!(status(&answer), Some(400), "{answer:.300}");
    let sent = timeout(PATIENCE, sending).await.expect("the connection is closed").unwrap();
    assert!(sent < 100_000_000, "{sent} bytes were taken");
    assert_eq!(left(folder.path()).await, 0);
    // With one: nothing is read.
    let answer = server.exchange(post("/where/", &format!("{kind}Content-Length: 1000001\r\n"))).await;
    assert_eq!(status(&answer), Some(413), "{answer}");
    // A view that does not read it does not wait for it either.
    let answer = server
        .exchange(
            post("/hello/", "Transfer-Encoding: chunked\r\nConnection: close\r\n") + "3\r\nabc\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(status(&answer), Some(200), "{answer}");
    server.is_well().await;
}

#[tokio::test]
async fn a_large_file_in_chunks_lies_on_disk_while_its_view_runs() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        format!("FILE_UPLOAD_TEMP_DIR = {:?}\nFILE_UPLOAD_MAX_MEMORY_SIZE = 10_000", folder.path());
    let limits = ServerSettings { body_max_size: Some(1_000_000), ..ServerSettings::default() };
    let server = Server::start_in(Path::new("no-such-folder"), &settings, limits).await;
    for (size, on_disk) in [(10_000, false), (10_001, true), (900_000, true)] {
        let body = part("name=f; filename=x", &"x".repeat(size)) + "--B--\r\n";
        let chunks: String = body
            .as_bytes()
            .chunks(7_001)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
            .collect();
        let head = "Content-Type: multipart/form-data; boundary=B\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n";
        let answer = server.exchange(post("/where/", head) + &chunks + "0\r\n\r\n").await;
        assert!(answer.ends_with(&format!("\r\n\r\n{size} {on_disk}")), "{answer}");
        assert_eq!(left(folder.path()).await, 0, "{size}");
    }
}
