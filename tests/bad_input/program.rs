//! A site's folder, and its `manage` as a process in it.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The key of these tests: no output may ever have it.
pub(crate) const SECRET_KEY: &str = "grooves-that-nobody-may-hear-0123456789-abcdefghij";

/// A sound `settings.toml`.
pub(crate) const SETTINGS: &str = r#"SECRET_KEY = "grooves-that-nobody-may-hear-0123456789-abcdefghij"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["django.contrib.sessions", "tests.greetings"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]
[DATABASES.default]
ENGINE = "django.db.backends.sqlite3"
NAME = "db.sqlite3"
"#;

/// A site in a folder of its own.
pub(crate) struct Folder {
    dir: TempDir,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// With these settings.
    pub(crate) fn new(settings: &str) -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap() };
        folder.write("settings.toml", settings);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    /// A command of the site, with nothing of the environment but this.
    pub(crate) fn command(&self, words: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-site"));
        command.args(words).current_dir(self.path()).env_clear().envs(variables.iter().copied());
        command.env("NUAGES_TEST_DIR", self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Said {
        let output = self.command(words, variables).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command that must fail, saying each of these pieces on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn refuses(&self, words: &[&str], pieces: &[&str]) {
        let said = self.run(words, &[]);
        assert_eq!((said.status, &*said.out), (Some(1), ""), "{words:?}: {said:?}");
        for piece in pieces {
            assert!(said.err.contains(piece), "{words:?}: {piece:?} is not in:\n{}", said.err);
        }
        assert!(!said.err.contains("panicked") && !said.err.contains(SECRET_KEY), "{words:?}:\n{}", said.err);
    }
}
