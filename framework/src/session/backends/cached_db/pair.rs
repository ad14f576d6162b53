//! A row and its entry, changed as one.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::cache::backend::Ttl;
use crate::cache::error::CacheError;
use crate::grouping::closing::OpenWork;
use crate::serialize::value::{Dict, Value};
use crate::session::backends::cache::Entries;
use crate::session::backends::cached_db::trust::{Ledger, REST, Trust};
use crate::session::backends::db::DbStore;
use crate::session::codec::SessionCodec;
use crate::session::expiry::EXPIRY_KEY;
use crate::session::key::SessionKey;
use crate::session::store::{Load, Loaded, Saved, SessionStore as _, StoreError, Version};

/// What the version of an entry begins with: no signed text does.
const FROM_CACHE: &[u8] = b"\0cache\0";

/// The rows, the entries, and what is known of how they differ.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rows: DbStore,
    pub(super) entries: Entries,
    pub(super) codec: SessionCodec,
    pub(super) ledger: Ledger,
    /// `SESSION_DJANGO_FAULTS`
    pub(super) django_faults: bool,
}

/// What the cache says.
enum Hit {
    Found(Dict),
    Nothing,
    /// It was not asked, or did not answer.
    Down,
}

/// Has something done to its end, even if the caller does not wait for it: a visitor who hangs up between a row and its entry
/// must not leave them different from each other. The database is not closed before. It is no `async fn`, which would have room for
/// the work more than once.
pub(super) fn to_the_end<T: Send + 'static>(
    pair: &Arc<Pair>,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> impl Future<Output = Result<T, StoreError>> {
    let open = pair.rows.database().closing().open();
    let task = work.map(move |done| {
        drop(open);
        done
    });
    let failed = |ended: tokio::task::JoinError| StoreError::Backend {
        store: format!("cache {:?}", pair.entries.cache().alias()),
        source: Box::new(ended),
    };
    tokio::spawn(task.in_current_span()).map(move |ended| ended.map_err(failed)?)
}

/// What a session store does.
impl Pair {
    pub(super) async fn load(self: &Arc<Self>, key: &SessionKey) -> Result<Load, StoreError> {
        let Some(key) = self.own_key(key).await? else { return Ok(Load::Missing) };
        let data = match self.hit(&key).await {
            Hit::Found(data) => data,
            // Boxed, so that a session that is found has no room for it.
            Hit::Nothing => return Box::pin(self.read_through(key, true)).await,
            Hit::Down => return Box::pin(self.read_through(key, false)).await,
        };
        let version = self.version_of(&data);
        if self.django_faults || self.ledger.trusts(&key, &version) == Trust::Kept {
            return Ok(Load::Found(Loaded { data, version, stale: false, expires: None }));
        }
        let comparison = self.ledger.compare(&key);
        match self.rows.load(&key).await? {
            Load::Found(row) if self.version_of(&row.data) == version => {
                self.ledger.trust(comparison, &version);
                // The entry's data, whose types the serializer may not know, with the row's version.
                Ok(Load::Found(Loaded { data, ..row }))
            }
            Load::Found(_) => {
                Box::pin(self.take(&key)).await?;
                Box::pin(self.read_through(key, true)).await
            }
            gone => {
                Box::pin(self.take(&key)).await?;
                Ok(gone)
            }
        }
    }

    pub(super) async fn insert(self: &Arc<Self>, key: SessionKey, data: Dict) -> Result<Saved, StoreError> {
        let saved = self.changed(&key, self.rows.insert(&key, &data).await).await?;
        self.put_saved(&key, data, &saved.version).await;
        Ok(saved)
    }

    pub(super) async fn update(
        self: &Arc<Self>,
        key: SessionKey,
        data: Dict,
        expected: Option<Version>,
    ) -> Result<Saved, StoreError> {
        let key = self.own_key(&key).await?.ok_or(StoreError::Gone)?;
        let expected = self.row_version(&key, expected).await?;
        let saved = self.changed(&key, self.rows.update(&key, &data, expected.as_ref()).await).await?;
        self.put_saved(&key, data, &saved.version).await;
        Ok(saved)
    }

