//! Changes of the project's files, a moment after the last of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::ModifyKind;
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
    watcher: RecommendedWatcher,
    watched: Arc<Watched>,
}

/// What is watched.
#[derive(Debug)]
struct Watched {
    /// The folders of the site and of packages: their own files, and whatever lies below.
    roots: Vec<PathBuf>,
    /// The file of `--settings`.
    settings: Option<PathBuf>,
    /// Files that do not ask for a new process by themselves count, too.
    everything: AtomicBool,
}

impl Changes {
    /// Watches the site's folder, those of the workspace's packages, and the file of `--settings`, wherever it lies.
    pub(super) fn watch(
        base_dir: &Path,
        workspace: Option<&Workspace>,
        settings: Option<&Path>,
    ) -> notify::Result<Self> {
        let (sender, paths) = mpsc::channel(QUEUE);
        let mut roots = vec![std::path::absolute(base_dir)?];
        roots.extend(workspace.into_iter().flat_map(Workspace::folders).map(Path::to_owned));
        roots.sort();
        roots.dedup();
        let settings = settings.map(std::path::absolute).transpose()?;
        let watched = Arc::new(Watched { roots, settings, everything: AtomicBool::new(false) });
        let told = Arc::clone(&watched);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)) {
                return;
            }
            let appears = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)));
            let counts = |path: &PathBuf| told.matters(path) || appears && told.is_new_folder(path);
            for path in event.paths.into_iter().filter(counts) {
                // A full queue says already that there are changes.
                let _ = sender.try_send(path);
            }
        })?;
        for root in &watched.roots {
            // `target/` alone holds tens of thousands of folders, so each is watched by itself.
            watcher.watch(root, RecursiveMode::NonRecursive)?;
            for entry in root.read_dir()?.flatten() {
                if watched.is_new_folder(&entry.path()) {
                    watcher.watch(&entry.path(), RecursiveMode::Recursive)?;
                }
            }
        }
        // The folder, because editors put a new file in the old one's place.
        if let Some(folder) = watched.settings.as_deref().and_then(Path::parent)
            && !watched.roots.iter().any(|root| folder.starts_with(root))
        {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { paths, watcher, watched })
    }

    /// Whether templates and static files count, too: while something keeps the site from starting, which may be one of them.
    pub(super) fn watch_everything(&self, everything: bool) {
        self.watched.everything.store(everything, Ordering::Relaxed);
    }

    /// The next changes, as one.
    pub(super) async fn next(&mut self) -> Change {
        let mut change = loop {
            let Some(path) = self.paths.recv().await else { return std::future::pending().await };
            if let Some(change) = self.change(path).await {
                break change;
            }
        };
        while let Ok(Some(path)) = timeout(QUIET, self.paths.recv()).await {
            if let Some(next) = self.change(path).await
                && next.rust
                && !change.rust
            {
                change = next;
            }
        }
        change
    }

    /// What that path tells. A folder that was made since the start is watched from now on, and tells of what is in it already.
    async fn change(&mut self, path: PathBuf) -> Option<Change> {
        if self.watched.is_new_folder(&path) {
            // It may be gone again.
            let _ = self.watcher.watch(&path, RecursiveMode::Recursive);
            let watched = Arc::clone(&self.watched);
            let path = tokio::task::spawn_blocking(move || watched.first_within(&path)).await.ok()??;
            return Some(Change { rust: is_rust(&path), path });
        }
        // It was queued while everything counted, and that may be over.
        self.watched.matters(&path).then(|| Change { rust: is_rust(&path), path })
    }
}

