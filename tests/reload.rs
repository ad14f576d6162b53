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
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-site"));
        command.env_clear().stderr(Stdio::null());
        Self::run(command, folder, words)
    }

    fn run(mut command: Command, folder: &Path, words: &[&str]) -> Self {
        let mut child = command
            .args(["runserver", "127.0.0.1:0"])
            .args(words)
            .current_dir(folder)
            .env("NUAGES_TEST_DIR", folder)
            .stdout(Stdio::piped())
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
            let started = line.strip_prefix("Starting ").and_then(|rest| rest.split_once("server at "));
            if let Some((_, address)) = started {
                return address.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
            }
        }
    }

    fn get(&self, path: &str) -> String {
        self.get_with(path, "")
    }

    fn get_with(&self, path: &str, headers: &str) -> String {
        // A refused connection fails the test: the socket stays, whoever serves it.
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
            .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Nothing starts anew for a while.
    fn stays(&self) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(800)) {
            assert!(!line.starts_with("Starting"), "{line}");
        }
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
    assert!(page.contains("404 Not Found") && page.contains("does not start (exit status: 1)"), "{page}");
    // Why, as the terminal says it.
    assert!(page.contains("SystemCheckError") && page.contains("STATIK_URL"), "{page}");
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

/// Without `DEBUG`, `runserver` serves static files if it is told to.
#[test]
fn insecure_serves_static_files_without_debug() {
    let folder = site();
    let settings = SETTINGS.replace("DEBUG = true", "DEBUG = false\nALLOWED_HOSTS = [\"localhost\"]");
    fs::write(folder.path().join("settings.toml"), settings).unwrap();
    for (words, found) in [
        (&["--noreload", "--insecure"][..], true),
        (&["--noreload"], false),
        (&["--noreload", "--insecure", "--nostatic"], false),
    ] {
        let server = Server::start(folder.path(), words);
        let status = if found { "HTTP/1.1 200" } else { "HTTP/1.1 404" };
        assert!(server.get("/static/a.txt").starts_with(status), "{words:?}");
    }
}

/// What a path under `STATIC_URL` may say, and still it leads to no file that lies elsewhere.
#[test]
fn development_static_files_lead_nowhere_else() {
    let folder = site();
    let prefixed = SETTINGS.replace("[\"assets\"]", "[\"assets\", [\"brand\", \"more\"]]");
    fs::write(folder.path().join("settings.toml"), prefixed).unwrap();
    fs::create_dir_all(folder.path().join("more/deep")).unwrap();
    fs::write(folder.path().join("more/logo.svg"), "a logo").unwrap();
    fs::write(folder.path().join("brand.txt"), "a secret").unwrap();
    fs::write(folder.path().join("more.txt"), "a secret").unwrap();
    fs::write(folder.path().join("secret.txt"), "a secret").unwrap();
    let server = Server::start(folder.path(), &["--noreload"]);
    assert!(server.get("/static/brand/logo.svg").ends_with("a logo"));
    assert!(server.get("/static/brand/deep/../logo.svg").ends_with("a logo"));
    for path in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "brand/../../secret.txt",
        "brand/..%2f..%2fsecret.txt",
        "brand/%2e%2e/%2e%2e/secret.txt",
        "brand/../secret.txt",
        "brand.txt",
        "brand/../more.txt",
        "/secret.txt",
        "%2f../secret.txt",
        "..\\secret.txt",
        "brand/..%5c..%5csecret.txt",
        "brand//../../secret.txt",
        "a.txt/../../secret.txt",
        "brand",
        "brand/",
        "brand/deep",
        "a.txt%00",
        "%00",
        "logo.svg",
    ] {
        let answer = server.get(&format!("/static/{path}"));
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains("a secret"), "{path}: {answer}");
    }
}

/// Stands in for cargo: it knows one package whose program is the test site, and builds it by what `src/main.rs` says. What it
/// leaves in the program's place is another program, which serves static files elsewhere.
const CARGO: &str = r#"#!/bin/sh
PATH=/usr/bin:/bin
base=BASE
echo "$@" >> "$base/cargo.log"
case "$1" in
metadata)
    cat <<END
{"packages": [{"name": "site", "manifest_path": "$base/Cargo.toml", "targets": [{"name": "test-site", "kind": ["bin"]}]}],
 "target_directory": "$base/target"}
END
    ;;
