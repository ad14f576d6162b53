//! What goes wrong with a cache.

use std::time::Duration;

use crate::cache::key::KeyFault;
use crate::db::error::DatabaseError;
use crate::error::BoxError;
use crate::serialize::convert_error::ConvertError;

/// Why a cache did not do what it was asked.
///
/// Every message names the cache by its alias, and the server, folder or table that it stands on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// `CACHES` has no such alias (Django's `InvalidCacheBackendError`).
    #[error("there is no cache {alias:?} in CACHES (there is: {known})")]
    UnknownAlias {
        /// The alias that was asked for.
        alias: String,
        /// Those that there are, separated by commas.
        known: String,
    },
    /// The backend does not take such a key (Django's `InvalidCacheKey`).
    #[error("the cache {alias:?}: {fault}")]
    InvalidKey {
        /// The cache's alias.
        alias: String,
        /// What is wrong with the key.
        #[source]
        fault: KeyFault,
    },
    /// There is nothing under the key that could be counted up or moved (Django's `ValueError`).
    #[error("Key '{key}' not found")]
    Missing {
        /// The key, as the caller wrote it.
        key: String,
    },
    /// What is under the key is no `int` of 64 bits, or would become none.
    #[error(
        "the cache {alias:?}: the value of {key:?} is no whole number of 64 bits that {delta} could be added to"
    )]
    NotANumber {
        /// The cache's alias.
        alias: String,
        /// The key, as it is stored.
        key: String,
        /// What was to be added.
        delta: i64,
    },
    /// A value could not be made of, or put into, the Rust type that was asked for.
    #[error("the cache {alias:?}, key {key:?}: {source}")]
    Convert {
        /// The cache's alias.
        alias: String,
        /// The key, as it is stored.
        key: String,
        /// What does not fit.
        #[source]
        source: ConvertError,
    },
    /// The value has no form that could be stored (Python's `PicklingError`).
    #[error("the cache {alias:?}: the value of {key:?} cannot be stored: {source}")]
    Encode {
        /// The cache's alias.
        alias: String,
        /// The key, as it is stored.
        key: String,
        /// The codec's error.
        #[source]
        source: BoxError,
    },
    /// What is stored under the key is no value: damaged, of another program, or of a class that only Python has.
    #[error("the cache {alias:?}: what is stored under {key:?} cannot be read: {source}")]
    Decode {
        /// The cache's alias.
        alias: String,
        /// The key, as it is stored.
        key: String,
        /// The codec's error.
        #[source]
        source: BoxError,
    },
    /// The server does not answer in time, or not at all.
    #[error("the cache {alias:?}: no answer from {server} within {} seconds (is it running, and is LOCATION right?)", .after.as_secs_f64())]
    Timeout {
        /// The cache's alias.
        alias: String,
        /// Where it was looked for, without a password.
        server: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The server cannot be reached, broke the connection off, or complains.
    #[error("the cache {alias:?}: {server}: {source}")]
    Server {
        /// The cache's alias.
        alias: String,
        /// Where it is, without a password.
        server: String,
        /// What the driver said.
        #[source]
        source: BoxError,
    },
    /// A file or the folder of a file cache.
    #[error("the cache {alias:?}: {path}: {source}")]
    File {
        /// The cache's alias.
        alias: String,
        /// The file or folder.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The table of a database cache is not there.
    #[error("the cache {alias:?}: there is no table {table:?} (run `manage createcachetable`)")]
    MissingTable {
        /// The cache's alias.
        alias: String,
        /// The table.
        table: String,
        /// The database's error.
        #[source]
        source: Box<DatabaseError>,
    },
    /// Others changed the value each time before this caller could.
    #[error("the cache {alias:?}: {key:?} was changed by others {tries} times in a row")]
    Busy {
        /// The cache's alias.
        alias: String,
        /// The key, as it is stored.
        key: String,
        /// How often it was tried.
        tries: usize,
    },
    /// The database of a database cache.
    #[error("the cache {alias:?}: table {table:?}: {source}")]
    Database {
        /// The cache's alias.
        alias: String,
        /// The table.
        table: String,
        /// The database's error.
        #[source]
        source: Box<DatabaseError>,
    },
}

impl CacheError {
    /// Whether the same call may well succeed a little later: the cache is out of reach, slow or busy.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Server { .. } | Self::Busy { .. } => true,
            Self::Database { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}
