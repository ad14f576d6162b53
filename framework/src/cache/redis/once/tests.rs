use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use redis::cluster::ClusterClient;
use redis::{ConnectionInfo, IntoConnectionInfo, Script};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::cache::error::CacheError;
use crate::cache::redis::call::Call;
use crate::cache::redis::certificates::Certificates;
use crate::cache::redis::server::{Limits, Server};

/// What a node does when it is asked to run a script.
#[derive(Debug, Clone)]
enum Does {
    Answers(String),
    /// It hangs up: nobody knows whether it did what it was asked for.
    HangsUp,
}

/// A node that speaks as much of the protocol as a client needs.
#[derive(Debug, Default)]
struct Node {
    next: Mutex<VecDeque<Does>>,
    /// The commands that were not about the connection or the cluster.
    asked: Mutex<Vec<String>>,
}

async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let count = line.trim().strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    for _ in 0..count {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let mut word = vec![0; line.trim().strip_prefix('$')?.parse::<usize>().ok()? + 2];
        stream.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Some(words)
}

/// Starts a node that says which ports have which slots: the last one's has but one.
async fn serve(node: Arc<Node>, listener: TcpListener, first: u16, last: u16) {
    while let Ok((stream, _)) = listener.accept().await {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            while let Some(words) = command(&mut stream).await {
                let answer = match words[0].to_uppercase().as_str() {
                    "CLUSTER" => {
                        let slots = |from: u16, to: u16, port: u16| {
                            format!("*3\r\n:{from}\r\n:{to}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
                        };
                        format!("*2\r\n{}{}", slots(0, 16_382, first), slots(16_383, 16_383, last))
                    }
                    "PING" => "+PONG\r\n".to_owned(),
                    "CLIENT" | "READONLY" | "READWRITE" => "+OK\r\n".to_owned(),
                    name => {
                        node.asked.lock().unwrap().push(name.to_owned());
                        let next = match name {
                            "ASKING" => Some(Does::Answers("+OK\r\n".to_owned())),
                            _ => node.next.lock().unwrap().pop_front(),
                        };
                        match next {
                            Some(Does::Answers(answer)) => answer,
                            Some(Does::HangsUp) => return,
                            None => ":2\r\n".to_owned(),
                        }
                    }
                };
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn node() -> (Arc<Node>, TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (Arc::default(), listener, port)
}

fn info(port: u16) -> ConnectionInfo {
    format!("redis://127.0.0.1:{port}").into_connection_info().unwrap()
}

/// A cluster of one node which does that when a script is run, and how often it was asked in the end, and what came of it.
async fn run(does: Vec<Does>) -> (Vec<String>, Result<u8, CacheError>) {
    let (node, listener, port) = node().await;
    node.next.lock().unwrap().extend(does);
    tokio::spawn(serve(Arc::clone(&node), listener, port, port));
    let limits = Limits { connect: Duration::from_secs(5), answer: Duration::from_secs(5) };
    let server =
        Server::cluster("default", "a cluster".to_owned(), &[info(port)], limits, &Certificates::default());
    let script = Script::new("return 2");
    let done = server.unwrap().ask(Question::Script(Call::new(&script, 1).arg("k")), false).await;
    let asked = node.asked.lock().unwrap().clone();
    (asked, done)
}

fn says(answer: &str) -> Does {
    Does::Answers(format!("{answer}\r\n"))
}

#[tokio::test]
async fn what_may_have_been_done_is_not_asked_for_again() {
    let (asked, done) = run(vec![Does::HangsUp]).await;
    assert!(matches!(done, Err(CacheError::Server { .. })), "{done:?}");
    assert_eq!(asked, ["EVALSHA"]);
}

#[tokio::test]
async fn what_a_server_refused_is_asked_for_again() {
    let refusals = ["-TRYAGAIN later", "-CLUSTERDOWN wait", "-READONLY a replica", "-LOADING the dump"];
    let (asked, done) = run(refusals.into_iter().map(says).collect()).await;
    assert_eq!(done.unwrap(), 2);
    assert_eq!(asked.len(), 5);
}

#[tokio::test]
async fn it_does_not_go_on_for_ever() {
    let begun = std::time::Instant::now();
    let (asked, done) = run(vec![says("-TRYAGAIN later"); 100]).await;
    assert!(done.is_err());
    assert!(asked.len() <= 16 && begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_fault_of_the_script_is_final() {
    let (asked, done) = run(vec![says("-ERR value is not an integer")]).await;
    assert!(done.is_err());
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn a_key_that_has_moved_on_is_asked_for_where_it_is() {
    let (from, listener, port) = node().await;
    let (to, importer, importing) = node().await;
    from.next.lock().unwrap().push_back(says(&format!("-ASK 7629 127.0.0.1:{importing}")));
    tokio::spawn(serve(Arc::clone(&from), listener, port, importing));
    tokio::spawn(serve(Arc::clone(&to), importer, port, importing));
    let nodes = vec![info(port), info(importing)];
    let client = ClusterClient::builder(nodes).retries(0).build().unwrap();
    let cluster = client.get_async_connection().await.unwrap();
    let script = Script::new("return 2");
    let done: RedisResult<u8> = once(Question::Script(Call::new(&script, 1).arg("k")), &cluster).await;
    assert_eq!(done.unwrap(), 2);
    assert_eq!(*from.asked.lock().unwrap(), ["EVALSHA"]);
    assert_eq!(*to.asked.lock().unwrap(), ["ASKING", "EVALSHA"]);
}