impl Watched {
    /// The path from the nearest root on. What lies above does not matter: it may well be a hidden folder.
    fn below<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let below = self.roots.iter().filter_map(|root| path.strip_prefix(root).ok());
        below.min_by_key(|below| below.components().count())
    }

    /// Whether a change of that file asks for a new process: code, settings, migrations. Templates and static files do not, unless
    /// everything counts.
    fn matters(&self, path: &Path) -> bool {
        if self.settings.as_deref() == Some(path) {
            return true;
        }
        let Some(path) = self.below(path) else { return false };
        if is_ignored(path) || path.to_string_lossy().ends_with('~') {
            return false;
        }
        let in_templates =
            path.components().any(|part| part.as_os_str() == "templates" || part.as_os_str() == "static");
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("rs") => true,
            Some("toml" | "sql") if !in_templates => true,
            ending => {
                // Not whatever there is: the old process writes its database and its logs.
                let written = matches!(
                    ending,
                    Some("html" | "htm" | "xml" | "txt" | "css" | "js" | "json" | "svg" | "toml" | "sql")
                );
                self.everything.load(Ordering::Relaxed) && (in_templates || written)
            }
        }
    }

    /// Whether it is a folder right below a root, which is watched with all that is in it.
    fn is_new_folder(&self, path: &Path) -> bool {
        path.parent().is_some_and(|parent| self.roots.iter().any(|root| root == parent))
            && path.file_name().is_some_and(|name| !is_ignored(Path::new(name)))
            && path.is_dir()
            && !self.roots.iter().any(|root| root == path)
    }

    /// One of the files below the folder that matter, one of code if there is one.
    fn first_within(&self, folder: &Path) -> Option<PathBuf> {
        let (mut folders, mut found, mut seen) = (vec![folder.to_owned()], None, 0);
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().ok()?.flatten() {
                seen += 1;
                if seen > LARGEST_FOLDER {
                    return found;
                }
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if self.matters(&path) {
                    if is_rust(&path) {
                        return Some(path);
                    }
                    found = Some(path);
                }
            }
        }
        found
    }
}

/// So many entries of a folder that is made later are looked at.
const LARGEST_FOLDER: usize = 10_000;

/// Whether nothing below a root's such path is watched: what is hidden, what was built or collected there, and other people's code.
fn is_ignored(below: &Path) -> bool {
    let name = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().into_owned();
    let mut names = below.components().map(name);
    matches!(below.components().next().map(name).as_deref(), Some("target" | "collected"))
        || names.any(|name| name.starts_with('.') || name == "node_modules")
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
        let watched = |everything: bool| Watched {
            roots: vec!["/home/.me/site".into(), "/home/.me/site/apps/shop".into()],
            settings: Some("/etc/site/production.toml".into()),
            everything: everything.into(),
        };
        // Whether it does while the site is sound, while it does not start, and whether it is built for it.
        for (path, sound, faulty, rust) in [
            ("/home/.me/site/src/views.rs", true, true, true),
            ("/home/.me/site/settings.toml", true, true, false),
            ("/home/.me/site/Cargo.toml", true, true, true),
            ("/home/.me/site/migrations/shop/0002_x.sql", true, true, true),
            ("/home/.me/site/src/target/hit.rs", true, true, true),
            ("/home/.me/site/apps/shop/src/collected/coin.rs", true, true, true),
            ("/etc/site/production.toml", true, true, false),
            ("/home/.me/site/templates/shop/list.html", false, true, false),
            ("/home/.me/site/apps/shop/templates/mail.eml", false, true, false),
            ("/home/.me/site/static/site.css", false, true, false),
            ("/home/.me/site/db.sqlite3", false, false, false),
            ("/home/.me/site/db.sqlite3-journal", false, false, false),
            ("/home/.me/site/target/debug/build/x.rs", false, false, true),
            ("/home/.me/site/apps/shop/target/x.rs", false, false, true),
            ("/home/.me/site/collected/site.css", false, false, false),
            ("/home/.me/site/.git/x.rs", false, false, true),
            ("/home/.me/site/assets/node_modules/x/x.rs", false, false, true),
            ("/home/.me/site/src/.views.rs.swp", false, false, false),
            ("/home/.me/site/src/views.rs~", false, false, false),
            ("/etc/site/other.toml", false, false, false),
        ] {
            let path = Path::new(path);
            let found = (watched(false).matters(path), watched(true).matters(path), is_rust(path));
            assert_eq!(found, (sound, faulty, rust), "{path:?}");
        }
    }
}