    pub(super) async fn touch(
        self: &Arc<Self>,
        key: SessionKey,
        data: &Dict,
        expected: Option<Version>,
    ) -> Result<(), StoreError> {
        let key = self.own_key(&key).await?.ok_or(StoreError::Gone)?;
        let expected = self.row_version(&key, expected).await?;
        match self.rows.touch(&key, data, expected.as_ref()).await {
            Ok(()) => {}
            Err(StoreError::Gone) => return self.gone(&key).await,
            Err(error) => {
                self.ledger.distrust(&key);
                return Err(error);
            }
        }
        if self.ledger.is_resting() {
            return Ok(());
        }
        // An entry that ends earlier than its row is read again from there: nothing is owed.
        match self.touch_entry(&key, data).await {
            Ok(()) => self.ledger.answered(),
            Err(CacheError::InvalidKey { .. } | CacheError::Decode { .. }) => {}
            Err(error) => {
                self.ledger.failed();
                tracing::warn!(target: "nuages.session", %error, "an entry was not renewed");
            }
        }
        Ok(())
    }

    pub(super) async fn delete(
        self: &Arc<Self>,
        asked: SessionKey,
        expected: Option<Version>,
    ) -> Result<bool, StoreError> {
        let own = self.own_key(&asked).await?;
        let key = own.as_ref().unwrap_or(&asked);
        let expected = match self.row_version(key, expected).await {
            Err(StoreError::Gone) => None,
            version => version?,
        };
        let deleted = self.changed(key, self.rows.delete(key, expected.as_ref()).await).await?;
        self.take(key).await?;
        if *key != asked {
            // Django may have put an entry under the name that it was asked for.
            self.take(&asked).await?;
        }
        Ok(deleted)
    }

    /// Django knows no touch: it writes.
    pub(super) async fn put_as_django(self: &Arc<Self>, key: &SessionKey, data: Dict) {
        self.put_saved(key, data, &Version::default()).await;
    }
}

/// Rows.
impl Pair {
    /// The key that the row has; `None` if there is none. Those that nobody drew may find the row of another on MySQL, whose
    /// collation does not tell them apart: an entry of their own would outlive that row.
    async fn own_key(&self, key: &SessionKey) -> Result<Option<SessionKey>, StoreError> {
        if self.django_faults || key.is_plain() {
            return Ok(Some(key.clone()));
        }
        Box::pin(self.rows.own_key(key)).await
    }

    /// What became of a row: from here on its entry is another one, or may be.
    async fn changed<T>(
        self: &Arc<Self>,
        key: &SessionKey,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.django_faults {
            return outcome;
        }
        self.ledger.distrust(key);
        match outcome {
            Err(StoreError::Gone) => self.gone(key).await,
            // Whether it took place, nobody knows.
            Err(error @ StoreError::Backend { .. }) => {
                self.owe(key);
                Err(error)
            }
            outcome => outcome,
        }
    }

    /// There is no row: nor must there be an entry.
    async fn gone<T>(self: &Arc<Self>, key: &SessionKey) -> Result<T, StoreError> {
        if !self.django_faults {
            self.take(key).await?;
        }
        Err(StoreError::Gone)
    }

    /// The version of the row that is meant by one of an entry: if the row holds the same, its own.
    async fn row_version(
        self: &Arc<Self>,
        key: &SessionKey,
        version: Option<Version>,
    ) -> Result<Option<Version>, StoreError> {
        let version = match version {
            Some(version) if version.0.starts_with(FROM_CACHE) => version,
            version => return Ok(version),
        };
        match self.rows.reload(key).await? {
            Some(row) if self.version_of(&row.data) == version => Ok(Some(row.version)),
            Some(_) => {
                self.ledger.distrust(key);
                Err(StoreError::Changed)
            }
            None => self.gone(key).await,
        }
    }

