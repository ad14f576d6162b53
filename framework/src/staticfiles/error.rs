//! What can go wrong with static files.

use std::io;
use std::path::PathBuf;

use super::safe_path::LeadsOut;

/// What can go wrong with static files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StaticFilesError {
    /// `STATIC_ROOT` is needed and not set.
    #[error(
        "You're using the staticfiles app without having set the STATIC_ROOT setting to a filesystem path."
    )]
    NoRoot,
    /// `static()` was asked for a file that `collectstatic` has not seen.
    #[error("Missing staticfiles manifest entry for '{name}'")]
    NotInManifest {
        /// The name.
        name: String,
    },
    /// A style sheet, a script, or `static()`, names a file that is not there.
    #[error("The file '{name}' could not be found in {}", location.display())]
    NotFound {
        /// The name.
        name: String,
        /// Where it should be.
        location: PathBuf,
    },
    /// A file whose references are to be rewritten is not UTF-8.
    #[error("the file '{name}' is not UTF-8 (at byte {at})")]
    NotText {
        /// The name.
        name: String,
        /// Where.
        at: usize,
    },
    /// Files that refer to each other in a circle never come to rest.
    #[error("Max post-process passes exceeded: {}", .names.join(", "))]
    Circle {
        /// The files.
        names: Vec<String>,
    },
    /// `staticfiles.json` is there and makes no sense.
    #[error("Couldn't load manifest {} (version 1.1): {reason}", file.display())]
    Manifest {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A path leads out of its folder.
    #[error(transparent)]
    LeadsOut(#[from] LeadsOut),
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StaticFilesError {
    /// What went wrong with that file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
