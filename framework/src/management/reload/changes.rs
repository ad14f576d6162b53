//! Changes of the project's files, a moment after the last of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::cargo::Workspace;

/// Editors write a file in several steps: after so long without another one they are done.
const QUIET: Duration = Duration::from_millis(200);

/// Events that wait; what finds no place is told by those before it.
const QUEUE: usize = 256;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// One of the files.
    pub(super) path: PathBuf,
    /// Whether the program has to be built again.
    pub(super) rust: bool,
}

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Changes {
    paths: mpsc::Receiver<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches the site's folder, and those of the workspace's packages.
    pub(super) fn watch(base_dir: &Path, workspace: Option<&Workspace>) -> notify::Result<Self> {
        let (sender, paths) = mpsc::channel(QUEUE);
        let mut folders = vec![base_dir.to_owned()];
        folders.extend(workspace.into_iter().flat_map(Workspace::folders).map(Path::to_owned));
        folders.sort();
        folders.dedup();
        let watched = folders.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)) {
                return;
            }
            for path in event.paths.into_iter().filter(|path| matters(path, &watched)) {
                // A full queue says already that there are changes.
                let _ = sender.try_send(path);
            }
        })?;
        for folder in folders {
            // `target/` alone holds tens of thousands of folders, so each is watched by itself.
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            for entry in folder.read_dir()?.flatten() {
                let path = entry.path();
                if path.is_dir()
                    && !is_ignored(&entry.file_name().to_string_lossy())
                    && !path.join("Cargo.toml").exists()
                {
                    watcher.watch(&path, RecursiveMode::Recursive)?;
                }
            }
        }
        Ok(Self { paths, _watcher: watcher })
    }

    /// The next changes, as one.
    pub(super) async fn next(&mut self) -> Change {
        let Some(path) = self.paths.recv().await else { return std::future::pending().await };
        let mut change = Change { rust: is_rust(&path), path };
        while let Ok(Some(path)) = timeout(QUIET, self.paths.recv()).await {
            if is_rust(&path) && !change.rust {
                change = Change { rust: true, path };
            }
        }
        change
    }
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "target" | "node_modules" | "collected")
}

/// Whether a change of that file asks for a new process: code, settings, migrations. Templates and static files do not.
fn matters(path: &Path, folders: &[PathBuf]) -> bool {
    // What lies above the project does not matter: it may well be a hidden folder.
    let below = folders.iter().filter_map(|folder| path.strip_prefix(folder).ok());
    let path = below.min_by_key(|below| below.components().count()).unwrap_or(path);
    let hidden = path.components().any(|part| is_ignored(&part.as_os_str().to_string_lossy()));
    if hidden || path.to_string_lossy().ends_with('~') {
        return false;
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    let in_templates =
        path.components().any(|part| part.as_os_str() == "templates" || part.as_os_str() == "static");
    match ending {
        Some("rs") => true,
        Some("toml" | "sql") => !in_templates,
        _ => false,
    }
}

/// Whether cargo has something to do about it.
fn is_rust(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Migrations that a crate embeds are code; those of the site's folder are read at the start, which a build does not hurt.
    name == "Cargo.toml" || name.ends_with(".rs") || name.ends_with(".sql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters() {
        let folders = [PathBuf::from("/home/.me/site")];
        for (path, matter, rust) in [
            ("/home/.me/site/src/views.rs", true, true),
            ("/home/.me/site/settings.toml", true, false),
            ("/home/.me/site/Cargo.toml", true, true),
            ("/home/.me/site/migrations/shop/0002_x.sql", true, true),
            ("/home/.me/site/templates/shop/list.html", false, false),
            ("/home/.me/site/static/site.css", false, false),
            ("/home/.me/site/target/debug/build/x.rs", false, true),
            ("/home/.me/site/.git/x.rs", false, true),
            ("/home/.me/site/src/.views.rs.swp", false, false),
            ("/home/.me/site/src/views.rs~", false, false),
        ] {
            let path = Path::new(path);
            assert_eq!(
                (matters(path, &folders), matter && is_rust(path)),
                (matter, matter && rust),
                "{path:?}"
            );
        }
    }
}
