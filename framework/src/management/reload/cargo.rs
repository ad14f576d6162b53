//! The cargo workspace that the running program was built in, and how to build it again.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::spawn_blocking;

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
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    /// The folder, of one that is no registry's.
    path: Option<PathBuf>,
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
        let own = metadata.packages.iter().filter_map(|package| package.manifest_path.parent());
        let dependencies = metadata.packages.iter().flat_map(|package| &package.dependencies);
        let beside = dependencies.filter_map(|dependency| dependency.path.as_deref());
        let packages = own.chain(beside.filter(|folder| folder.is_dir())).map(Path::to_owned).collect();
        Some(Self { folder: base_dir.to_owned(), packages, words })
    }

    /// The folders of its packages, and of those beside it that they depend on.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.packages.iter().map(PathBuf::as_path)
    }

    /// Builds the program. What the compiler says goes to the terminal while it says it, with `colours` if it is one that shows
    /// them, and is given back without them when the building fails.
    pub(super) async fn build(&self, colours: bool) -> io::Result<Result<(), String>> {
        let mut command = Command::new(cargo());
        command.args(&self.words);
        if colours {
            // It writes into a pipe, and would write none.
            command.arg("--color=always");
        }
        let mut cargo = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut said = Vec::new();
        if let Some(words) = cargo.stderr.take() {
            let mut lines = BufReader::new(words);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).await? > 0 {
                let place = LONGEST_COMPLAINT.saturating_sub(said.len());
                said.extend_from_slice(&line[..line.len().min(place)]);
                eprint_all(std::mem::take(&mut line)).await;
            }
        }
        let status = cargo.wait().await?;
        Ok(if status.success() { Ok(()) } else { Err(without_colours(&String::from_utf8_lossy(&said))) })
    }
}

/// Of what the compiler says, so much is shown on pages, in bytes: the first error is what matters.
const LONGEST_COMPLAINT: usize = 64 << 10;

/// The compiler's words for the person at the terminal, who may have left; one that is stopped (`CONTROL-S`) holds up this process's
/// building and nothing else.
async fn eprint_all(said: Vec<u8>) {
    let _ = spawn_blocking(move || io::Write::write_all(&mut io::stderr(), &said)).await;
}

/// The text without what colours it in a terminal: `ESC [ … m`, and whatever else such a sequence ends with.
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        let end = after.find(|c: char| ('@'..='~').contains(&c)).map_or(after.len(), |end| end + 1);
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// The cargo that runs this program, if one does.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::without_colours;

    #[test]
    fn colours_are_taken_out() {
        for (text, plain) in [
            ("plain <T> [0m", "plain <T> [0m"),
            ("\x1b[1m\x1b[38;5;9merror\x1b[0m: é", "error: é"),
            ("ends \x1b[", "ends "),
        ] {
            assert_eq!(without_colours(text), plain, "{text:?}");
        }
    }
}
