//! A folder of session files: what the file engine does to it, in calls that block.

use std::collections::BinaryHeap;
use std::fmt;
use std::fs::{self, File, OpenOptions, ReadDir, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use same_file::Handle;
use tempfile::NamedTempFile;

use crate::session::key::SessionKey;

/// How long a write waits for another process that writes the same session.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How often it asks.
const LOCK_POLL: Duration = Duration::from_millis(1);

/// Between the key and the random end of a temporary file's name, as Django's.
const TEMPORARY: &str = "_out_";

/// How old a temporary file is when nobody can be writing it any more.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// The folder, and what its session files begin with.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    prefix: String,
    disk: Box<dyn Disk>,
}

/// What makes changes outlast a power cut.
trait Disk: fmt::Debug + Send + Sync {
    /// What the file holds.
    fn sync_file(&self, file: &File) -> io::Result<()>;

    /// The names in the folder.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// Why a file is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// Somebody wants it gone for good: a logout.
    Wanted,
    /// It has expired, by a time of last change that was this. One that came back after a power cut would be expired still.
    Expired(SystemTime),
}

/// A session file.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) text: Bytes,
    pub(super) modified: SystemTime,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Done,
    /// There is no such file.
    Gone,
    /// The file holds something else than was expected.
    Other,
}

