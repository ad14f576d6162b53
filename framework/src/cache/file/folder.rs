//! The folder of a file cache. Everything here blocks, and runs on threads that may.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use tempfile::NamedTempFile;

use crate::cache::key::CacheKey;
use crate::cache::options::CullLimits;

/// What the names of cache files end with.
const SUFFIX: &str = ".djcache";

/// How long to wait for another process that is about to change the same entry.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// What failed, and where.
#[derive(Debug)]
pub(super) struct FolderError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

type Result<T> = std::result::Result<T, FolderError>;

/// Adds the path to an error.
trait At<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| FolderError { path: path.to_owned(), source })
    }
}

/// The name of a key's file: a digest, so that no key becomes a path.
pub(in crate::cache) fn file_name(key: &CacheKey) -> String {
    let mut name = String::with_capacity(32 + SUFFIX.len());
    for byte in Md5::digest(key.as_str().as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            name.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    name.push_str(SUFFIX);
    name
}

/// Nothing there is an answer, not an error.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A folder of cache files.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    limits: CullLimits,
}

/// An entry's file, which nobody else changes while this is held.
///
/// The lock is on the file itself, where Django's `touch` looks for it too; so no lock files are left behind. Whoever waited for
/// it looks whether the file is still the one with that name.
#[derive(Debug)]
pub(super) struct Locked {
    path: PathBuf,
    file: File,
}

impl Folder {
    pub(super) const fn new(dir: PathBuf, limits: CullLimits) -> Self {
        Self { dir, limits }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The key's file.
    pub(super) fn path(&self, key: &CacheKey) -> PathBuf {
        self.dir.join(file_name(key))
    }

    /// The contents of a file, if it is there.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        found(fs::read(path)).at(path)
    }

    /// The file, locked, if it is there.
    pub(super) fn lock(&self, path: &Path) -> Result<Option<Locked>> {
        let until = Instant::now() + LOCK_LIMIT;
        loop {
            let Some(file) = found(File::open(path)).at(path)? else { return Ok(None) };
            match file.try_lock() {
                Ok(()) => {
                    let Some(there) = found(fs::metadata(path)).at(path)? else { return Ok(None) };
                    if same_file(&there, &file.metadata().at(path)?) {
                        return Ok(Some(Locked { path: path.to_owned(), file }));
                    }
                }
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("locked by another process for {} seconds", LOCK_LIMIT.as_secs());
                    return Err(io::Error::new(ErrorKind::TimedOut, message)).at(path);
                }
                Err(TryLockError::Error(error)) => return Err(error).at(path),
            }
        }
    }

    /// Stores the contents, whatever was there: readers see the old file or the new one, whole.
    pub(super) fn store(&self, path: &Path, contents: &[u8]) -> Result<()> {
        self.make_room()?;
        let _locked = self.lock(path)?;
        self.fresh(contents)?.persist(path).map_err(|error| error.error).at(path)?;
        Ok(())
    }

    /// Stores the contents if there is no such file, and says whether it did.
    pub(super) fn store_new(&self, path: &Path, contents: &[u8]) -> Result<bool> {
        self.make_room()?;
        match self.fresh(contents)?.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error).at(path),
        }
    }

    /// Puts the contents in the place of the locked file's.
    pub(super) fn exchange(&self, locked: &Locked, contents: &[u8]) -> Result<()> {
        self.fresh(contents)?.persist(&locked.path).map_err(|error| error.error).at(&locked.path)?;
        Ok(())
    }

    /// Deletes every cache file.
    pub(super) fn clear(&self) -> Result<()> {
        for path in self.files()? {
            remove(&path)?;
        }
        Ok(())
    }

    /// A file of that contents under a name of its own, readable by its owner alone.
    fn fresh(&self, contents: &[u8]) -> Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix("tmp").tempfile_in(&self.dir).at(&self.dir)?;
        file.write_all(contents).at(&self.dir)?;
        Ok(file)
    }

    /// Makes sure that there is the folder, and in it room for one more entry.
    fn make_room(&self) -> Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&self.dir).at(&self.dir)?;
        let mut files = self.files()?;
        if files.len() < self.limits.max_entries {
            return Ok(());
        }
        if let Some(count) = files.len().checked_div(self.limits.cull_frequency) {
            // As in Django, chance decides who goes.
            let chance = RandomState::new();
            files.sort_by_cached_key(|path| chance.hash_one(path));
            files.truncate(count);
        }
        files.iter().try_for_each(|path| remove(path).map(|_| ()))
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let Some(entries) = found(fs::read_dir(&self.dir)).at(&self.dir)? else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.at(&self.dir)?.path();
            // As Python's glob, which leaves hidden files out.
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.ends_with(SUFFIX) && !name.starts_with('.') {
                files.push(path);
            }
        }
        Ok(files)
    }
}

impl Locked {
    /// The contents.
    pub(super) fn read(&mut self) -> Result<Vec<u8>> {
        let mut contents = Vec::new();
        self.file.read_to_end(&mut contents).at(&self.path)?;
        Ok(contents)
    }

    /// Deletes the file.
    pub(super) fn remove(self) -> Result<bool> {
        remove(&self.path)
    }
}

fn remove(path: &Path) -> Result<bool> {
    Ok(found(fs::remove_file(path)).at(path)?.is_some())
}

#[cfg(unix)]
fn same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is open is not replaced under its name.
#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}
