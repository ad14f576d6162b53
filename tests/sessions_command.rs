//! `manage sessions`: what it prints of stored sessions, what it deletes, what it refuses.
#![allow(missing_docs, reason = "tests")]

use std::io::{self, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use clap::Args;
use nuages::apps::style::Style;
use nuages::conf::source::SettingsSource;
use nuages::contrib::sessions::sessions_command::SessionsCommand;
use nuages::db::migrations::executor::create_and_migrate;
use nuages::db::timestamp::Timestamp;
use nuages::prelude::*;
use nuages::project::Project;
use nuages::serialize::value::{Dict, Value};
use nuages::session::key::SessionKey;

const SONAM: &str = "aaaa0000000000000000000000000000";
const PEMA: &str = "bbbb0000000000000000000000000000";
const LATE: &str = "cccc0000000000000000000000000000";

/// Signed with the key `vectors-secret-key` at 2026-01-02 03:00 UTC.
const EMPTY: &str = "e30:1vbVOS:ZDesydLQUGWQCC4LaCOTB70zysko7_bOQF7C9Z_dUZs";

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct TestSite {
    project: Arc<Project>,
    _folder: tempfile::TempDir,
}

impl TestSite {
    /// A site with that engine and three sessions: two users' and an expired one.
    async fn new(engine: &str) -> Self {
        let site = Self::empty(engine, "'vectors-secret-key'").await;
        site.insert(SONAM, &[("name", "Sonam"), ("_auth_user_id", "7"), ("_auth_user_hash", "secret hash")])
            .await;
        site.insert(PEMA, &[("_auth_user_id", "8"), ("note", "\u{1b}[31mred")]).await;
        site.insert(LATE, &[("_auth_user_id", "7"), ("_session_expiry", "2020-01-01T00:00:00+00:00")]).await;
        site
    }

    async fn empty(engine: &str, keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            r#"
            SECRET_KEY = {keys}
            INSTALLED_APPS = ["django.contrib.sessions"]
            SESSION_ENGINE = "django.contrib.sessions.backends.{engine}"
            SESSION_FILE_PATH = "."
            USE_TZ = true
            DATABASES = {{ default = {{ ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3" }} }}
            "#
        );
        let source = SettingsSource::text("settings.toml", &settings).in_dir(folder.path());
        let built = Site::new(folder.path()).build(&source).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let project = built.project;
        create_and_migrate(project.db().unwrap(), project.migrations(), Timestamp::now, |_| Ok(()))
            .await
            .unwrap();
        Self { project, _folder: folder }
    }

    async fn insert(&self, key: &str, items: &[(&str, &str)]) {
        let data: Dict = items.iter().map(|(key, value)| (*key, Value::from(*value))).collect();
        self.project.sessions().store().insert(&SessionKey::parse(key).unwrap(), &data).await.unwrap();
    }

    async fn has(&self, key: &str) -> bool {
        self.project.sessions().store().exists(&SessionKey::parse(key).unwrap()).await.unwrap()
    }

    /// What it prints, to a person or into a pipe, and how it fails.
    async fn run_on(&self, terminal: bool, words: &[&str]) -> (String, Option<String>) {
        let parser = SessionsCommand::augment_args(clap::Command::new("sessions").no_binary_name(true));
        let matches = match parser.try_get_matches_from(words) {
            Ok(matches) => matches,
            Err(error) => return (String::new(), Some(error.to_string())),
        };
        let command = <SessionsCommand as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        let buffer = Buffer::default();
        let mut out = Output::new(buffer.clone(), terminal).with_style(Style::plain());
        let done = command.handle(Arc::clone(&self.project), &mut out).await;
        let printed = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        (printed, done.err().map(|error| error.to_string()))
    }

    async fn run(&self, words: &[&str]) -> String {
        let (printed, failed) = self.run_on(false, words).await;
        assert_eq!(failed, None, "{words:?}");
        printed
    }

    async fn json(&self, words: &[&str]) -> serde_json::Value {
        let printed = self.run(words).await;
        assert!(printed.is_ascii());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

/// The first words of the lines of a table.
fn keys(table: &str) -> Vec<&str> {
    table.lines().skip(1).map(|line| line.split_whitespace().next().unwrap_or_default()).collect()
}

async fn looks(engine: &str) {
    let site = TestSite::new(engine).await;
    let table = site.run(&["list"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "a pipe gets a heading and the sessions: {table}");
    assert_eq!(lines[0], "KEY    STATE       EXPIRES                    USER      DATA");
    assert!(lines[1].starts_with("aaaa…  alive       20"), "{table}");
    assert!(
        lines[1]
            .ends_with("7         {'name': 'Sonam', '_auth_user_id': '7', '_auth_user_hash': '********'}")
    );
    assert!(lines[2].ends_with(r"{'_auth_user_id': '8', 'note': '\x1b[31mred'}"), "{table}");
    assert!(lines[3].starts_with("cccc…  expired     2020-01-01T00:00:00+00:00  7 "), "{table}");
    assert!(!table.contains("secret hash") && !table.contains(SONAM));

    for (words, expected) in [
        (&["list", "--expired"][..], &["cccc…"][..]),
        (&["list", "--alive"], &["aaaa…", "bbbb…"]),
        (&["list", "--user", "7"], &["aaaa…", "cccc…"]),
        (&["list", "--user", "7", "--alive"], &["aaaa…"]),
        (&["list", "--user", "70"], &[]),
        (&["list", "--limit", "2"], &["aaaa…", "bbbb…"]),
        (&["list", "--full-keys", "--user", "8"], &[PEMA]),
    ] {
        assert_eq!(keys(&site.run(words).await), expected, "{words:?}");
    }

    let (watched, _) = site.run_on(true, &["list", "--user", "7", "--alive"]).await;
    assert!(watched.contains("{'name': 'Sonam', '_auth_user_id': '7', '_auth_user_hash': …\n"), "{watched}");
    assert!(watched.ends_with("\n1 session\n"), "{watched}");

    let list = site.json(&["list", "--json"]).await;
    let states: Vec<_> = list.as_array().unwrap().iter().map(|session| session["state"].clone()).collect();
    assert_eq!(states, ["alive", "alive", "expired"]);
    assert_eq!(list[0]["key"], "aaaa…");
    assert_eq!(list[0]["user"], "7");
    assert_eq!(list[0]["data"]["_auth_user_hash"], "********");
    assert_eq!(list[1]["data"]["note"], "\u{1b}[31mred");
    assert_eq!(site.run(&["list", "--json", "--user", "none"]).await, "[]\n");

    let shown = site.run(&["show", SONAM]).await;
    assert!(shown.starts_with("Key        aaaa…\nState      alive\nExpires    20"), "{shown}");
    assert!(
        shown.ends_with(
            "User       7\nData\n  'name': 'Sonam'\n  '_auth_user_id': '7'\n  '_auth_user_hash': '********'\n"
        ),
        "{shown}"
    );
    let shown = site.json(&["show", LATE, "--json", "--full-keys"]).await;
    assert_eq!((&shown["key"], &shown["state"]), (&LATE.into(), &"expired".into()));
    assert!(site.has(LATE).await, "looking deletes nothing");

    let unknown = "dddd0000000000000000000000000000";
    let (printed, failed) = site.run_on(false, &["show", unknown]).await;
    assert_eq!((printed.as_str(), failed.as_deref()), ("", Some("No session has the key dddd….")));
    let (_, failed) = site.run_on(false, &["show", "aaaa…"]).await;
    assert!(failed.unwrap().contains("'sessions list --full-keys' shows keys whole"));
}

async fn deletes(engine: &str) {
    let site = TestSite::new(engine).await;
    for (words, said) in [
        (&["delete", "--dry-run", "--expired"][..], "1 session would be deleted.\n"),
        (&["delete", "--dry-run", "--user", "7"], "2 sessions would be deleted.\n"),
        (&["delete", "--dry-run", SONAM, PEMA], "2 sessions would be deleted.\n"),
    ] {
        assert_eq!(site.run(words).await, said, "{words:?}");
    }
    assert!(site.has(SONAM).await && site.has(PEMA).await && site.has(LATE).await);

    assert_eq!(site.run(&["delete", "--expired"]).await, "Deleted 1 session.\n");
    assert!(site.has(SONAM).await && !site.has(LATE).await);
    assert_eq!(site.run(&["delete", "--user", "7"]).await, "Deleted 1 session.\n");
    assert!(!site.has(SONAM).await && site.has(PEMA).await);
    let (printed, failed) = site.run_on(false, &["delete", SONAM, PEMA, "../../etc/passwd"]).await;
    assert_eq!(printed, "Deleted 1 session.\n");
    assert_eq!(failed.as_deref(), Some("No session has the key aaaa…, ../.…."));
    assert!(!site.has(PEMA).await);
    for words in [&["delete"][..], &["delete", "--expired", "--user", "7"], &["delete", SONAM, "--expired"]] {
        assert!(site.run_on(false, words).await.1.is_some(), "{words:?} says not what, or two things");
    }
}

#[tokio::test]
async fn sessions_in_a_database_are_shown() {
    looks("db").await;
}

#[tokio::test]
async fn sessions_in_files_are_shown() {
    looks("file").await;
}

#[tokio::test]
async fn sessions_in_a_database_with_a_cache_are_shown() {
    looks("cached_db").await;
}

#[tokio::test]
async fn sessions_in_a_database_are_deleted() {
    deletes("db").await;
}

#[tokio::test]
async fn sessions_in_files_are_deleted() {
    deletes("file").await;
}

#[tokio::test]
async fn sessions_in_a_database_and_its_cache_are_deleted() {
    deletes("cached_db").await;
}

#[tokio::test]
async fn more_than_a_page_is_listed_in_order() {
    let site = TestSite::empty("db", "'k'").await;
    let mut expected = Vec::new();
    for number in 0..1_201 {
        let key = format!("key{number:07}");
        site.insert(&key, &[("_auth_user_id", if number % 400 == 0 { "7" } else { "8" })]).await;
        expected.push(key);
    }
    assert_eq!(keys(&site.run(&["list", "--full-keys"]).await), expected);
    let of_user = site.run(&["list", "--full-keys", "--user", "7"]).await;
    assert_eq!(keys(&of_user), ["key0000000", "key0000400", "key0000800", "key0001200"]);
    assert_eq!(site.run(&["delete", "--user", "8"]).await, "Deleted 1197 sessions.\n");
    assert_eq!(keys(&site.run(&["list"]).await).len(), 4);
}

#[tokio::test]
async fn engines_that_cannot_say_why() {
    let site = TestSite::empty("signed_cookies", "'k'").await;
    for words in [&["list"][..], &["show", SONAM], &["delete", "--expired"], &["delete", SONAM]] {
        let (printed, failed) = site.run_on(false, words).await;
        assert_eq!(printed, "");
        assert!(failed.unwrap().contains("keeps each session in its visitor's cookie"), "{words:?}");
    }
    let site = TestSite::empty("cache", "'k'").await;
    for words in [&["list", "--json"][..], &["delete", "--user", "7"], &["delete", "--expired"]] {
        let (printed, failed) = site.run_on(false, words).await;
        assert_eq!(printed, "");
        assert!(failed.unwrap().contains("only finds what it is given the key of"), "{words:?}");
    }
    site.insert(SONAM, &[("name", "Sonam")]).await;
    assert!(site.run(&["show", SONAM]).await.ends_with("Data\n  'name': 'Sonam'\n"));
    assert_eq!(site.run(&["delete", SONAM]).await, "Deleted 1 session.\n");
}

#[tokio::test]
async fn a_signed_text_is_taken_apart() {
    let site = TestSite::empty("db", "'vectors-secret-key'").await;
    assert_eq!(
        site.run(&["decode", EMPTY]).await,
        "Signature  right, by SECRET_KEY\nPurpose    a stored session\nSigned     2026-01-02T03:00:00+00:00\n\
         Data       {}\n"
    );
    let rotated = TestSite::empty("db", "'new'\nSECRET_KEY_FALLBACKS = ['vectors-secret-key']").await;
    let json = rotated.json(&["decode", EMPTY, "--json"]).await;
    let expected = serde_json::json!({
        "signature": "right",
        "key": "SECRET_KEY_FALLBACKS",
        "purpose": "a stored session",
        "signed": "2026-01-02T03:00:00+00:00",
        "data": {},
    });
    assert_eq!(json, expected);

    let cookies = TestSite::empty("signed_cookies", "'vectors-secret-key'").await;
    let data = Dict::from_iter([("_auth_user_hash", Value::from("secret hash")), ("n", Value::from(1))]);
    let any = SessionKey::parse(SONAM).unwrap();
    let cookie = cookies.project.sessions().store().insert(&any, &data).await.unwrap().key;
    let told = site.run(&["decode", cookie.as_str()]).await;
    assert!(told.contains("\nPurpose    a cookie of the signed_cookies engine\n"), "{told}");
    assert!(told.ends_with("Data\n  '_auth_user_hash': '********'\n  'n': 1\n"), "{told}");

    for (text, message) in [
        ("", "The text is not signed"),
        ("nonsense", "The text is not signed"),
        ("e31:1vbVOS:ZDesydLQUGWQCC4LaCOTB70zysko7_bOQF7C9Z_dUZs", "The signature is wrong"),
        ("-x:y:z", "The signature is wrong"),
    ] {
        let (printed, failed) = site.run_on(false, &["decode", text]).await;
        assert_eq!(printed, "");
        assert!(failed.as_ref().is_some_and(|failed| failed.starts_with(message)), "{text:?}: {failed:?}");
        let (printed, failed) = site.run_on(false, &["decode", "--json", text]).await;
        assert!(printed.starts_with(r#"{"signature":"wrong","error":"#), "{printed}");
        assert_eq!(failed.as_deref(), Some(""), "the object says it all");
    }
}

#[test]
fn a_signed_text_comes_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_test-site"))
        .args(["sessions", "decode", "-", "--json"])
        .current_dir(folder.path())
        .env_clear()
        .env("NUAGES_TEST_DIR", folder.path())
        .env("NUAGES_SECRET_KEY", "vectors-secret-key")
        .env("NUAGES_INSTALLED_APPS", r#"["django.contrib.sessions"]"#)
        .env("NUAGES_SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{EMPTY}").unwrap();
    let output = child.wait_with_output().unwrap();
    let (printed, failed) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{failed}");
    assert!(printed.starts_with(r#"{"signature":"right","key":"SECRET_KEY","#), "{printed}");
}
