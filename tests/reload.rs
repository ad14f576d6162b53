//! `runserver` under `DEBUG`, which starts anew when the project changes: with processes and a socket.
#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

const SETTINGS: &str = r#"
DEBUG = true
SECRET_KEY = "a key for tests alone, which signs nothing that anybody keeps"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATICFILES_DIRS = ["assets"]
STATIC_URL = "static/"
LOG = "error"
[DATABASES.default]
ENGINE = "django.db.backends.sqlite3"
NAME = "db.sqlite3"
"#;

struct Server {
    child: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Server {
    fn start(folder: &Path, words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_test-site"))
            .args(["runserver", "127.0.0.1:0"])
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("NUAGES_TEST_DIR", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, lines, port: 0 };
        server.port = server.banner();
        server
    }

    /// The port of the next banner.
    fn banner(&self) -> u16 {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect("a banner comes");
            if let Some(address) = line.strip_prefix("Starting development server at ") {
                return address.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
            }
        }
    }

    fn get(&self, path: &str) -> String {
        // A refused connection fails the test: the socket stays, whoever serves it.
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn wait_for(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.get(path);
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < end, "{path} stays {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().ok().flatten().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
    }
}

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("settings.toml"), SETTINGS).unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    fs::write(folder.path().join("assets/a.txt"), "one").unwrap();
    folder
}

#[test]
fn settings_are_picked_up_and_the_socket_stays() {
    let folder = site();
    let server = Server::start(folder.path(), &[]);
    assert!(server.get("/static/a.txt").ends_with("one"));
    // A static file needs no new process.
    fs::write(folder.path().join("assets/a.txt"), "two").unwrap();
    assert!(server.get("/static/a.txt").ends_with("two"));

    let settings = SETTINGS.replace("\"static/\"", "\"files/\"");
    fs::write(folder.path().join("settings.toml"), &settings).unwrap();
    assert_eq!(server.banner(), server.port, "the new process serves the same socket");
    server.wait_for("/files/a.txt", |text| text.ends_with("two"));

    // A site that does not start leaves the old one in place, whose pages say so.
    fs::write(folder.path().join("settings.toml"), format!("STATIK_URL = 1\n{settings}")).unwrap();
    let page = server.wait_for("/nope/", |text| text.contains("nuages-fault"));
    assert!(page.contains("404 Not Found") && page.contains("does not start"), "{page}");
    assert!(server.get("/files/a.txt").ends_with("two"));

    fs::write(folder.path().join("settings.toml"), settings).unwrap();
    server.wait_for("/nope/", |text| !text.contains("nuages-fault"));
}

#[test]
fn no_process_is_left_behind() {
    let folder = site();
    let mut server = Server::start(folder.path(), &[]);
    let port = server.port;
    // Without a goodbye: the serving process must notice.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < end, "the serving process goes on by itself");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn noreload_is_one_process() {
    let folder = site();
    let server = Server::start(folder.path(), &["--noreload", "--nostatic"]);
    assert!(server.get("/static/a.txt").starts_with("HTTP/1.1 404"));
    fs::write(folder.path().join("settings.toml"), SETTINGS.replace("\"static/\"", "\"files/\"")).unwrap();
    assert!(
        server.lines.recv_timeout(Duration::from_secs(1)).is_ok_and(|line| !line.starts_with("Starting"))
    );
    while let Ok(line) = server.lines.recv_timeout(Duration::from_millis(500)) {
        assert!(!line.starts_with("Starting"), "{line}");
    }
}