/// Some files of a folder.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) found: Vec<(SessionKey, Stored)>,
    /// The rest of the folder; `None` when this was the last of it.
    pub(super) rest: Option<ReadDir>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, prefix: &str) -> Self {
        Self { path, prefix: prefix.to_owned(), disk: Box::new(System) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes and removes a file: whether sessions can be stored here.
    pub(super) fn probe(&self) -> io::Result<()> {
        if !fs::metadata(&self.path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        tempfile::Builder::new().prefix(".probe").tempfile_in(&self.path)?.close()
    }

    /// The file of a key, which must be a plain one.
    fn file_of(&self, key: &SessionKey) -> PathBuf {
        debug_assert!(key.is_plain());
        self.path.join(format!("{}{}", self.prefix, key.as_str()))
    }

    /// Whether the key's file would have a name longer than file systems allow.
    pub(super) fn is_too_long(&self, key: &SessionKey) -> bool {
        const NAME_MAX: usize = 255;
        self.prefix.len() + key.as_str().len() > NAME_MAX
    }

    /// `missing`, unless it is the folder itself that is.
    fn absent<T>(&self, missing: T) -> io::Result<T> {
        if self.path.is_dir() { Ok(missing) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    pub(super) fn read(&self, key: &SessionKey) -> io::Result<Option<Stored>> {
        match File::open(self.file_of(key)) {
            Ok(file) => read_from(&file).map(Some),
            Err(error) if names_nothing(&error) => self.absent(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn exists(&self, key: &SessionKey) -> io::Result<bool> {
        match fs::metadata(self.file_of(key)) {
            Ok(_) => Ok(true),
            Err(error) if names_nothing(&error) => self.absent(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the name, with an empty file that [`Folder::fill`] replaces; says whether it was free.
    pub(super) fn reserve(&self, key: &SessionKey) -> io::Result<bool> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(self.file_of(key)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a name that was just reserved; on failure the name is free again.
    pub(super) fn fill(&self, key: &SessionKey, text: &str) -> io::Result<()> {
        let path = self.file_of(key);
        let put = || {
            self.write_beside(&path, text)?.persist(&path).map_err(|error| error.error)?;
            self.disk.sync_folder(&self.path)
        };
        put().inspect_err(|_| drop(fs::remove_file(&path)))
    }

    /// Writes an existing file anew, if it holds what is expected.
    pub(super) fn replace(
        &self,
        key: &SessionKey,
        text: &str,
        expected: Option<&[u8]>,
    ) -> io::Result<Change> {
        match self.read(key) {
            Ok(None) => return Ok(Change::Gone),
            Ok(Some(stored)) if expected.is_some_and(|expected| stored.text != expected) => {
                return Ok(Change::Other);
            }
            // What is wrong with the file, the second look will tell.
            Ok(Some(_)) | Err(_) => {}
        }
        // Django takes no lock. What it writes or deletes while this goes to the disk is seen when the file is compared once
        // more, right before the other one takes its place.
        let beside = self.write_beside(&self.file_of(key), text)?;
        let change = self.locked(key, expected, |path, held| take_place(beside, path, held))?;
        if change == Change::Done {
            self.disk.sync_folder(&self.path)?;
        }
        Ok(change)
    }

    /// Removes a file, if it holds what is expected; an expired one only if nobody has renewed it since it was found so.
    pub(super) fn delete(
        &self,
        key: &SessionKey,
        expected: Option<&[u8]>,
        why: Removal,
    ) -> io::Result<Change> {
        let change = self.locked(key, expected, |path, file| {
            if let Removal::Expired(judged) = why
                && file.metadata()?.modified()? != judged
            {
                return Ok(Change::Other);
            }
            match fs::remove_file(path) {
                Err(error) if names_nothing(&error) => Ok(Change::Gone),
                removed => removed.map(|()| Change::Done),
            }
        })?;
        if (change, why) == (Change::Done, Removal::Wanted) {
            self.disk.sync_folder(&self.path)?;
        }
        Ok(change)
    }

    /// Sets the time of the last change to now, if the file holds what is expected.
    pub(super) fn touch(&self, key: &SessionKey, expected: Option<&[u8]>) -> io::Result<Change> {
        self.locked(key, expected, |_, file| file.set_modified(SystemTime::now()).map(|()| Change::Done))
    }

    /// The next files of the folder, at most so many, from where an earlier batch ended.
    pub(super) fn batch(&self, rest: Option<ReadDir>, at_most: usize) -> io::Result<Batch> {
        let mut entries = match rest {
            Some(rest) => rest,
            None => fs::read_dir(&self.path)?,
        };
        let mut found = Vec::new();
        for entry in entries.by_ref() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_prefix(&self.prefix)) else { continue };
            match SessionKey::parse(name).filter(SessionKey::is_plain) {
                Some(key) => {
                    let Some(stored) = self.read(&key)? else { continue };
                    found.push((key, stored));
                    if found.len() >= at_most {
                        return Ok(Batch { found, rest: Some(entries) });
                    }
                }
                None if name.contains(TEMPORARY) => remove_if_abandoned(&entry.path()),
                None => {}
            }
        }
        Ok(Batch { found, rest: None })
    }

    /// The next keys after that one in the order of their bytes, at most so many.
    pub(super) fn keys_after(
        &self,
        after: Option<&SessionKey>,
        at_most: usize,
    ) -> io::Result<Vec<SessionKey>> {
        // The greatest on top: the one that makes room for a smaller one.
        let mut next = BinaryHeap::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_prefix(&self.prefix)) else { continue };
            let Some(key) = SessionKey::parse(name).filter(SessionKey::is_plain) else { continue };
            if after.is_some_and(|after| key <= *after) {
                continue;
            }
            if next.len() < at_most {
                next.push(key);
            } else if let Some(mut greatest) = next.peek_mut()
                && key < *greatest
            {
                *greatest = key;
            }
        }
        Ok(next.into_sorted_vec())
    }

    /// What is there of those files.
    pub(super) fn read_all(&self, keys: Vec<SessionKey>) -> io::Result<Vec<(SessionKey, Stored)>> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(stored) = self.read(&key)? {
                found.push((key, stored));
            }
        }
        Ok(found)
    }

    /// Does something to the file of a key while no other nuages process writes it.
    ///
    /// The lock is on the file itself: a write puts another file in its place, so whoever waited for the lock looks
    /// whether the name still leads to the file that it locked, and otherwise begins again.
    fn locked(
        &self,
        key: &SessionKey,
        expected: Option<&[u8]>,
        work: impl FnOnce(&Path, &File) -> io::Result<Change>,
    ) -> io::Result<Change> {
        let path = self.file_of(key);
        let deadline = Instant::now() + LOCK_WAIT;
        let file = loop {
            let file = match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) => file,
                Err(error) if names_nothing(&error) => return self.absent(Change::Gone),
                Err(error) => return Err(error),
            };
            lock(&file, deadline)?;
            match Handle::from_path(&path) {
                Ok(current) if current == Handle::from_file(file.try_clone()?)? => break file,
                Ok(_) => {}
                Err(error) if names_nothing(&error) => return self.absent(Change::Gone),
                Err(error) => return Err(error),
            }
        };
        if let Some(expected) = expected
            && read_from(&file)?.text != expected
        {
            return Ok(Change::Other);
        }
        work(&path, &file)
    }

    /// A file that is to take the place of that one: what it holds is on the disk when this returns.
    fn write_beside(&self, path: &Path, text: &str) -> io::Result<NamedTempFile> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(TEMPORARY);
        // Mode 0600 from the start.
        let temporary = tempfile::Builder::new().prefix(&name).rand_bytes(8).tempfile_in(&self.path);
        let temporary = temporary.map_err(|error| nameless(&error))?;
        // Through the file itself: an error that names it would show the session's key.
        temporary.as_file().write_all(text.as_bytes())?;
        self.disk.sync_file(temporary.as_file())?;
        Ok(temporary)
    }
}

/// Gives a file the name of the one that is held, in one step, unless somebody who takes no lock was quicker: a session that
/// Django deleted a moment ago does not come back, and one that Django wrote is not written over.
///
/// Two names that are exchanged must both be there, which a plain `rename` does not ask for (`renameat2`, Linux).
#[cfg(target_os = "linux")]
fn take_place(beside: NamedTempFile, path: &Path, held: &File) -> io::Result<Change> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    let exchange = || renameat_with(CWD, beside.path(), CWD, path, RenameFlags::EXCHANGE);
    match exchange() {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(Change::Gone),
        // Some file systems cannot.
        Err(_) => return rename(beside, path),
    }
    if Handle::from_path(beside.path())? == Handle::from_file(held.try_clone()?)? {
        return Ok(Change::Done);
    }
    exchange()?;
    Ok(Change::Other)
}

#[cfg(not(target_os = "linux"))]
fn take_place(beside: NamedTempFile, path: &Path, _: &File) -> io::Result<Change> {
    rename(beside, path)
}

fn rename(beside: NamedTempFile, path: &Path) -> io::Result<Change> {
    beside.persist(path).map(|_| Change::Done).map_err(|error| error.error)
}

/// The operating system.
#[derive(Debug)]
struct System;

impl Disk for System {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Other systems have no such call.
    #[cfg(not(unix))]
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// What the system said, without the path that `tempfile` puts before it.
fn nameless(error: &io::Error) -> io::Error {
    let said = error.get_ref().and_then(std::error::Error::source);
    match said.and_then(|said| said.downcast_ref::<io::Error>()).and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// A key can be longer than a file's name, or name a folder: no session in either case.
fn names_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename | io::ErrorKind::IsADirectory
    )
}

fn read_from(mut file: &File) -> io::Result<Stored> {
    let meta = file.metadata()?;
    let mut text = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    file.read_to_end(&mut text)?;
    Ok(Stored { text: text.into(), modified: meta.modified()? })
}

fn lock(file: &File, deadline: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            // A file system without locks: requests of this process still take turns.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// What a process that was killed in the middle of a write left behind.
fn remove_if_abandoned(path: &Path) {
    let modified = fs::metadata(path).and_then(|meta| meta.modified());
    if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED)) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests;
