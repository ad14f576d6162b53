//! Where static files are found: `STATICFILES_DIRS`, and the folders of the apps (Django 5.2
//! `contrib/staticfiles/finders.py`).

use std::fs;
use std::path::{Path, PathBuf};

use super::error::StaticFilesError;
use super::ignore::Patterns;
use super::safe_path::{LeadsOut, safe_join};

/// A folder that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What stands before the names of its files, without a slash at the end; nothing for most.
    pub prefix: String,
    /// The folder.
    pub root: PathBuf,
}

/// The folders that are searched, in order.
#[derive(Debug, Clone, Default)]
pub struct Finders {
    sources: Vec<Source>,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path within its folder, with slashes.
    pub path: String,
    /// The name under which it is served: the folder's prefix, and the path.
    pub name: String,
    /// The file itself.
    pub file: PathBuf,
}

impl Finders {
    /// Finders over those folders; one that is listed twice is searched once.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        let mut own: Vec<Source> = Vec::new();
        for source in sources {
            if !own.contains(&source) {
                own.push(source);
            }
        }
        Self { sources: own }
    }

    /// The folders, in order.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The first file or folder of that name, as `static()` would say it.
    ///
    /// # Errors
    /// [`LeadsOut`] for a name that leads out of a folder.
    pub fn find(&self, name: &str) -> Result<Option<PathBuf>, LeadsOut> {
        for source in &self.sources {
            if let Some(file) = source.find(name)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// All of that name: the first is the one that is served.
    ///
    /// # Errors
    /// As [`Finders::find`].
    pub fn find_all(&self, name: &str) -> Result<Vec<PathBuf>, LeadsOut> {
        self.sources.iter().filter_map(|source| source.find(name).transpose()).collect()
    }

    /// Every file of every folder but for what the patterns leave out, in the order of the folders, and within one by name.
    /// A folder that is not there has none.
    ///
    /// # Errors
    /// When a folder cannot be listed, or a name in it is not UTF-8.
    pub fn list(&self, ignore: &Patterns) -> Result<Vec<Found>, StaticFilesError> {
        let mut found = Vec::new();
        for source in self.sources.iter().filter(|source| source.root.is_dir()) {
            let mut paths = Vec::new();
            walk(&source.root, "", ignore, &mut Vec::new(), &mut paths)?;
            found.extend(paths.into_iter().map(|path| Found {
                name: match source.prefix.as_str() {
                    "" => path.clone(),
                    prefix => format!("{prefix}/{path}"),
                },
                file: source.root.join(&path),
                path,
            }));
        }
        Ok(found)
    }
}

impl Source {
    fn find(&self, name: &str) -> Result<Option<PathBuf>, LeadsOut> {
        let path = match self.prefix.as_str() {
            "" => name,
            prefix => match name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let file = safe_join(&self.root, path)?;
        Ok(file.exists().then_some(file))
    }
}

/// Lists the files of a folder before its folders. `above` holds the folders on the way down, so that a link back up ends.
pub(crate) fn walk(
    root: &Path,
    below: &str,
    ignore: &Patterns,
    above: &mut Vec<PathBuf>,
    paths: &mut Vec<String>,
) -> Result<(), StaticFilesError> {
    let folder = root.join(below);
    let real = fs::canonicalize(&folder).map_err(StaticFilesError::file(&folder))?;
    if above.contains(&real) {
        return Ok(());
    }
    let mut folders = Vec::new();
    let mut entries = Vec::new();
    for entry in fs::read_dir(&folder).map_err(StaticFilesError::file(&folder))? {
        let entry = entry.map_err(StaticFilesError::file(&folder))?;
        let name = entry.file_name().into_string().map_err(|name| StaticFilesError::File {
            path: folder.join(name),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, "its name is not UTF-8"),
        })?;
        entries.push((name, entry.path()));
    }
    entries.sort();
    for (name, file) in entries {
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if ignore.matches(&name) {
            continue;
        }
        if file.is_dir() {
            folders.push(path);
        } else if file.is_file() && !ignore.matches(&path) {
            paths.push(path);
        }
    }
    above.push(real);
    for path in folders {
        walk(root, &path, ignore, above, paths)?;
    }
    above.pop();
    Ok(())
}
