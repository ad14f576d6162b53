//! Which entries of the cache a process may trust without a look at the row, and which it has still to delete.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::session::key::SessionKey;

/// After so long without a call an outage may have gone by unseen.
const OUT_OF_TOUCH: Duration = Duration::from_secs(1);

/// How long the cache is left alone after a failure.
const REST: Duration = Duration::from_secs(1);

/// How many sessions are remembered as compared with their rows.
const SLOTS: usize = 65_536;

/// How many entries are remembered as to be deleted.
const OWED: usize = 10_000;

/// Whether an entry has to be compared with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It was written or compared here since this process is in touch with the cache.
    Kept,
    /// It may be older than an outage.
    Lost,
}

/// What a process knows of its cache.
pub(super) struct Ledger {
    hasher: RandomState,
    book: Mutex<Book>,
}

struct Book {
    /// Counts the times that the process came in touch with the cache: what was compared before counts no more.
    epoch: u64,
    last_answer: Option<Instant>,
    last_failure: Option<Instant>,
    /// One slot a session, which another one may take: that only means one more comparison.
    compared: Vec<(u64, u64)>,
    owed: HashSet<SessionKey>,
}

impl Default for Ledger {
    fn default() -> Self {
        let book = Book {
            epoch: 1,
            last_answer: None,
            last_failure: None,
            compared: Vec::new(),
            owed: HashSet::new(),
        };
        Self { hasher: RandomState::new(), book: Mutex::new(book) }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book();
        f.debug_struct("Ledger")
            .field("epoch", &book.epoch)
            .field("owed", &book.owed.len())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// The cache answered just now.
    pub(super) fn answered(&self) {
        self.answered_at(Instant::now());
    }

    fn answered_at(&self, now: Instant) {
        let mut book = self.book();
        if book.last_answer.is_none_or(|last| now.duration_since(last) > OUT_OF_TOUCH) {
            book.epoch += 1;
        }
        book.last_answer = Some(now);
        book.last_failure = None;
    }

    /// The cache did not answer.
    pub(super) fn failed(&self) {
        self.failed_at(Instant::now());
    }

    fn failed_at(&self, now: Instant) {
        let mut book = self.book();
        book.last_answer = None;
        book.last_failure = Some(now);
    }

    /// Whether the cache failed so lately that it is left alone.
    pub(super) fn is_resting(&self) -> bool {
        self.is_resting_at(Instant::now())
    }

    fn is_resting_at(&self, now: Instant) -> bool {
        self.book().last_failure.is_some_and(|last| now.duration_since(last) < REST)
    }

    /// The entry was written from the row, or compared with it.
    pub(super) fn trust(&self, key: &SessionKey) {
        let (hash, slot) = self.slot_of(key);
        let mut book = self.book();
        let epoch = book.epoch;
        book.compared.resize(SLOTS, (0, 0));
        book.compared[slot] = (hash, epoch);
    }

    pub(super) fn trusts(&self, key: &SessionKey) -> Trust {
        let (hash, slot) = self.slot_of(key);
        let book = self.book();
        if book.compared.get(slot) == Some(&(hash, book.epoch)) { Trust::Kept } else { Trust::Lost }
    }

    /// The entry of that session is not what its row is, and could not be deleted.
    pub(super) fn owe(&self, key: SessionKey) {
        let mut book = self.book();
        if book.owed.len() < OWED {
            book.owed.insert(key);
        }
    }

    /// The entries to be deleted, which the caller does.
    pub(super) fn take_owed(&self) -> HashSet<SessionKey> {
        std::mem::take(&mut self.book().owed)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_of(&self, key: &SessionKey) -> (u64, usize) {
        let hash = self.hasher.hash_one(key);
        (hash, usize::try_from(hash % SLOTS as u64).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_lasts_while_in_touch() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        let (one, other) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
        ledger.answered_at(start);
        assert_eq!(ledger.trusts(&one), Trust::Lost, "an entry from before this process");
        ledger.trust(&one);
        for tenths in 1..30 {
            ledger.answered_at(start + Duration::from_millis(100 * tenths));
        }
        assert_eq!(ledger.trusts(&one), Trust::Kept);
        assert_eq!(ledger.trusts(&other), Trust::Lost);
        ledger.answered_at(start + Duration::from_secs(60));
        assert_eq!(ledger.trusts(&one), Trust::Lost, "an outage may have gone by unseen");
    }

    #[test]
    fn a_failure_ends_trust_and_begins_a_rest() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        let key = SessionKey::generate().unwrap();
        ledger.answered_at(start);
        ledger.trust(&key);
        ledger.failed_at(start);
        assert!(ledger.is_resting_at(start + REST / 2));
        assert!(!ledger.is_resting_at(start + REST));
        ledger.answered_at(start + REST / 2);
        assert!(!ledger.is_resting_at(start + REST / 2));
        assert_eq!(ledger.trusts(&key), Trust::Lost);
    }

    #[test]
    fn what_is_owed_is_bounded_and_taken_once() {
        let ledger = Ledger::default();
        for _ in 0..OWED + 10 {
            ledger.owe(SessionKey::generate().unwrap());
        }
        assert_eq!(ledger.take_owed().len(), OWED);
        assert!(ledger.take_owed().is_empty());
    }
}
