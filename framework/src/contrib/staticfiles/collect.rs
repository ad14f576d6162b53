//! The work of `collectstatic`: finds, compares, copies or links, and post-processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;

use crate::staticfiles::error::StaticFilesError;
use crate::staticfiles::finders::{Finders, Found};
use crate::staticfiles::ignore::Patterns;
use crate::staticfiles::post_process::post_process;
use crate::staticfiles::storage::StaticStorage;

/// How many files there were of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Collected {
    pub(super) modified: usize,
    pub(super) unmodified: usize,
    pub(super) post_processed: usize,
}

/// Why it stopped; with a name: while that file was post-processed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) name: Option<String>,
    pub(super) error: StaticFilesError,
}

impl From<StaticFilesError> for Failed {
    fn from(error: StaticFilesError) -> Self {
        Self { name: None, error }
    }
}

/// Takes a line, and from which verbosity on it is said.
pub(super) type Log<'a> = &'a dyn Fn(u8, String);

/// One run of the command.
pub(super) struct Collect<'a> {
    finders: &'a Finders,
    storage: &'a StaticStorage,
    log: Log<'a>,
    dry_run: bool,
    link: bool,
    clear: bool,
}

impl<'a> Collect<'a> {
    pub(super) const fn new(finders: &'a Finders, storage: &'a StaticStorage, log: Log<'a>) -> Self {
        Self { finders, storage, log, dry_run: false, link: false, clear: false }
    }

    pub(super) const fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    pub(super) const fn link(mut self, link: bool) -> Self {
        self.link = link;
        self
    }

    pub(super) const fn clear(mut self, clear: bool) -> Self {
        self.clear = clear;
        self
    }

    pub(super) fn run(self, ignore: &Patterns, post: bool) -> Result<Collected, Failed> {
        let log = self.log;
        if self.clear {
            self.clear_folder("")?;
        }
        let mut collected = Collected::default();
        let mut files: IndexMap<String, PathBuf> = IndexMap::new();
        for found in self.finders.list(ignore)? {
            if files.contains_key(&found.name) {
                log(
                    1,
                    format!(
                        "Found another file with the destination path '{}'. It will be ignored since only the first \
                         encountered file is collected. If this is not what you want, make sure every static file has a \
                         unique path.",
                        found.name
                    ),
                );
                continue;
            }
            match self.collect(&found)? {
                true => collected.modified += 1,
                false => collected.unmodified += 1,
            }
            files.insert(found.name, found.file);
        }
        if post && !self.dry_run {
            let processed = post_process(self.storage, &files)
                .map_err(|failed| Failed { name: Some(failed.name), error: failed.error })?;
            for file in processed {
                if file.written {
                    log(2, format!("Post-processed '{}' as '{}'", file.name, file.hashed_name));
                    collected.post_processed += 1;
                } else {
                    log(2, format!("Skipped post-processing '{}'", file.name));
                }
            }
        }
        Ok(collected)
    }

    /// Copies or links the file; `false` when what is there is as new.
    fn collect(&self, found: &Found) -> Result<bool, StaticFilesError> {
        if !self.make_room(found)? {
            return Ok(false);
        }
        let (log, file) = (self.log, found.file.display());
        match (self.link, self.dry_run) {
            (true, true) => log(1, format!("Pretending to link '{file}'")),
            (false, true) => log(1, format!("Pretending to copy '{file}'")),
            (true, false) => {
                log(2, format!("Linking '{file}'"));
                self.storage.link(&found.name, &absolute(&found.file)?)?;
            }
            (false, false) => {
                log(2, format!("Copying '{file}'"));
                let content = fs::read(&found.file).map_err(StaticFilesError::file(&found.file))?;
                self.storage.save(&found.name, &content)?;
            }
        }
        Ok(true)
    }

    /// Deletes what is in the file's place, unless it can stay.
    fn make_room(&self, found: &Found) -> Result<bool, StaticFilesError> {
        if !self.storage.exists(&found.name)? {
            return Ok(true);
        }
        let (log, path) = (self.log, &found.path);
        let target = self.storage.modified(&found.name)?;
        let source = fs::metadata(&found.file).and_then(|about| about.modified()).ok();
        if let (Some(target), Some(source)) = (target, source) {
            let file = self.storage.path(&found.name)?;
            let is_link = fs::symlink_metadata(&file).is_ok_and(|about| about.is_symlink());
            // A copy where a link is wanted, or a link where a copy is, has to go, however new it is.
            if seconds(target) >= seconds(source) && is_link == self.link {
                log(2, format!("Skipping '{path}' (not modified)"));
                return Ok(false);
            }
        }
        if self.dry_run {
            log(2, format!("Pretending to delete '{path}'"));
        } else {
            log(2, format!("Deleting '{path}'"));
            self.storage.delete(&found.name)?;
        }
        Ok(true)
    }

    /// Deletes every file below that folder; the folders stay, and links are not followed.
    fn clear_folder(&self, below: &str) -> Result<(), StaticFilesError> {
        let folder = self.storage.path(below)?;
        if !folder.exists() {
            return Ok(());
        }
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&folder).map_err(StaticFilesError::file(&folder))? {
            let entry = entry.map_err(StaticFilesError::file(&folder))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            match is_folder {
                true => folders.push(path),
                false => files.push(path),
            }
        }
        files.sort();
        folders.sort();
        for path in files {
            if self.dry_run {
                (self.log)(1, format!("Pretending to delete '{path}'"));
            } else {
                (self.log)(1, format!("Deleting '{path}'"));
                self.storage.delete(&path)?;
            }
        }
        folders.iter().try_for_each(|path| self.clear_folder(path))
    }
}

/// Without the fractions, which some file systems lose.
fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A link must not depend on where the command ran.
fn absolute(file: &Path) -> Result<PathBuf, StaticFilesError> {
    std::path::absolute(file).map_err(StaticFilesError::file(file))
}
