//! The `manage` program as a process: what it prints, how it ends.
#![allow(missing_docs, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// The program with a folder of its own and settings from the environment.
struct Manage {
    dir: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Manage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let variables = [
            ("NUAGES_SECRET_KEY", "a key for tests alone, which signs nothing that anybody keeps"),
            ("NUAGES_ALLOWED_HOSTS", r#"["localhost", "127.0.0.1"]"#),
            ("NUAGES_INSTALLED_APPS", r#"["django.contrib.sessions", "tests.greetings"]"#),
            ("NUAGES_MIDDLEWARE", r#"["django.contrib.sessions.middleware.SessionMiddleware"]"#),
            (
                "NUAGES_DATABASES",
                r#"{default = {ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3"}}"#,
            ),
            ("NUAGES_LOG", "info"),
        ];
        Self { dir, variables: variables.map(|(name, value)| (name, value.to_owned())).into() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-site"));
        command.args(words).current_dir(self.dir.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.env("NUAGES_TEST_DIR", self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs, and compares the exit status, standard output and standard error with what is expected.
    #[track_caller]
    fn check(&self, words: &[&str], status: i32, out: &str, err: &str) {
        let got = self.run(words);
        let (got_out, got_err) = (String::from_utf8_lossy(&got.stdout), String::from_utf8_lossy(&got.stderr));
        assert_eq!((got.status.code(), &*got_out, &*got_err), (Some(status), out, err), "{words:?}");
    }

    fn serve(&self, words: &[&str]) -> Server {
        Server::start(self.command(words))
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Server {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    seen: Vec<String>,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines_of(child.stdout.take().unwrap());
        let err = lines_of(child.stderr.take().unwrap());
        Self { child, out, err, seen: Vec::new() }
    }

    /// The port of the banner, when it has come.
    fn port(&mut self) -> u16 {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.out.recv_timeout(left).expect("the banner comes");
            self.seen.push(line.clone());
            if line.starts_with("Quit the server") {
                break;
            }
        }
        let line = self.seen.iter().find(|line| line.starts_with("Starting ")).expect("the address is said");
        line.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end; the exit status, and all of standard error.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        (status, self.err.iter().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    stream
}

fn response_of(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").unwrap();
    response(stream)
}

fn response(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn words_are_understood_as_django_does() {
    let manage = Manage::new();
    let version = format!("{}\n", env!("CARGO_PKG_VERSION"));
    manage.check(&["version"], 0, &version, "");
    manage.check(&["--version"], 0, &version, "");
    manage.check(&["greet", "--version"], 0, &version, "");
    manage.check(&["greet", "you"], 0, "Hello, you!\n", "");
    manage.check(&["greet", "--twice", "you", "--no-color", "-v", "0"], 0, "Hello, you!\nHello, you!\n", "");
    manage.check(&["greet", "nobody"], 3, "", "CommandError: there is nobody to greet\n");
    manage.check(&["check"], 0, "System check identified no issues (0 silenced).\n", "");
    manage.check(
        &["greeet"],
        1,
        "",
        "Unknown command: 'greeet'. Did you mean greet?\nType 'test-site help' for usage.\n",
    );
    manage.check(
        &["check", "--tag", "x"],
        1,
        "",
        "CommandError: There is no system check with the \"x\" tag.\n",
    );
    manage.check(
        &["check", "shop"],
        1,
        "",
        "CommandError: No installed app with label 'shop'. INSTALLED_APPS has sessions, greetings.\n",
    );
    manage.check(
        &["runserver", "abc"],
        1,
        "",
        "CommandError: \"abc\" is not a valid port number or address:port pair.\n",
    );
    let usage = manage.run(&["greet"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("<NAME>"));
    let usage = manage.run(&["check", "--fail-level", "FOO"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("CRITICAL, ERROR, WARNING, INFO, DEBUG"));
}

#[test]
fn help_lists_the_commands_of_every_app() {
    let manage = Manage::new();
    let help = String::from_utf8(manage.run(&["help"]).stdout).unwrap();
    for piece in [
        "[greetings]\n    greet\n",
        "[nuages]\n    check\n",
        "    runserver\n",
        "[sessions]\n    clearsessions\n    sessions\n",
    ] {
        assert!(help.contains(piece), "{piece:?} is not in {help}");
    }
    for words in [&["help", "greet"][..], &["greet", "--help"]] {
        let got = manage.run(words);
        let help = String::from_utf8(got.stdout).unwrap();
        assert_eq!(got.status.code(), Some(0));
        assert!(help.starts_with("Says hello.\n\nUsage: test-site greet [OPTIONS] <NAME>\n"), "{help}");
    }
    let broken = Manage::new().with("NUAGES_SESION_ENGINE", "x");
    let help = String::from_utf8(broken.run(&["help"]).stdout).unwrap();
    assert!(help.contains("SESION_ENGINE") && !help.contains("greet\n"), "{help}");
    let got = broken.run(&["greet", "you"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!((got.status.code(), got.stdout.len()), (Some(1), 0));
    assert!(err.starts_with("SystemCheckError: System check identified some issues:\n\nERRORS:\n"), "{err}");
    assert!(err.contains("SESSION_ENGINE"), "the nearest name is told: {err}");
}

#[test]
fn the_banner_is_djangos_and_sigterm_lets_requests_finish() {
    let manage = Manage::new().with("NUAGES_SERVER_ACCESS_LOG", "always");
    let mut server = manage.serve(&["runserver", "0"]);
    let port = server.port();
    let seen = server.seen.join("\n");
    let start = "Performing system checks...\n\nSystem check identified no issues (0 silenced).\n";
    assert!(seen.starts_with(start), "{seen}");
    let end = format!(
        "nuages version {}, using settings 'settings.toml'\nStarting server at http://127.0.0.1:{port}/\nQuit the server with CONTROL-C.",
        env!("CARGO_PKG_VERSION")
    );
    assert!(seen.ends_with(&end), "{seen}");

    let under_way = request(port, "/slow/");
    std::thread::sleep(Duration::from_millis(200));
    server.signal("-TERM");
    let answer = response(under_way);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("slow but sure"), "{answer}");
    let (status, err) = server.end();
    assert_eq!(status, Some(0), "{err:?}");
    assert!(err.iter().any(|line| line.ends_with("\"GET /slow/ HTTP/1.1\" 200 13")), "{err:?}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Manage::new().serve(&["runserver", "0"]);
    let port = server.port();
    let under_way = request(port, "/stuck/");
    std::thread::sleep(Duration::from_millis(200));
    server.signal("-INT");
    std::thread::sleep(Duration::from_millis(200));
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the request");
    server.signal("-INT");
    let start = Instant::now();
    assert_eq!(response(under_way), "");
    let (status, err) = server.end();
    assert_eq!(status, Some(0), "{err:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn without_file_descriptors_it_waits_for_better_times() {
    let manage = Manage::new();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_test-site");
    command.args(["-c", &format!("ulimit -n 48; exec {program} runserver 0")]).current_dir(manage.dir.path());
    command.env_clear().envs(manage.variables.iter().map(|(name, value)| (*name, value)));
    command.env("NUAGES_TEST_DIR", manage.dir.path()).stdin(Stdio::null());
    let mut server = Server::start(command);
    let port = server.port();
    let crowd: Vec<_> = (0..64).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    drop(crowd);
    let answer = response_of(port, "/hello/");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    server.signal("-TERM");
    let (status, err) = server.end();
    assert_eq!(status, Some(0), "{err:?}");
    let complaints = err.iter().filter(|line| line.contains("cannot accept connections")).count();
    assert!((1..50).contains(&complaints), "{complaints} complaints");
}

#[test]
fn a_taken_port_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let got = Manage::new().run(&["runserver", &port]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!(got.status.code(), Some(1));
    assert!(err.starts_with("Error: That port is already in use.\n"), "{err}");
    for piece in [&format!("127.0.0.1:{port}"), "runserver"] {
        assert!(err.contains(piece), "{piece} is not in {err}");
    }
    let got = Manage::new().run(&["runserver", "192.0.2.1:8000"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!(got.status.code(), Some(1));
    assert!(err.starts_with("Error: That IP address can't be assigned to.\n"), "{err}");
}

#[test]
fn without_allowed_hosts_nothing_is_served() {
    let manage = Manage::new().with("NUAGES_ALLOWED_HOSTS", "[]");
    let message = "CommandError: You must set settings.ALLOWED_HOSTS if DEBUG is False.\n";
    manage.check(&["runserver", "0"], 1, "", message);
}

#[test]
fn the_first_run_under_debug_makes_the_database() {
    let manage = Manage::new().with("NUAGES_DEBUG", "true");
    let mut server = manage.serve(&["runserver", "0"]);
    let port = server.port();
    let seen = server.seen.join("\n");
    assert!(seen.contains("db.sqlite3 does not exist yet: creating it"), "{seen}");
    assert!(seen.contains("  Applying sessions.0001_initial... OK\n"), "{seen}");
    assert!(seen.contains("Starting development server at http://127.0.0.1:"), "{seen}");
    let answer = response_of(port, "/visits/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n1"), "{answer}");
    server.signal("-TERM");
    let (status, err) = server.end();
    assert_eq!(status, Some(0));
    assert!(err.iter().any(|line| line.contains("] \"GET /visits/ HTTP/1.1\" 200 1")), "{err:?}");

    // The second run finds it and says nothing of it.
    let mut server = manage.serve(&["runserver", "0"]);
    server.port();
    let seen = server.seen.join("\n");
    assert!(!seen.contains("db.sqlite3") && !seen.contains("migration"), "{seen}");
    server.signal("-INT");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn an_existing_database_is_never_migrated_unasked() {
    for debug in ["true", "false"] {
        let manage = Manage::new().with("NUAGES_DEBUG", debug);
        let file = manage.dir.path().join("db.sqlite3");
        if debug == "true" {
            std::fs::write(&file, "").unwrap();
        }
        let mut server = manage.serve(&["runserver", "0"]);
        server.port();
        let seen = server.seen.join("\n");
        let announced = "You have 1 unapplied migration(s). Your project may not work properly until you apply the \
                         migrations for app(s): sessions.";
        assert!(seen.contains(announced), "{seen}");
        assert_eq!(std::fs::metadata(&file).map_or(0, |file| file.len()), 0);
        server.signal("-TERM");
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn check_deploy_fails_at_the_level_that_is_asked_for() {
    let manage = Manage::new();
    let got = manage.run(&["check", "--deploy"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!((got.status.code(), &*got.stdout), (Some(0), &b""[..]));
    assert!(err.starts_with("System check identified some issues:\n\nWARNINGS:\n?: (security.W"), "{err}");
    assert!(err.ends_with(" issues (0 silenced).\n"), "{err}");
    let got = manage.run(&["check", "--deploy", "--fail-level", "WARNING"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!(got.status.code(), Some(1));
    assert!(
        err.starts_with("SystemCheckError: System check identified some issues:\n\nWARNINGS:\n"),
        "{err}"
    );
    assert!(!err.contains("CommandError"), "{err}");
    manage.check(&["check", "--tag", "urls", "--database", "default"], 0, NO_ISSUES, "");
    let got = manage.run(&["check", "--database", "other"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!(got.status.code(), Some(1));
    assert!(err.starts_with("CommandError: ") && err.contains("other"), "{err}");
}

const NO_ISSUES: &str = "System check identified no issues (0 silenced).\n";

#[test]
fn a_settings_file_lies_over_the_projects_own() {
    let manage = Manage::new();
    std::fs::write(manage.dir.path().join("settings.toml"), "SESSION_COOKIE_AGE = 60\n").unwrap();
    std::fs::write(manage.dir.path().join("other.toml"), "SESSION_COOKIE_AGE = 70\n").unwrap();
    let shown = |words: &[&str]| String::from_utf8(manage.run(words).stdout).unwrap();
    assert!(shown(&["diffsettings"]).contains("SESSION_COOKIE_AGE = 60"));
    assert!(shown(&["diffsettings", "--settings", "other.toml"]).contains("SESSION_COOKIE_AGE = 70"));
    let got = manage.run(&["check", "--settings=missing.toml"]);
    let err = String::from_utf8(got.stderr).unwrap();
    assert_eq!(got.status.code(), Some(1));
    assert!(err.contains("missing.toml"), "{err}");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let manage = Manage::new();
    let mut child = manage.command(&["help"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}
