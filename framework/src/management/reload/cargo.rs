//! The cargo workspace that the running program was built in, and how to build it again.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

/// A program's workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    packages: Vec<PathBuf>,
    /// `cargo build`'s words for this program.
    words: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    /// `None` when there is no cargo, or the program does not lie where cargo puts it: then there is nothing to build.
    pub(super) async fn of(base_dir: &Path, program: &Path) -> Option<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(base_dir)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .await
            .ok()
            .filter(|output| output.status.success())?;
        let metadata: Metadata = serde_json::from_slice(&output.stdout).ok()?;
        let place = program.strip_prefix(&metadata.target_directory).ok()?;
        let profile = place.iter().rev().nth(1)?.to_str()?.to_owned();
        let name = program.file_stem()?.to_str()?;
        let is_program =
            |target: &Target| target.name == name && target.kind.iter().any(|kind| kind == "bin");
        let package = metadata.packages.iter().find(|package| package.targets.iter().any(is_program))?;
        let mut words: Vec<String> =
            ["build", "--package", &package.name, "--bin", name].map(str::to_owned).into();
        match profile.as_str() {
            "debug" => {}
            "release" => words.push("--release".to_owned()),
            other => words.extend(["--profile".to_owned(), other.to_owned()]),
        }
        let folders = metadata.packages.iter().filter_map(|package| package.manifest_path.parent());
        Some(Self { folder: base_dir.to_owned(), packages: folders.map(Path::to_owned).collect(), words })
    }

    /// The folders of its packages.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.packages.iter().map(PathBuf::as_path)
    }

    /// Builds the program; what the compiler says goes to the terminal, and is given back when it fails.
    pub(super) async fn build(&self) -> io::Result<Result<(), String>> {
        let output = Command::new(cargo())
            .args(&self.words)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        eprint_all(&said);
        Ok(if output.status.success() { Ok(()) } else { Err(said) })
    }
}

/// The compiler's words for the person at the terminal, who may have left.
fn eprint_all(said: &str) {
    let _ = io::Write::write_all(&mut io::stderr(), said.as_bytes());
}

/// The cargo that runs this program, if one does.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
