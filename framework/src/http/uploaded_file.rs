//! Files that a form brings.

use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use indexmap::IndexMap;
use tempfile::TempPath;
use tokio::io::AsyncReadExt as _;

use crate::conf::core::CoreSettings;
use crate::http::file_name::{fitting, split_extension};
use crate::signing::crypto::get_random_string;

/// A file that a form brought (Django's `UploadedFile`): in memory when it is small, else in a temporary file that is deleted
/// with the last clone of this.
///
/// ```
/// use nuages::prelude::*;
///
/// async fn portrait(request: HttpRequest) -> Result<HttpResponse> {
///     let Some(file) = request.files().await?.get("portrait") else {
///         return Err(Error::bad_request("no portrait"));
///     };
///     if file.size() > 1_000_000 {
///         return Err(Error::bad_request("a portrait is at most 1 MB"));
///     }
///     let path = file.save_in("media/portraits").await?;
///     Ok(HttpResponse::text(format!("{} is at {}", file.name(), path.display())))
/// }
/// # let _ = portrait;
/// ```
#[derive(Clone)]
pub struct UploadedFile {
    name: String,
    size: u64,
    content_type: String,
    content_type_extra: IndexMap<String, String>,
    content: Content,
    storing: Arc<Storing>,
}

/// What the settings say of files that are kept.
#[derive(Debug, Default)]
pub(crate) struct Storing {
    /// `FILE_UPLOAD_PERMISSIONS`.
    permissions: Option<u32>,
    /// `FILE_UPLOAD_DIRECTORY_PERMISSIONS`.
    directory_permissions: Option<u32>,
    /// `MEDIA_ROOT`, if there is one.
    media_root: Option<PathBuf>,
}

impl Storing {
    pub(crate) fn of(settings: &CoreSettings) -> Self {
        let media_root = &settings.media_root;
        Self {
            permissions: settings.file_upload_permissions,
            directory_permissions: settings.file_upload_directory_permissions,
            media_root: (!media_root.as_os_str().is_empty()).then(|| media_root.clone()),
        }
    }

    /// The folder that a site means: below `MEDIA_ROOT` unless it says all of the path.
    fn folder(&self, folder: &Path) -> io::Result<PathBuf> {
        let Some(root) = self.media_root.as_ref().filter(|_| folder.is_relative()) else {
            return Ok(folder.to_owned());
        };
        if folder.components().any(|part| part == Component::ParentDir) {
            let reason = format!("{} leads out of MEDIA_ROOT", folder.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        Ok(root.join(folder))
    }
}

#[derive(Clone)]
pub(crate) enum Content {
    Memory(Bytes),
    Disk(Arc<TempPath>),
}

/// What the random part of a name is made of.
const RANDOM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// How many bytes [`UploadedFile::chunks`] gives at once.
const CHUNK: usize = 65_536;

impl UploadedFile {
    pub(crate) fn new(
        name: String,
        (content_type, content_type_extra): (String, IndexMap<String, String>),
        (size, content): (u64, Content),
        storing: &Arc<Storing>,
    ) -> Self {
        let storing = Arc::clone(storing);
        Self { name, size, content_type, content_type_extra, content, storing }
    }

    /// The name that the client gave it, without folders: safe to join to a path, but not to be believed otherwise.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The type that the client says it has, in lower case and without parameters; may be empty, and may be wrong.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The charset that the client says it has.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.content_type_extra.get("charset").map(String::as_str)
    }

    /// All parameters of its type.
    pub fn content_type_extra(&self) -> impl Iterator<Item = (&str, &str)> {
        self.content_type_extra.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Where it lies, if it is large enough to lie on disk. The file goes with this value: copy or [`save`](Self::save) it.
    #[must_use]
    pub fn temporary_file_path(&self) -> Option<&Path> {
        match &self.content {
            Content::Memory(_) => None,
            Content::Disk(path) => Some(path),
        }
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub async fn read(&self) -> io::Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::Disk(path) => tokio::fs::read(&**path).await.map(Bytes::from),
        }
    }

    /// Piece by piece, for files of any size: a response can stream it, a hash can be made of it.
    pub fn chunks(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        enum At {
            Memory(Bytes),
            Closed(Arc<TempPath>),
            Open(tokio::fs::File, Arc<TempPath>),
        }
        let start = match &self.content {
            Content::Memory(bytes) => At::Memory(bytes.clone()),
            Content::Disk(path) => At::Closed(Arc::clone(path)),
        };
        stream::try_unfold(start, |at| async move {
            let (mut file, path) = match at {
                At::Memory(bytes) if bytes.is_empty() => return Ok(None),
                At::Memory(mut bytes) => {
                    let chunk = bytes.split_to(bytes.len().min(CHUNK));
                    return Ok(Some((chunk, At::Memory(bytes))));
                }
                At::Closed(path) => (tokio::fs::File::open(&**path).await?, path),
                At::Open(file, path) => (file, path),
            };
            let mut chunk = Vec::with_capacity(CHUNK);
            (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), At::Open(file, path))))
        })
    }

    /// Writes it to that path, with the mode of `FILE_UPLOAD_PERMISSIONS`; a file that is there already is not touched.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and whatever else the file system says. Nothing half written stays behind.
    pub async fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        let (content, permissions) = (self.content.clone(), self.storing.permissions);
        let written = tokio::task::spawn_blocking(move || write_new(&path, &content, permissions));
        written.await.map_err(io::Error::other)?
    }

    /// Puts it into that folder, which is made if need be, under its own name; if that is taken, under that name with an
    /// underscore and seven random characters before the extension, as Django does. Says where it is now.
    ///
    /// A relative folder is one below `MEDIA_ROOT` where that is set, else below the folder that the program runs in. Folders
    /// that are made have the mode of `FILE_UPLOAD_DIRECTORY_PERMISSIONS`. A name of more than 255 bytes, which file systems
    /// do not take, is cut before its extension.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::InvalidInput`] for a `..` that would lead out of `MEDIA_ROOT`.
    pub async fn save_in(&self, folder: impl AsRef<Path>) -> io::Result<PathBuf> {
        let folder = self.storing.folder(folder.as_ref())?;
        let (made, mode) = (folder.clone(), self.storing.directory_permissions);
        tokio::task::spawn_blocking(move || make_folder(&made, mode)).await.map_err(io::Error::other)??;
        let (stem, extension) = split_extension(&self.name);
        let mut path = folder.join(fitting(stem, "", extension));
        // Whatever the name is: it must not lead out of the folder.
        if path.parent() != Some(&*folder) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{:?} is no file's name", self.name),
            ));
        }
        loop {
            match self.save(&path).await {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let random = get_random_string(7, RANDOM).map_err(io::Error::other)?;
                    path = folder.join(fitting(stem, &format!("_{random}"), extension));
                }
                outcome => return outcome.map(|()| path),
            }
        }
    }
}

