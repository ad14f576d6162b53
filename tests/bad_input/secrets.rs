//! What never shows: the SECRET_KEY in any output, a visitor's key in a log, the inside of an error to a client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use nuages::middleware::refusal::Raised;
use nuages::prelude::*;
use nuages::test::client::Client;

use crate::program::{Folder, SECRET_KEY, SETTINGS};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn no_command_prints_the_secret_key() {
    let folder = Folder::new(SETTINGS);
    let loud = [
        ("NUAGES_LOG", "trace"),
        ("NUAGES_SECRET_KEY_FALLBACKS", "[\"an older key that nobody may hear either\"]"),
    ];
    let commands: &[&[&str]] = &[
        &["check"],
        &["check", "--deploy"],
        &["diffsettings"],
        &["diffsettings", "--all"],
        &["help"],
        &["migrate", "-v", "3"],
        &["showmigrations"],
        &["clearsessions"],
        &["nosuch"],
    ];
    for words in commands {
        for variables in [&[][..], &loud] {
            let said = folder.run(words, variables);
            let all = said.out + &said.err;
            assert!(!all.contains(SECRET_KEY) && !all.contains("an older key"), "{words:?}:\n{all}");
        }
    }
    let shown = folder.run(&["diffsettings"], &[]).out;
    assert!(shown.contains("SECRET_KEY = "), "{shown}");
}

#[test]
fn nor_does_a_fault_at_the_key_itself() {
    let line = SETTINGS.lines().next().unwrap();
    for faulty in [
        format!("SECRET_KEY = [\"{SECRET_KEY}\"]"),
        format!("SECRET_KEY = \"{SECRET_KEY}"),
        format!("SECRET_KEY = {{ key = \"{SECRET_KEY}\" }}"),
        format!("SECRET_KEYS = \"{SECRET_KEY}\""),
        format!("{line}\nSECRET_KEY_FALLBACKS = \"{SECRET_KEY}\""),
        format!("{line}\nSECRET_KEY_FALLBACKS = [1, [\"{SECRET_KEY}\"]]"),
        format!("{line}\nDATABASE_URL = \"postgres://u:{SECRET_KEY}@h/n\""),
    ] {
        let folder = Folder::new(&SETTINGS.replace(line, &faulty));
        for words in [&["check"][..], &["diffsettings"], &["runserver", "0"]] {
            folder.refuses(words, &["settings.toml:"]);
        }
    }
}

/// A server process that is ended with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Folder, variables: &[(&str, &str)]) -> Self {
        let mut command = folder.command(&["runserver", "0"], variables);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("server at http://")).expect("the address is said");
        let port = line.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    fn get(&self, path: &str, cookie: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        // A refusal may come before all of it is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn no_log_names_a_visitors_key() {
    let folder = Folder::new(SETTINGS);
    assert_eq!(folder.run(&["migrate"], &[]).status, Some(0));
    let variables =
        [("NUAGES_LOG", "nuages=trace,django=trace,sqlx=debug"), ("NUAGES_SERVER_ACCESS_LOG", "always")];
    let server = Server::start(&folder, &variables);
    let response = server.get("/visits/", "");
    let key =
        response.split("sessionid=").nth(1).and_then(|rest| rest.get(..32)).expect("a cookie").to_owned();
    assert!(server.get("/visits/", &format!("sessionid={key}")).ends_with("\r\n\r\n2"));
    let planted = "plantedplantedplantedplantedplan";
    assert!(server.get("/visits/", &format!("sessionid={planted}")).ends_with("\r\n\r\n1"));
    // A head beyond the limit never reaches the site.
    let response = server.get("/visits/", &format!("sessionid={}", "a".repeat(100_000)));
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 431 "), "{response}");
    let response = server.get("/visits/", "sessionid=with\u{1}control characters");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    drop(server);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("\"GET /visits/ HTTP/1.1\" 200 1"), "{log}");
    for secret in [key.as_str(), planted, SECRET_KEY] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn the_inside_of_an_error_reaches_no_client_unless_debug_is_on() {
    let urls = || {
        urls![
            path("fails/", async |_: HttpRequest| Err::<HttpResponse, _>(Error::internal(
                "the inside of it <b>"
            ))),
            path("panics/", async |_: HttpRequest| -> Result<HttpResponse> {
                panic!("the inside of it <b>")
            }),
            path("missing/", async |_: HttpRequest| Err::<HttpResponse, _>(Error::not_found(
                "the inside of it <b>"
            ))),
            path("denied/", async |_: HttpRequest| Err::<HttpResponse, _>(Error::permission_denied(
                "the inside of it <b>"
            ))),
            path("bad/", async |_: HttpRequest| Err::<HttpResponse, _>(Error::bad_request(
                "the inside of it <b>"
            ))),
            path("odd/", async |_: HttpRequest| Err::<HttpResponse, _>(Error::suspicious(
                "Odd",
                "the inside of it <b>"
            ))),
            path("value/", async |request: HttpRequest| {
                request.session.set("name", "the inside of it <b>").await?;
                let number: Option<u64> = request.session.get("name").await?;
                Ok(HttpResponse::text(format!("{number:?}")))
            }),
        ]
    };
    for debug in [false, true] {
        let client = Client::builder(Site::new("no-such-folder").urls(urls()))
            .setting("INSTALLED_APPS", ["django.contrib.sessions"])
            .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
            .setting("SECRET_KEY", SECRET_KEY)
            .setting("DEBUG", debug)
            .build()
            .await
            .unwrap();
        client.raise(false);
        for (url, status) in [
            ("fails", 500),
            ("panics", 500),
            ("missing", 404),
            ("denied", 403),
            ("bad", 400),
            ("odd", 400),
            ("value", 500),
        ] {
            let response = client.get(&format!("/{url}/")).await.unwrap();
            assert_eq!(response.status.as_u16(), status, "{url}");
            let page = response.text();
            // A value of the wrong kind is nowhere shown, its key and kinds are.
            let inside = match url {
                "value" => "session value &quot;name&quot;: invalid type: string, expected u64",
                _ => "the inside of it &lt;b&gt;",
            };
            // As in Django, DEBUG has no page of its own for a 403.
            assert_eq!(page.contains(inside), debug && status != 403, "{url}: {page}");
            let Some(Raised(logged)) = response.extensions.get() else { continue };
            assert_eq!(logged.contains("the inside"), url != "value", "{url}: {logged}");
            assert!(!page.contains("it <b>") && !page.contains(SECRET_KEY), "{url}: {page}");
        }
        // Not even the list of routes.
        let page = client.get("/nowhere/").await.unwrap();
        assert_eq!((page.status.as_u16(), page.text().contains("panics/")), (404, debug));
    }
}
