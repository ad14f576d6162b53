//! Where `collectstatic` puts files, and the URLs that they have there (Django 5.2 `contrib/staticfiles/storage.py`).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::Builder;

use super::error::StaticFilesError;
use super::hashed_name::{NameParts, file_hash, unquote, with_hash};
use super::manifest::Manifest;
use super::safe_path::safe_join;

/// The folder of collected files, and the URL that it is served under.
#[derive(Debug, Clone, Default)]
pub struct StaticStorage {
    /// `STATIC_ROOT`, or the storage's own `location`.
    pub location: Option<PathBuf>,
    /// `STATIC_URL`, or the storage's own `base_url`: it ends with a slash.
    pub base_url: String,
    /// The mode of files; `None`: the system's.
    pub file_mode: Option<u32>,
    /// The mode of folders made for them; `None`: the system's.
    pub folder_mode: Option<u32>,
    /// What makes it a `ManifestStaticFilesStorage`.
    pub hashed: Option<Hashed>,
}

/// How names are hashed.
#[derive(Debug, Clone)]
pub struct Hashed {
    /// Which file has which name.
    pub manifest: Manifest,
    /// Whether a file that the manifest lacks is an error.
    pub strict: bool,
    /// Whether the modules that scripts import are hashed too.
    pub modules: bool,
    /// Whether URLs have the names as they are: `DEBUG`.
    pub plain_urls: bool,
}

/// What Django's `filepath_to_uri` leaves alone.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'/')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b'\'');

impl StaticStorage {
    /// The URL of the file of that name.
    ///
    /// # Errors
    /// When names are hashed and the manifest does not know this one.
    pub fn url(&self, name: &str) -> Result<String, StaticFilesError> {
        let Some(hashed) = &self.hashed else { return Ok(self.plain_url(name)) };
        if hashed.plain_urls {
            return Ok(unquote(&self.with_fragment(name, name, "")).into_owned());
        }
        let stored = |name: &str| self.stored_name(hashed, name);
        self.hashed_url(name, stored)
    }

    /// The URL with the name that `stored` has for it.
    pub(super) fn hashed_url(
        &self,
        name: &str,
        stored: impl FnOnce(&str) -> Result<String, StaticFilesError>,
    ) -> Result<String, StaticFilesError> {
        let (clean, fragment) = name.split_once('#').unwrap_or((name, ""));
        let hashed = match NameParts::of(clean).path.ends_with('/') {
            true => name.to_owned(),
            false => stored(clean)?,
        };
        Ok(unquote(&self.with_fragment(name, &hashed, fragment)).into_owned())
    }

    fn with_fragment(&self, name: &str, stored: &str, fragment: &str) -> String {
        let url = self.plain_url(stored);
        let mark = name.contains("?#");
        if fragment.is_empty() && !mark {
            return url;
        }
        let mut parts = NameParts::of(&url);
        if parts.fragment.is_empty() {
            parts.fragment = fragment;
        }
        parts.with_path(parts.path, mark)
    }

    fn plain_url(&self, name: &str) -> String {
        let quoted = utf8_percent_encode(name, PATH).to_string();
        join(&self.base_url, quoted.trim_start_matches('/'))
    }

    /// The manifest's name for it.
    fn stored_name(&self, hashed: &Hashed, name: &str) -> Result<String, StaticFilesError> {
        let unquoted = unquote(name);
        let parts = NameParts::of(&unquoted);
        let clean = parts.path.trim();
        let stored = match hashed.manifest.paths.get(clean) {
            Some(stored) => stored.clone(),
            None if hashed.strict => {
                return Err(StaticFilesError::NotInManifest { name: clean.to_owned() });
            }
            None => self.hash_stored(name)?,
        };
        Ok(parts.with_path(&stored, name.contains("?#")))
    }

    /// The name with the hash of what is stored under it.
    pub(super) fn hash_stored(&self, name: &str) -> Result<String, StaticFilesError> {
        let unquoted = unquote(name);
        let clean = NameParts::of(&unquoted).path.trim().to_owned();
        let file = self.path(&clean)?;
        match fs::read(&file) {
            Ok(content) => Ok(self.hash_name(name, &content)),
            // A folder, or what no file can be called, has the name that it has.
            Err(_) if file.exists() => Ok(name.to_owned()),
            Err(_) => Err(StaticFilesError::NotFound { name: clean, location: self.location()?.to_owned() }),
        }
    }

    /// The name with the hash of that content.
    pub(super) fn hash_name(&self, name: &str, content: &[u8]) -> String {
        let unquoted = unquote(name);
        let parts = NameParts::of(&unquoted);
        parts.with_path(&with_hash(parts.path.trim(), &file_hash(content)), name.contains("?#"))
    }

    /// The folder.
    ///
    /// # Errors
    /// [`StaticFilesError::NoRoot`].
    pub fn location(&self) -> Result<&Path, StaticFilesError> {
        self.location.as_deref().ok_or(StaticFilesError::NoRoot)
    }

    /// The file of that name.
    ///
    /// # Errors
    /// When there is no folder, or the name leads out of it.
    pub fn path(&self, name: &str) -> Result<PathBuf, StaticFilesError> {
        Ok(safe_join(self.location()?, name)?)
    }

    /// Whether there is something of that name.
    ///
    /// # Errors
    /// As [`StaticStorage::path`].
    pub fn exists(&self, name: &str) -> Result<bool, StaticFilesError> {
        Ok(self.path(name)?.exists())
    }

    /// When what is stored under that name was changed; `None` where there is nothing.
    pub(crate) fn modified(&self, name: &str) -> Result<Option<SystemTime>, StaticFilesError> {
        Ok(fs::metadata(self.path(name)?).and_then(|about| about.modified()).ok())
    }

