//! The test site as real processes over one folder, and a client of them.
#![allow(dead_code, reason = "each test target uses some of it")]

pub(crate) mod stores;

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with the site's files and, unless it has another one, its SQLite database.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Folder {
    /// With the tables made, for that session engine; `ground` is a setting that says where its store is.
    fn with(engine: &str, ground: Option<(&'static str, String)>) -> Self {
        let engine = ("NUAGES_SESSION_ENGINE", format!("django.contrib.sessions.backends.{engine}"));
        let settings = [engine].into_iter().chain(ground).collect();
        let folder = Self { folder: tempfile::tempdir().unwrap(), settings };
        let migrate = folder.command(&["migrate", "-v", "0"]).status().unwrap();
        assert!(migrate.success());
        folder
    }

    /// A server on a free port.
    pub(crate) fn serve(&self) -> Server {
        let mut child = self.command(&["runserver", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut port = None;
        for line in out.by_ref().lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("Starting server at ") {
                port = address.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
            }
            if line.starts_with("Quit the server") {
                break;
            }
        }
        Server { child, port: port.expect("the banner says the port"), _out: out }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-site"));
        command.args(words).current_dir(self.folder.path()).env_clear().envs([
            ("NUAGES_SECRET_KEY", "a key for tests alone, which signs nothing that anybody keeps"),
            ("NUAGES_ALLOWED_HOSTS", r#"["localhost"]"#),
            ("NUAGES_INSTALLED_APPS", r#"["django.contrib.sessions", "tests.greetings"]"#),
            ("NUAGES_MIDDLEWARE", r#"["django.contrib.sessions.middleware.SessionMiddleware"]"#),
            (
                "NUAGES_DATABASES",
                r#"{default = {ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3", OPTIONS = {timeout = 30}}}"#,
            ),
        ]);
        command.env("NUAGES_SESSION_FILE_PATH", self.folder.path()).envs(self.settings.iter().cloned());
        command.env("NUAGES_TEST_DIR", self.folder.path()).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A running server, which ends with this.
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Whatever it says later finds somebody who listens.
    _out: BufReader<ChildStdout>,
}

impl Server {
    /// SIGKILL: no goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: what a supervisor sends; whether the server then ended by itself, and as it should.
    pub(crate) fn terminate(&mut self) -> bool {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().success()
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, if the test killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The session cookie it sets; empty when it deletes it.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

/// Asks on a connection of its own. An error means that there was no whole answer.
pub(crate) async fn get(port: u16, path: &str, cookie: Option<&str>) -> io::Result<Answer> {
    let cookie = cookie.map(|cookie| format!("Cookie: sessionid={cookie}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Connection: close\r\n\r\n");
    let mut text = String::new();
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_string(&mut text).await
    };
    timeout(PATIENCE, exchange).await.expect("an answer in time")?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(cut)?;
    let (mut cookie, mut length) = (None, 0);
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(cut)?;
        match name.to_ascii_lowercase().as_str() {
            "set-cookie" => {
                let value = value.strip_prefix("sessionid=").and_then(|value| value.split(';').next());
                cookie = value.map(|value| value.trim_matches('"').to_owned());
            }
            "content-length" => length = value.parse().map_err(|_| cut())?,
            _ => {}
        }
    }
    if body.len() < length {
        return Err(cut());
    }
    Ok(Answer { status, cookie, body: body.to_owned() })
}

/// The keys that the session of that cookie has.
pub(crate) async fn keys(port: u16, cookie: &str) -> Vec<String> {
    let answer = get(port, "/keys/", Some(cookie)).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.body.split_whitespace().map(str::to_owned).collect()
}

/// A new session with one key.
pub(crate) async fn begin(port: u16) -> String {
    let answer = get(port, "/keep/first/0/", None).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.cookie.expect("a new session sets its cookie")
}
