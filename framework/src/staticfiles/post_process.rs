//! Copies with hashed names, in which style sheets and scripts name each other by those names (Django 5.2
//! `contrib/staticfiles/storage.py`, `HashedFilesMixin.post_process`).

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::error::StaticFilesError;
use super::hashed_name::unquote;
use super::manifest::{FILE, Manifest};
use super::references::References;
use super::safe_path::normal_path;
use super::storage::{Hashed, StaticStorage};

/// After so many passes files that refer to each other are taken for a circle.
const MAX_PASSES: usize = 5;

/// A file that was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processed {
    /// Its name.
    pub name: String,
    /// Its name with the hash.
    pub hashed_name: String,
    /// Whether something was written; otherwise the file with the hash was there already.
    pub written: bool,
}

/// A file that could not be gone through.
#[derive(Debug)]
pub struct Failed {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: StaticFilesError,
}

/// Goes through those files, by their names and where they come from, and writes the manifest. A storage without hashes has
/// nothing to do.
///
/// # Errors
/// The first file that fails. What has been written stays, and the old manifest with it.
pub fn post_process(
    storage: &StaticStorage,
    files: &IndexMap<String, PathBuf>,
) -> Result<Vec<Processed>, Failed> {
    let Some(hashed) = &storage.hashed else { return Ok(Vec::new()) };
    let mut work = Work { storage, names: IndexMap::new(), references: references(hashed) };
    let mut done = Vec::new();
    let mut adjustable: IndexMap<String, Processed> = IndexMap::new();
    for (name, file) in deepest_first(files.iter()) {
        let (processed, _) = work.process(name, file)?;
        match work.references.apply_to(name) {
            true => drop(adjustable.insert(name.clone(), processed)),
            false => done.push(processed),
        }
    }
    // What a file's text becomes depends on the hashes of others, which depend on their texts: until nothing changes.
    let mut unresolved = Vec::new();
    for _ in 0..MAX_PASSES {
        unresolved.clear();
        let texts = files.iter().filter(|(name, _)| work.references.apply_to(name));
        for (name, file) in deepest_first(texts) {
            let (processed, changed) = work.process(name, file)?;
            adjustable.insert(name.clone(), processed);
            if changed {
                unresolved.push(name.clone());
            }
        }
        if unresolved.is_empty() {
            break;
        }
    }
    if !unresolved.is_empty() {
        unresolved.sort();
        let name = unresolved.join(", ");
        return Err(Failed { name, error: StaticFilesError::Circle { names: unresolved } });
    }
    done.extend(adjustable.into_values());
    let manifest = Manifest::new(work.names);
    match storage.save(FILE, manifest.to_json().as_bytes()) {
        Ok(()) => Ok(done),
        Err(error) => Err(Failed { name: FILE.to_owned(), error }),
    }
}

fn references(hashed: &Hashed) -> References {
    References::new(hashed.modules)
}

/// Files deep in folders come first, as in Django; otherwise the order stays.
fn deepest_first<'a>(
    files: impl Iterator<Item = (&'a String, &'a PathBuf)>,
) -> Vec<(&'a String, &'a PathBuf)> {
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(name, _)| std::cmp::Reverse(name.split('/').count()));
    files
}

struct Work<'a> {
    storage: &'a StaticStorage,
    /// The hashed names so far.
    names: IndexMap<String, String>,
    references: References,
}

impl Work<'_> {
    /// Writes the file's copy, and says whether its name changed.
    fn process(&mut self, name: &str, file: &Path) -> Result<(Processed, bool), Failed> {
        self.try_process(name, file).map_err(|error| Failed { name: name.to_owned(), error })
    }

    fn try_process(&mut self, name: &str, file: &Path) -> Result<(Processed, bool), StaticFilesError> {
        let storage = self.storage;
        let content = fs::read(file).map_err(StaticFilesError::file(file))?;
        let before = match self.names.get(name) {
            Some(known) => known.clone(),
            None => storage.hash_name(name, &content),
        };
        let there = storage.exists(&before)?;
        let (hashed_name, written, changed) = if self.references.apply_to(name) {
            let text = String::from_utf8(content).map_err(|error| StaticFilesError::NotText {
                name: name.to_owned(),
                at: error.utf8_error().valid_up_to(),
            })?;
            let text = self.references.rewrite(name, text, |url| self.convert(name, url))?;
            if there {
                storage.delete(&before)?;
            }
            let hashed_name = storage.hash_name(name, text.as_bytes());
            storage.save(&hashed_name, text.as_bytes())?;
            let changed = hashed_name != before;
            (hashed_name, true, changed)
        } else {
            if !there {
                storage.save(&before, &content)?;
            }
            (before, !there, false)
        };
        self.names.insert(name.to_owned(), hashed_name.clone());
        Ok((Processed { name: name.to_owned(), hashed_name, written }, changed))
    }

    /// What takes the place of a name in the text of `source`; `None`: it stays.
    fn convert(&self, source: &str, url: &str) -> Result<Option<String>, StaticFilesError> {
        let static_url = &self.storage.base_url;
        let scheme = url.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(url.len());
        let is_absolute = scheme > 0 && url[scheme..].starts_with(':');
        if is_absolute || url.starts_with("//") || (url.starts_with('/') && !url.starts_with(static_url)) {
            return Ok(None);
        }
        let (path, fragment) = url.split_once('#').unwrap_or((url, ""));
        if path.is_empty() {
            return Ok(None);
        }
        let target = match path.strip_prefix(static_url.as_str()).filter(|_| path.starts_with('/')) {
            Some(name) => name.to_owned(),
            None => match source.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{path}"),
                None => path.to_owned(),
            },
        };
        let hashed = self.storage.hashed_url(&unquote(&target), |name| {
            let name = normal_path(name);
            match self.names.get(&name) {
                Some(hashed) => Ok(hashed.clone()),
                None => self.storage.hash_stored(&name),
            }
        })?;
        let last = hashed.rsplit('/').next().unwrap_or(&hashed);
        let mut changed = match path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{last}"),
            None => last.to_owned(),
        };
        if !fragment.is_empty() {
            changed.push_str(if url.contains("?#") { "?#" } else { "#" });
            changed.push_str(fragment);
        }
        Ok(Some(unquote(&changed).into_owned()))
    }
}