/// Makes the folder and those above it that are not there.
fn make_folder(folder: &Path, mode: Option<u32>) -> io::Result<()> {
    let Some(mode) = mode else { return std::fs::create_dir_all(folder) };
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists()).collect();
    for one in missing.into_iter().rev() {
        match std::fs::create_dir(one) {
            // Not by the mode of its making: the process's mask would take bits away.
            Ok(()) => set_mode_of(one, mode)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write_new(path: &Path, content: &Content, permissions: Option<u32>) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = match content {
        Content::Memory(bytes) => io::Write::write_all(&mut file, bytes),
        Content::Disk(temporary) => {
            std::fs::File::open(&**temporary).and_then(|mut from| io::copy(&mut from, &mut file)).map(drop)
        }
    };
    let finished = written.and_then(|()| set_mode(&file, permissions));
    if finished.is_err() {
        let _ = std::fs::remove_file(path);
    }
    finished
}

#[cfg(unix)]
fn set_mode(file: &std::fs::File, mode: Option<u32>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match mode {
        Some(mode) => file.set_permissions(std::fs::Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn set_mode_of(folder: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode_of(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn set_mode(_: &std::fs::File, _: Option<u32>) -> io::Result<()> {
    Ok(())
}

/// The name and the size: the content is the visitor's.
impl fmt::Debug for UploadedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadedFile")
            .field("name", &self.name)
            .field("size", &self.size)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// The files of a form: names with one or more files each, in the order in which they came (Django's `request.FILES`).
#[derive(Debug, Clone, Default)]
pub struct Files {
    lists: IndexMap<String, Vec<UploadedFile>>,
}

impl Files {
    /// The last file of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&UploadedFile> {
        self.lists.get(name)?.last()
    }

    /// Every file of that name.
    #[must_use]
    pub fn getlist(&self, name: &str) -> &[UploadedFile] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a file of that name came.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.lists.contains_key(name)
    }

    /// The names, each once, in the order in which they first came.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }

    /// Each name with its last file.
    pub fn items(&self) -> impl Iterator<Item = (&str, &UploadedFile)> {
        self.lists.iter().filter_map(|(name, files)| Some((name.as_str(), files.last()?)))
    }

    /// Each name with its files.
    pub fn lists(&self) -> impl Iterator<Item = (&str, &[UploadedFile])> {
        self.lists.iter().map(|(name, files)| (name.as_str(), files.as_slice()))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether no file came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(crate) fn push(&mut self, name: String, file: UploadedFile) {
        self.lists.entry(name).or_default().push(file);
    }
}