build)
    url=$(sed -n 's/^serve //p' "$base/src/main.rs")
    echo "   Compiling site" >&2
    if [ -z "$url" ]; then
        echo "error[E0425]: cannot find value <tune> in this scope" >&2
        exit 101
    fi
    while [ -e "$base/slow" ]; do sleep 0.05; done
    printf '#!/bin/sh\nNUAGES_STATIC_URL=%s exec PROGRAM "$@"\n' "$url" > "$base/target/debug/new"
    chmod +x "$base/target/debug/new"
    mv "$base/target/debug/new" "$base/target/debug/test-site"
    ;;
esac
"#;

#[test]
fn code_is_built_and_what_does_not_compile_is_shown() {
    let folder = site();
    let base = fs::canonicalize(folder.path()).unwrap();
    let write = |name: &str, text: &str| fs::write(base.join(name), text).unwrap();
    fs::create_dir(base.join("src")).unwrap();
    fs::create_dir_all(base.join("target/debug")).unwrap();
    write("src/main.rs", "serve static/");
    let program = env!("CARGO_BIN_EXE_test-site");
    write("cargo", &CARGO.replace("BASE", base.to_str().unwrap()).replace("PROGRAM", program));
    Command::new("chmod").arg("+x").arg(base.join("cargo")).status().unwrap();
    // A program lies where cargo puts it, or there is nothing to build.
    let built = base.join("target/debug/test-site");
    fs::copy(program, &built).unwrap();
    let mut command = Command::new(&built);
    let terminal = fs::File::create(base.join("terminal.txt")).unwrap();
    command.env_clear().env("CARGO", base.join("cargo")).stderr(terminal);
    let server = Server::run(command, &base, &[]);
    assert!(server.get("/static/a.txt").ends_with("one"));

    // While it is built, the old process serves.
    write("slow", "");
    write("src/main.rs", "serve second/");
    let terminal = || fs::read_to_string(base.join("terminal.txt")).unwrap();
    let log = || fs::read_to_string(base.join("cargo.log")).unwrap();
    let end = Instant::now() + PATIENCE;
    while !log().contains("build") {
        assert!(Instant::now() < end, "nothing is built: {}", terminal());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(log().lines().last(), Some("build --package site --bin test-site"));
    assert!(server.get("/static/a.txt").ends_with("one"));
    // What cargo says is there while it says it.
    while !terminal().contains("   Compiling site") {
        assert!(Instant::now() < end, "{}", terminal());
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::remove_file(base.join("slow")).unwrap();
    assert_eq!(server.banner(), server.port, "the new program serves the same socket");
    server.wait_for("/second/a.txt", |text| text.ends_with("one"));
    assert!(terminal().contains("src/main.rs changed, reloading."), "{}", terminal());

    // What does not compile is told in the terminal and on the pages of the old process.
    write("src/main.rs", "tune");
    let page = server.wait_for("/nope/", |text| text.contains("nuages-fault"));
    assert!(page.contains("error[E0425]: cannot find value &lt;tune&gt; in this scope"), "{page}");
    assert!(terminal().contains("error[E0425]: cannot find value <tune> in this scope"), "{}", terminal());
    assert!(terminal().contains("The code does not compile: the old one goes on."), "{}", terminal());
    assert!(server.get("/second/a.txt").ends_with("one"));

    // Which it does still when something else changes.
    let builds = || log().matches("build").count();
    let before = builds();
    write("settings.toml", &format!("{SETTINGS}\n"));
    while builds() == before {
        assert!(Instant::now() < end + PATIENCE, "{}", terminal());
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stays();
    assert!(server.get("/nope/").contains("error[E0425]"), "{}", terminal());

    write("src/main.rs", "serve third/");
    assert_eq!(server.banner(), server.port);
    server.wait_for("/third/a.txt", |text| text.ends_with("one"));
    server.wait_for("/nope/", |text| !text.contains("nuages-fault"));
}

const TEMPLATES: &str = r#"
[[TEMPLATES]]
BACKEND = "nuages.template.backends.tera.Tera"
DIRS = ["templates"]
"#;

/// A site with a page of that text, which is long enough to be compressed.
fn site_with_page(text: &str) -> tempfile::TempDir {
    let folder = site();
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::write(folder.path().join("templates/page.html"), page(text)).unwrap();
    fs::write(folder.path().join("settings.toml"), format!("{MIDDLEWARE}{SETTINGS}{TEMPLATES}")).unwrap();
    folder
}

const MIDDLEWARE: &str = r#"
MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware"]
"#;

fn page(text: &str) -> String {
    format!("<body>{text}<p>{}</p></body>", "air ".repeat(100))
}

#[test]
fn a_template_that_kept_the_site_from_starting_is_mended() {
    let folder = site_with_page("one");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let server = Server::start(folder.path(), &[]);
    assert!(server.get("/page/").contains("<body>one"));
    // A template needs no new process.
    write("templates/page.html", &page("two"));
    assert!(server.get("/page/").contains("<body>two"));
    server.stays();

    write("templates/page.html", &page("{% if %}"));
    write("settings.toml", &format!("{}{TEMPLATES}", SETTINGS.replace("\"static/\"", "\"files/\"")));
    let fault = server.wait_for("/nope/", |text| text.contains("nuages-fault"));
    assert!(fault.contains("does not start") && fault.contains("page.html:1"), "{fault}");
    assert!(server.get("/static/a.txt").ends_with("one"));

    write("templates/page.html", &page("three"));
    assert_eq!(server.banner(), server.port);
    server.wait_for("/files/a.txt", |text| text.ends_with("one"));
    assert!(server.get("/page/").contains("<body>three"));
    assert!(!server.get("/nope/").contains("nuages-fault"));
    // And is read when it is asked for, as before.
    write("templates/page.html", &page("four"));
    server.stays();
}

#[test]
fn a_fault_is_on_pages_that_are_compressed_or_known() {
    let folder = site_with_page("one");
    let server = Server::start(folder.path(), &[]);
    let compressed = server.get_with("/page/", "Accept-Encoding: gzip\r\n").to_ascii_lowercase();
    assert!(compressed.contains("\r\ncontent-encoding: gzip\r\n"), "{compressed}");
    let whole = server.get("/page/").to_ascii_lowercase();
    let tag = whole.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let known = format!("If-None-Match: {tag}\r\nIf-Modified-Since: Sun, 01 Jan 2040 00:00:00 GMT\r\n");
    let headers = format!("{known}Accept-Encoding: gzip\r\n");
    assert!(server.get_with("/page/", &headers).starts_with("HTTP/1.1 304 "));

    let file = folder.path().join("settings.toml");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("STATIK_URL = 1\n{settings}")).unwrap();
    server.wait_for("/nope/", |text| text.contains("nuages-fault"));
    let page = server.get_with("/page/", &headers);
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("<body>one") && page.contains("nuages-fault"),
        "{page}"
    );
    let head = page.split_once("\r\n\r\n").unwrap().0.to_ascii_lowercase();
    assert!(head.contains("cache-control: no-store"), "{head}");
    for kept in ["etag", "last-modified", "content-encoding"] {
        assert!(!head.contains(kept), "{head}");
    }
    let file = server.get_with("/static/a.txt", &headers).to_ascii_lowercase();
    assert!(file.contains("cache-control: no-store") && !file.contains("last-modified"), "{file}");

    fs::write(folder.path().join("settings.toml"), settings).unwrap();
    server.wait_for("/nope/", |text| !text.contains("nuages-fault"));
    assert!(server.get_with("/page/", &headers).starts_with("HTTP/1.1 304 "));
}

#[test]
fn settings_elsewhere_and_folders_made_later_are_watched() {
    let folder = site();
    let elsewhere = tempfile::tempdir().unwrap();
    let settings = elsewhere.path().join("more.toml");
    fs::write(&settings, "STATIC_URL = \"more/\"").unwrap();
    let server = Server::start(folder.path(), &["--settings", settings.to_str().unwrap()]);
    assert!(server.get("/more/a.txt").ends_with("one"));
    fs::write(elsewhere.path().join("other.toml"), "").unwrap();
    server.stays();
    fs::write(&settings, "STATIC_URL = \"most/\"").unwrap();
    assert_eq!(server.banner(), server.port);
    server.wait_for("/most/a.txt", |text| text.ends_with("one"));

    fs::create_dir_all(folder.path().join("later/on")).unwrap();
    server.stays();
    fs::write(folder.path().join("later/on/shop.toml"), "").unwrap();
    assert_eq!(server.banner(), server.port);
    // What is in it when it appears, too.
    fs::create_dir(elsewhere.path().join("whole")).unwrap();
    fs::write(elsewhere.path().join("whole/shop.toml"), "").unwrap();
    fs::rename(elsewhere.path().join("whole"), folder.path().join("whole")).unwrap();
    assert_eq!(server.banner(), server.port);
}
