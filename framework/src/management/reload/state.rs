//! What the watching and the serving process tell each other: files in a folder of theirs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The variable with the folder in the serving process's environment. Django's name; Django's value is `true`.
pub(in crate::management) const VARIABLE: &str = "RUN_MAIN";

/// The variable with the watching process's number: by the time the serving process asks who its parent is, that may be
/// another one.
pub(super) const WATCHER: &str = "RUN_MAIN_WATCHER";

const READY: &str = "ready";
const FAULT: &str = "fault.txt";
const REASON: &str = "reason.txt";

/// Of what a process says before it ends, so much is shown on pages, in bytes; the terminal has all of it.
const LONGEST_REASON: usize = 64 << 10;

/// The watching process's end.
#[derive(Debug)]
pub(super) struct ReloadState(TempDir);

impl ReloadState {
    pub(super) fn create() -> io::Result<Self> {
        tempfile::Builder::new().prefix("nuages-reload-").tempdir().map(Self)
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.folder().join(READY).exists()
    }

    pub(super) fn not_ready(&self) -> io::Result<()> {
        remove(&self.folder().join(REASON))?;
        remove(&self.folder().join(READY))
    }

    /// Why a process did not come up, if it said so.
    pub(super) fn reason(&self) -> Option<String> {
        fs::read_to_string(self.folder().join(REASON)).ok()
    }

    pub(super) fn set_fault(&self, text: &str) -> io::Result<()> {
        // In one step: the other process may be reading.
        let new = self.folder().join("fault.new");
        fs::write(&new, text)?;
        fs::rename(new, self.folder().join(FAULT))
    }

    pub(super) fn clear_fault(&self) -> io::Result<()> {
        remove(&self.folder().join(FAULT))
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The serving process's end.
#[derive(Debug, Clone)]
pub(in crate::management) struct Served {
    folder: PathBuf,
    watcher: i32,
}

impl Served {
    /// `None` in a process that nobody watches.
    pub(in crate::management) fn from_environment() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os(VARIABLE)?);
        let watcher = std::env::var(WATCHER).ok()?.parse().ok()?;
        folder.is_absolute().then_some(Self { folder, watcher })
    }

    /// The watching process's number.
    pub(in crate::management) const fn watcher(&self) -> i32 {
        self.watcher
    }

    /// Tells why this process does not come up: for the pages of the old one.
    pub(in crate::management) fn does_not_start(&self, reason: &str) {
        let mut end = reason.len().min(LONGEST_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        // It stands in the terminal, too.
        let _ = fs::write(self.folder.join(REASON), &reason[..end]);
    }

    /// Tells that this process listens. What kept the changed code from being served is over by now: none of its pages may say so, and the
    /// watching process looks only now and then.
    pub(in crate::management) fn ready(&self) -> io::Result<()> {
        remove(&self.folder.join(FAULT))?;
        fs::write(self.folder.join(READY), "")
    }

    /// What keeps the changed code from being served, if anything does.
    pub(super) fn fault(&self) -> Option<String> {
        fs::read_to_string(self.folder.join(FAULT)).ok()
    }
}
