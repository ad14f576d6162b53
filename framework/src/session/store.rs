//! What an engine implements: the keeping of sessions.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::serialize::datetime::DateTime;
use crate::serialize::encode_error::EncodeError;
use crate::serialize::value::Dict;
use crate::session::expiry::ExpiryError;
use crate::session::key::SessionKey;

/// Keeps sessions: a database table, files, a cache, the visitor's own cookie.
///
/// Every method must be implemented, so that a store which wraps another one can forget none. The rules, which the
/// contract suite holds every store to:
///
/// * An update is never an insert: what was deleted stays deleted ([`StoreError::Gone`]).
/// * A key that is unknown, malformed, expired or whose data was tampered with is no error: errors are for a store that
///   does not work, and tell that apart from "not there".
/// * With `expected` an update takes place only if the stored text is still that one ([`StoreError::Changed`]): the caller
///   then puts its own changes on top of what is stored now and tries again, so that nobody's key is lost.
/// * A call that is dropped midway has either happened or not.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Where the data lives: decides who makes the keys.
    fn residence(&self) -> Residence;

    /// What is stored under the key and has not expired.
    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError>;

    /// What is stored under the key, expired or not: what an update that met [`StoreError::Changed`] goes on from.
    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError>;

    /// Whether the key is taken, by an expired session too.
    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError>;

    /// Stores a new session under that key, or says [`StoreError::Exists`].
    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError>;

    /// Replaces what is stored under the key: if `expected` is given, only what was loaded as that.
    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError>;

    /// Moves the time of expiry alone to what `data`, which was loaded and not changed, says; writes no data.
    ///
    /// If `expected` is given, only of what was loaded as that ([`StoreError::Changed`]): what another request stored since
    /// has an expiry of its own.
    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError>;

    /// Deletes what is stored under the key, and says whether anything was: if `expected` is given, only what was loaded
    /// as that.
    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError>;

    /// Deletes at most so many expired sessions in one step, the longest expired ones first where the store knows an
    /// order.
    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError>;

    /// How long such a step should take, by which a caller that has many to delete chooses how many: each has costs of its own, and
    /// what it did can be seen when it ends. Requests go on meanwhile.
    fn step_time(&self) -> Duration {
        Duration::from_millis(500)
    }

    /// How many sessions [`SessionStore::clear_expired`] would delete in the end.
    async fn count_expired(&self) -> Result<u64, StoreError>;

    /// The sessions that come next after `after`, a key of an earlier page, in an order of the store's own that follows from
    /// the keys alone: at most so many, expired ones among them, and none when there are no more. It changes nothing.
    ///
    /// What is stored all the while comes exactly once; what is stored or deleted meanwhile may come or not. For people and
    /// their commands: it may look at everything that is stored.
    ///
    /// [`StoreError::Unsupported`] if the store only finds what it is given the key of.
    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError>;
}

/// Where a store keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// On the server, under a random key that the cookie holds.
    Server,
    /// In the cookie: the key is the data, and every save makes another one.
    Cookie,
}

/// What a store says to [`SessionStore::load`].
#[derive(Debug, Clone)]
pub enum Load {
    /// The session.
    Found(Loaded),
    /// There is none: the visitor's key is dropped, never adopted.
    Missing,
    /// There was one, which the store gave up: a new one takes its place at once (Django's file and signed_cookies
    /// engines do this where the others wait for a change).
    Renew,
}

/// A session as it is stored.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The dict; empty when the stored text could not be trusted or read.
    pub data: Dict,
    /// What was read, for [`SessionStore::update`] to compare with.
    pub version: Version,
    /// Whether the text wants to be written anew even if nothing changes: it was signed with a key of
    /// `SECRET_KEY_FALLBACKS`, or could not be read.
    pub stale: bool,
    /// When it expires as it is stored, in the form of [`ExpiryPolicy::now`](crate::session::expiry::ExpiryPolicy::now);
    /// `None` if the store does not know.
    pub expires: Option<DateTime>,
}

/// A session among others: what [`SessionStore::page`] gives.
#[derive(Debug, Clone)]
pub struct StoredRow {
    /// Its key.
    pub key: SessionKey,
    /// What is stored under it.
    pub loaded: Loaded,
    /// Whether [`SessionStore::load`] would not find it any more, and [`SessionStore::clear_expired`] deletes it.
    pub expired: bool,
}

/// What exactly was read from a store, or written to it: compared by the store alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version(pub Bytes);

/// A session was stored.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Under which key: another one than before if the key is the data.
    pub key: SessionKey,
    /// What was written.
    pub version: Version,
}

/// What one step of [`SessionStore::clear_expired`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared {
    /// How many sessions it deleted.
    pub deleted: u64,
    /// Whether there may be more, also when this step deleted none.
    pub more: bool,
}

impl Cleared {
    /// Nothing to do, now or later: for stores which expire by themselves.
    pub const NOTHING: Self = Self { deleted: 0, more: false };
}

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key is taken.
    #[error("the session key is taken")]
    Exists,
    /// Nothing is stored under the key.
    #[error("the session was deleted")]
    Gone,
    /// Something else is stored than was expected.
    #[error("the session was changed by another request")]
    Changed,
    /// The key has characters that no key of this engine has (Django's `InvalidSessionKey`): nothing was built from it.
    /// Loading such a key finds nothing; every other operation on it is refused.
    #[error("Invalid characters in session key")]
    InvalidKey,
    /// The data does not fit into what holds it.
    #[error(
        "the session takes {size} bytes where {limit} fit; its keys: {}",
        keys.iter().map(|(key, size)| format!("{key} ({size} bytes)")).collect::<Vec<_>>().join(", ")
    )]
    TooLarge {
        /// What the cookie would take, its name included, bytes.
        size: usize,
        /// `SESSION_COOKIE_MAX_SIZE`, bytes.
        limit: usize,
        /// The keys, and what each takes with its value before it is compressed and signed, bytes; the largest first.
        keys: Vec<(String, usize)>,
    },
    /// The serializer cannot write the data.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The data says no time at which it expires.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// The engine cannot do this (Python's `NotImplementedError`).
    #[error("the session engine {engine} does not support {operation}")]
    Unsupported {
        /// The engine's name.
        engine: &'static str,
        /// The method.
        operation: &'static str,
    },
    /// What the store stands on failed.
    #[error("session store {store}: {source}")]
    Backend {
        /// Which one: a database alias, a folder, a server.
        store: String,
        /// Its own error.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}