    /// Deletes the file or link of that name, if there is one.
    pub(crate) fn delete(&self, name: &str) -> Result<(), StaticFilesError> {
        let file = self.path(name)?;
        let gone = match fs::symlink_metadata(&file) {
            Ok(about) if about.is_dir() => fs::remove_dir(&file),
            Ok(_) => fs::remove_file(&file),
            Err(error) => Err(error),
        };
        match gone {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StaticFilesError::file(file)(error)),
            _ => Ok(()),
        }
    }

    /// Puts that content under that name, in one step: who serves files meanwhile sees the old one or the new one.
    pub(crate) fn save(&self, name: &str, content: &[u8]) -> Result<(), StaticFilesError> {
        let file = self.path(name)?;
        let folder = file.parent().unwrap_or(&file);
        self.make_folder(folder)?;
        let write = || -> io::Result<()> {
            let mut new = Builder::new().prefix(".collecting-").tempfile_in(folder)?;
            new.write_all(content)?;
            set_mode(new.path(), Some(self.file_mode.unwrap_or(0o644)))?;
            new.persist(&file)?;
            Ok(())
        };
        write().map_err(StaticFilesError::file(&file))
    }

    /// Makes a link to that file under that name.
    pub(crate) fn link(&self, name: &str, target: &Path) -> Result<(), StaticFilesError> {
        let file = self.path(name)?;
        self.make_folder(file.parent().unwrap_or(&file))?;
        self.delete(name)?;
        #[cfg(unix)]
        let made = std::os::unix::fs::symlink(target, &file);
        #[cfg(not(unix))]
        let made = Err(io::Error::new(io::ErrorKind::Unsupported, format!("a link to {}", target.display())));
        made.map_err(StaticFilesError::file(&file))
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StaticFilesError> {
        let mut missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
        fs::create_dir_all(folder).map_err(StaticFilesError::file(folder))?;
        while let Some(made) = missing.pop() {
            set_mode(made, self.folder_mode).map_err(StaticFilesError::file(made))?;
        }
        Ok(())
    }
}

/// The name below the URL, which ends with a slash, without `.` and `..` (Python's `urljoin` as far as it matters here).
pub(super) fn join(base: &str, name: &str) -> String {
    if !name.split('/').any(|part| matches!(part, "." | "..")) {
        return format!("{base}{name}");
    }
    let start = base.find("://").map_or(0, |at| at + 3);
    let path = base[start..].find('/').map_or(base.len(), |at| start + at);
    let (site, path) = base.split_at(path);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut folder = false;
    for part in name.split('/') {
        folder = matches!(part, "" | "." | "..");
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let end = if folder && !parts.is_empty() { "/" } else { "" };
    format!("{site}/{}{end}", parts.join("/"))
}

fn set_mode(path: &Path, mode: Option<u32>) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(mode) = mode {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers are those of Django's `staticfiles_storage.url`.
    #[test]
    fn urls_are_djangos() {
        let plain = StaticStorage { base_url: "/static/".to_owned(), ..StaticStorage::default() };
        let mut hashed = plain.clone();
        let paths = [("a b.css", "a b.H.css"), ("f.eot", "f.H.eot")];
        let paths = paths.into_iter().map(|(name, stored)| (name.to_owned(), stored.to_owned())).collect();
        hashed.hashed =
            Some(Hashed { manifest: Manifest::new(paths), strict: true, modules: false, plain_urls: false });
        for (name, url, hashed_url) in [
            ("a b.css", "/static/a%20b.css", Some("/static/a b.H.css")),
            ("a%20b.css", "/static/a%2520b.css", Some("/static/a b.H.css")),
            ("f.eot", "/static/f.eot", Some("/static/f.H.eot")),
            ("f.eot?#iefix", "/static/f.eot%3F%23iefix", Some("/static/f.H.eot?#iefix")),
            ("f.eot#x", "/static/f.eot%23x", Some("/static/f.H.eot#x")),
            ("css/", "/static/css/", Some("/static/css/")),
            ("/site.css", "/static/site.css", None),
            ("../site.css", "/site.css", None),
            ("it's(1).css", "/static/it's(1).css", None),
        ] {
            assert_eq!(plain.url(name).unwrap(), url, "{name}");
            assert_eq!(hashed.url(name).ok().as_deref(), hashed_url, "{name}");
        }
        let error = hashed.url("nope.css").unwrap_err().to_string();
        assert_eq!(error, "Missing staticfiles manifest entry for 'nope.css'");
    }

    #[test]
    fn names_are_joined_as_python_joins_them() {
        for (base, name, url) in [
            ("/static/", "a/../b", "/static/b"),
            ("https://cdn/s/", "../b", "https://cdn/b"),
            ("https://cdn/s/", "../../../b", "https://cdn/b"),
            ("/static/", "..", "/"),
            ("/static/", "a/..", "/static/"),
            ("/static/", "./a", "/static/a"),
        ] {
            assert_eq!(join(base, name), url, "{base} {name}");
        }
    }

    #[test]
    fn nothing_is_stored_outside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let storage = StaticStorage { location: Some(root), ..StaticStorage::default() };
        assert!(storage.save("../out.txt", b"x").is_err());
        assert!(storage.save("/out.txt", b"x").is_err());
        storage.save("a/b/in.txt", b"x").unwrap();
        assert!(storage.exists("a/b/in.txt").unwrap() && !folder.path().join("out.txt").exists());
        storage.delete("a/b/in.txt").unwrap();
        storage.delete("a/b/in.txt").unwrap();
        assert!(!storage.exists("a/b/in.txt").unwrap());
    }
}