    /// What an entry holds, as the row would: the version of a session that came from the cache.
    fn version_of(&self, data: &Dict) -> Version {
        let bytes = self.codec.serializer().dumps(data).unwrap_or_default();
        Version(Bytes::from([FROM_CACHE, &bytes].concat()))
    }
}

/// Entries.
impl Pair {
    /// Asks the cache for an entry.
    async fn hit(&self, key: &SessionKey) -> Hit {
        if !self.django_faults && self.ledger.is_resting() {
            return Hit::Down;
        }
        match self.entries.get(key).await {
            Ok(found) => {
                self.ledger.answered();
                found.map_or(Hit::Nothing, |(data, _)| Hit::Found(data))
            }
            Err(CacheError::InvalidKey { .. }) => Hit::Nothing,
            // It answered, with what is no session.
            Err(CacheError::Decode { source, .. }) => {
                self.entries.note_unreadable(&*source);
                Hit::Nothing
            }
            Err(error) => {
                self.ledger.failed();
                tracing::warn!(target: "nuages.session", %error, "the cache was not read: the table is");
                Hit::Down
            }
        }
    }

    /// Stores an entry: whether the cache holds it now.
    async fn put(self: &Arc<Self>, key: &SessionKey, data: Dict, ttl: Ttl) -> Result<bool, StoreError> {
        let written = match self.entries.key(key) {
            Ok(entry) if self.django_faults || !self.ledger.is_resting() => {
                self.entries.cache().backend().set(&entry, &Value::Dict(data), ttl).await
            }
            Ok(_) => {
                self.owe(key);
                return Ok(false);
            }
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                self.ledger.answered();
                Ok(true)
            }
            Err(error) => {
                // It may hold the entry all the same, or the one of before; but not under a key that it does not take.
                if !self.django_faults && !matches!(error, CacheError::InvalidKey { .. }) {
                    self.owe(key);
                    self.ledger.failed();
                }
                Err(self.entries.failed(error))
            }
        }
    }

    /// [`Pair::put`] after a save, whose row is what counts.
    async fn put_saved(self: &Arc<Self>, key: &SessionKey, data: Dict, version: &Version) {
        let content = self.version_of(&data);
        let put = match self.entries.ttl(&data) {
            Ok(ttl) => self.put(key, data, ttl).await,
            Err(error) => Err(error.into()),
        };
        match put {
            Ok(true) => self.settle(key, version, &content).await,
            Ok(false) => {}
            Err(error) => {
                let cache = self.entries.cache().alias();
                tracing::error!(target: "django.contrib.sessions", %error, "Error saving to cache ({cache})");
                // What was there before is not what the row is now.
                if matches!(error, StoreError::Expiry(_)) && !self.django_faults {
                    self.take_or_owe(key).await;
                }
            }
        }
    }

    /// The row, put into the cache for as long as it lives.
    async fn read_through(self: &Arc<Self>, key: SessionKey, cache_is_up: bool) -> Result<Load, StoreError> {
        let load = self.rows.load(&key).await?;
        let Load::Found(row) = &load else { return Ok(load) };
        if !cache_is_up && !self.django_faults {
            return Ok(load);
        }
        let mut until = Dict::new();
        if let Some(expires) = row.expires {
            until.insert(EXPIRY_KEY, Value::DateTime(expires));
        }
        let (ttl, data, version) = (self.entries.ttl(&until)?, row.data.clone(), row.version.clone());
        let pair = Arc::clone(self);
        let put = to_the_end(self, async move {
            let content = pair.version_of(&data);
            if pair.put(&key, data, ttl).await? {
                pair.settle(&key, &version, &content).await;
            }
            Ok(())
        });
        match put.await {
            Err(StoreError::Backend { .. }) if !self.django_faults => {}
            done => done?,
        }
        Ok(load)
    }

    /// After an entry was put in: trusts it, or takes it out if the row is not, or no longer, the one that it was made of.
    async fn settle(self: &Arc<Self>, key: &SessionKey, version: &Version, content: &Version) {
        if self.django_faults {
            return;
        }
        let comparison = self.ledger.compare(key);
        match self.rows.reload(key).await {
            Ok(Some(row)) if row.version == *version => {
                self.ledger.trust(comparison, content);
                self.ledger.paid(std::slice::from_ref(key));
            }
            Ok(_) => self.take_or_owe(key).await,
            Err(error) => {
                tracing::warn!(target: "nuages.session", %error, "an entry could not be compared with its row");
                self.owe(key);
            }
        }
    }

    /// Deletes an entry. Without Django's faults it may be owed, but that is no error.
    async fn take(self: &Arc<Self>, key: &SessionKey) -> Result<(), StoreError> {
        self.ledger.distrust(key);
        let deleted = match self.entries.key(key) {
            Ok(entry) if self.django_faults || !self.ledger.is_resting() => {
                self.entries.cache().backend().delete(&entry).await
            }
            Ok(_) => {
                self.owe(key);
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match deleted {
            Ok(_) => {
                self.ledger.answered();
                self.ledger.paid(std::slice::from_ref(key));
                Ok(())
            }
            Err(error) if self.django_faults => Err(self.entries.failed(error)),
            // What the cache takes no such key for, it cannot hold.
            Err(CacheError::InvalidKey { .. }) => Ok(()),
            Err(error) => {
                self.ledger.failed();
                self.owe(key);
                tracing::warn!(target: "nuages.session", %error, "an entry was not deleted yet");
                Ok(())
            }
        }
    }

    /// [`Pair::take`] where the answer to the request does not depend on it.
    async fn take_or_owe(self: &Arc<Self>, key: &SessionKey) {
        if let Err(error) = self.take(key).await {
            tracing::warn!(target: "nuages.session", %error, "an entry was not deleted");
        }
    }

    /// Moves the end of an entry that holds this data. One that holds other data was put in by another request, for as long
    /// as that one's row lives.
    async fn touch_entry(&self, key: &SessionKey, data: &Dict) -> Result<(), CacheError> {
        let Ok(ttl) = self.entries.ttl(data) else { return Ok(()) };
        let Some((found, version)) = self.entries.get(key).await? else { return Ok(()) };
        if self.version_of(&found) == self.version_of(data) {
            self.entries.cache().backend().touch_if(&self.entries.key(key)?, ttl, &version).await?;
        }
        Ok(())
    }
}

/// What is owed to the cache.
impl Pair {
    /// Has an entry deleted as soon as the cache can be reached.
    fn owe(self: &Arc<Self>, key: &SessionKey) {
        self.ledger.distrust(key);
        if self.ledger.owe(key) {
            let open = self.rows.database().closing().open();
            let payer = Payer { pair: Arc::clone(self), done: false };
            tokio::spawn(payer.pay(open));
        }
    }

    /// Deletes what is owed.
    async fn pay(&self) {
        let owed = self.ledger.owed();
        let keys: Vec<_> = owed.iter().filter_map(|key| self.entries.key(key).ok()).collect();
        match self.entries.cache().backend().delete_many(&keys).await {
            Ok(()) => {
                self.ledger.answered();
                self.ledger.paid(&owed);
            }
            Err(error) => {
                self.ledger.failed();
                tracing::warn!(target: "nuages.session", %error, "outdated entries were not deleted yet");
            }
        }
    }
}

/// Whoever deletes what is owed: one at a time, until nothing is, or until the database closes.
struct Payer {
    pair: Arc<Pair>,
    done: bool,
}

impl Payer {
    async fn pay(mut self, open: Option<OpenWork>) {
        let mut ending = open.is_none();
        let mut open = open;
        while !self.done {
            if self.pair.ledger.is_resting()
                && !ending
                && let Some(open) = &mut open
            {
                tokio::select! {
                    () = open.ending() => ending = true,
                    () = tokio::time::sleep(REST) => {}
                }
            }
            self.pair.pay().await;
            self.done = self.pair.ledger.rest(false);
            if ending {
                break;
            }
        }
    }
}

impl Drop for Payer {
    /// The database closes, or the runtime has ended.
    fn drop(&mut self) {
        if !self.done {
            self.pair.ledger.rest(true);
        }
    }
}
