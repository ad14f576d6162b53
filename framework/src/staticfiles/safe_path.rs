//! A path from outside, below a folder.

use std::path::{Component, Path, PathBuf};

/// The path leads out of its folder (Django's `SuspiciousFileOperation`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path:?} leads out of the folder {}", root.display())]
pub struct LeadsOut {
    /// The path as it came.
    pub path: String,
    /// The folder.
    pub root: PathBuf,
}

/// That path below the folder (Django 5.2 `utils/_os.py`, `safe_join`). `.` and `..` are resolved as text: no file is looked
/// at, so a symbolic link that somebody put into the folder leads where it leads.
///
/// ```
/// use std::path::Path;
/// use nuages::staticfiles::safe_path::safe_join;
///
/// let root = Path::new("/srv/static");
/// assert_eq!(safe_join(root, "css/../site.css").unwrap(), Path::new("/srv/static/site.css"));
/// assert!(safe_join(root, "../secret").is_err());
/// assert!(safe_join(root, "/etc/passwd").is_err());
/// ```
///
/// # Errors
/// [`LeadsOut`].
pub fn safe_join(root: &Path, path: &str) -> Result<PathBuf, LeadsOut> {
    let leads_out = || LeadsOut { path: path.to_owned(), root: root.to_owned() };
    // Where `\` or a drive's letter means something, it must mean nothing here.
    if path.starts_with('/') || (cfg!(windows) && path.contains(['\\', ':'])) {
        return Err(leads_out());
    }
    // A path that cannot be made absolute is an empty one: the current folder.
    let root = lexical(&std::path::absolute(root).unwrap_or_else(|_| root.to_owned()));
    let mut joined = root.clone();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                joined.pop();
            }
            part => joined.push(part),
        }
    }
    if joined.starts_with(&root) { Ok(joined) } else { Err(leads_out()) }
}

/// The path with its `..` resolved as text.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The path without needless parts (Python's `posixpath.normpath`): `a//b/./../c` is `a/c`, nothing is `.`.
#[must_use]
pub fn normal_path(path: &str) -> String {
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let normal = format!("{root}{}", parts.join("/"));
    if normal.is_empty() { ".".to_owned() } else { normal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_paths_are_pythons() {
        let cases = [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("a//b/", "a/b"),
            ("a/../..", ".."),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("/..", "/"),
            ("//a", "//a"),
            ("///a", "/a"),
            ("x/..", "."),
            ("..a/..b", "..a/..b"),
        ];
        for (path, normal) in cases {
            assert_eq!(normal_path(path), normal, "{path}");
        }
    }

    #[test]
    fn nothing_leads_out() {
        let root = Path::new("/srv/static");
        for path in ["..", "../", "../static2/x", "../../x", "a/../../x", "/etc/passwd", "//etc/passwd"] {
            assert!(safe_join(root, path).is_err(), "{path}");
        }
        for (path, file) in [
            ("", ""),
            (".", ""),
            ("a/..", ""),
            ("....//a", "..../a"),
            ("..\\a", "..\\a"),
            ("../static/a", "a"),
        ] {
            assert_eq!(safe_join(root, path).unwrap(), root.join(file), "{path}");
        }
    }
}
