//! Which entries of the cache a process may trust without a look at the row, and which it has still to delete.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::session::key::SessionKey;
use crate::session::store::Version;

/// After so long without a call an outage may have gone by unseen.
const OUT_OF_TOUCH: Duration = Duration::from_secs(1);

/// How long the cache is left alone after a failure.
pub(super) const REST: Duration = Duration::from_secs(1);

/// How long an entry is trusted before it is compared with its row once more: for so long at most does a session live on that
/// somebody deleted who could not reach the cache, or died before they did.
const TRUST: Duration = Duration::from_secs(5);

/// How many sessions are remembered as compared with their rows.
const SLOTS: usize = 32_768;

/// How many entries are remembered as to be deleted.
const OWED: usize = 10_000;

/// Whether an entry has to be compared with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It was compared here a moment ago, and is still the same.
    Kept,
    /// It may be older than its row, or than an outage.
    Lost,
}

/// What a process knows of its cache.
pub(super) struct Ledger {
    hasher: RandomState,
    began: Instant,
    book: Mutex<Book>,
}

struct Book {
    /// Counts the times that the process came in touch with the cache: what was compared before counts no more.
    epoch: u32,
    last_answer: Option<Instant>,
    last_failure: Option<Instant>,
    /// One slot a session, which another one may take: that only means one more comparison.
    compared: Vec<Slot>,
    owed: HashSet<SessionKey>,
    /// Whether somebody is at work on what is owed.
    paying: bool,
}

/// What was compared with its row.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    session: u64,
    /// A hash of what the entry held: whatever else is found under its key, nobody here has compared.
    content: u64,
    /// Milliseconds after the ledger began.
    at: u64,
    epoch: u32,
    /// Counts the times that trust was withdrawn.
    withdrawn: u32,
}

/// A comparison that begins: it counts if nothing happened to the session before it has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    session: u64,
    slot: usize,
    epoch: u32,
    withdrawn: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        let book = Book {
            epoch: 1,
            last_answer: None,
            last_failure: None,
            compared: Vec::new(),
            owed: HashSet::new(),
            paying: false,
        };
        Self { hasher: RandomState::new(), began: Instant::now(), book: Mutex::new(book) }
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

/// Whether the cache is there.
impl Ledger {
    /// The cache answered just now.
    pub(super) fn answered(&self) {
        self.answered_at(Instant::now());
    }

    fn answered_at(&self, now: Instant) {
        let mut book = self.book();
        if book.last_answer.is_none_or(|last| now.duration_since(last) > OUT_OF_TOUCH) {
            book.epoch = book.epoch.wrapping_add(1);
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
}

/// What was compared.
impl Ledger {
    /// The row is about to be read, and then compared with an entry.
    pub(super) fn compare(&self, key: &SessionKey) -> Comparison {
        let (session, slot) = self.slot_of(key);
        let book = self.book();
        let withdrawn = book.compared.get(slot).copied().unwrap_or_default().withdrawn;
        Comparison { session, slot, epoch: book.epoch, withdrawn }
    }

    /// The entry of that content is what the row was when the comparison began. If the row was changed here since, the
    /// comparison counts for nothing.
    pub(super) fn trust(&self, comparison: Comparison, content: &Version) {
        self.trust_at(comparison, content, Instant::now());
    }

    fn trust_at(&self, comparison: Comparison, content: &Version, now: Instant) {
        let Comparison { session, slot, epoch, withdrawn } = comparison;
        let (content, at) = (self.hasher.hash_one(&content.0), self.millis(now));
        let mut book = self.book();
        let slot = book.slot(slot);
        if slot.withdrawn == withdrawn {
            *slot = Slot { session, content, at, epoch, withdrawn };
        }
    }

    /// Whether the entry of that content need not be compared.
    pub(super) fn trusts(&self, key: &SessionKey, content: &Version) -> Trust {
        self.trusts_at(key, content, Instant::now())
    }

    fn trusts_at(&self, key: &SessionKey, content: &Version, now: Instant) -> Trust {
        let (session, slot) = self.slot_of(key);
        let (content, now) = (self.hasher.hash_one(&content.0), self.millis(now));
        let book = self.book();
        let kept = book.compared.get(slot).is_some_and(|slot| {
            (slot.session, slot.content, slot.epoch) == (session, content, book.epoch)
                && u128::from(now.saturating_sub(slot.at)) < TRUST.as_millis()
        });
        if kept { Trust::Kept } else { Trust::Lost }
    }

    /// The row was changed, or may have been: whatever entry there is has to be compared, and so has one that a comparison
    /// under way finds the same.
    pub(super) fn distrust(&self, key: &SessionKey) {
        let (_, slot) = self.slot_of(key);
        let mut book = self.book();
        let slot = book.slot(slot);
        *slot = Slot { withdrawn: slot.withdrawn.wrapping_add(1), ..Slot::default() };
    }
}

/// What is still to be deleted.
impl Ledger {
    /// The entry of that session may be another one than its row, and could not be deleted. Says whether the caller is to see
    /// to it that what is owed is paid, until [`Ledger::rest`] says
    /// that nothing is.
    #[must_use]
    pub(super) fn owe(&self, key: &SessionKey) -> bool {
        let mut book = self.book();
        if book.owed.len() < OWED {
            book.owed.insert(key.clone());
        }
        !std::mem::replace(&mut book.paying, true)
    }

    /// What is owed: it stays so until it is [paid](Ledger::paid).
    pub(super) fn owed(&self) -> Vec<SessionKey> {
        self.book().owed.iter().cloned().collect()
    }

    /// Those entries are deleted, or the same as their rows.
    pub(super) fn paid(&self, keys: &[SessionKey]) {
        let mut book = self.book();
        for key in keys {
            book.owed.remove(key);
        }
    }

    /// Whoever paid is at an end: says whether nothing is owed any more. If something is, and they go all the same
    /// (`for_good`), the next one who owes is asked.
    pub(super) fn rest(&self, for_good: bool) -> bool {
        let mut book = self.book();
        let done = book.owed.is_empty();
        if done || for_good {
            book.paying = false;
        }
        done
    }
}

impl Book {
    fn slot(&mut self, slot: usize) -> &mut Slot {
        if self.compared.is_empty() {
            self.compared.resize(SLOTS, Slot::default());
        }
        &mut self.compared[slot]
    }
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_of(&self, key: &SessionKey) -> (u64, usize) {
        let hash = self.hasher.hash_one(key);
        (hash, usize::try_from(hash % SLOTS as u64).unwrap_or_default())
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn content(text: &'static str) -> Version {
        Version(Bytes::from_static(text.as_bytes()))
    }

    fn compare_at(ledger: &Ledger, key: &SessionKey, text: &'static str, now: Instant) {
        ledger.trust_at(ledger.compare(key), &content(text), now);
    }

    #[test]
    fn trust_lasts_while_in_touch_but_not_for_long() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        let (one, other) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
        let trusts = |key: &SessionKey, millis: u64| {
            let now = start + Duration::from_millis(millis);
            ledger.answered_at(now);
            ledger.trusts_at(key, &content("a"), now)
        };
        assert_eq!(trusts(&one, 0), Trust::Lost, "an entry from before this process");
        compare_at(&ledger, &one, "a", start);
        for tenths in 1..30 {
            assert_eq!(trusts(&one, 100 * tenths), Trust::Kept);
        }
        assert_eq!(trusts(&other, 3_000), Trust::Lost);
        for tenths in 30..50 {
            trusts(&other, 100 * tenths);
        }
        assert_eq!(trusts(&one, 5_001), Trust::Lost, "it is time to look again");
        compare_at(&ledger, &one, "a", start + Duration::from_millis(5_001));
        assert_eq!(trusts(&one, 5_500), Trust::Kept);
        assert_eq!(trusts(&one, 6_600), Trust::Lost, "an outage may have gone by unseen");
    }

    #[test]
    fn what_was_not_compared_is_not_trusted() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        let key = SessionKey::generate().unwrap();
        ledger.answered_at(now);
        compare_at(&ledger, &key, "a", now);
        assert_eq!(ledger.trusts_at(&key, &content("a"), now), Trust::Kept);
        assert_eq!(ledger.trusts_at(&key, &content("b"), now), Trust::Lost);
    }

    #[test]
    fn a_change_ends_trust_and_the_comparisons_under_way() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        let key = SessionKey::generate().unwrap();
        ledger.answered_at(now);
        let under_way = ledger.compare(&key);
        compare_at(&ledger, &key, "a", now);
        ledger.distrust(&key);
        assert_eq!(ledger.trusts_at(&key, &content("a"), now), Trust::Lost);
        ledger.trust_at(under_way, &content("a"), now);
        assert_eq!(ledger.trusts_at(&key, &content("a"), now), Trust::Lost, "it compared an older row");
        compare_at(&ledger, &key, "a", now);
        assert_eq!(ledger.trusts_at(&key, &content("a"), now), Trust::Kept);
    }

    #[test]
    fn a_failure_ends_trust_and_begins_a_rest() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        let key = SessionKey::generate().unwrap();
        ledger.answered_at(start);
        compare_at(&ledger, &key, "a", start);
        ledger.failed_at(start);
        assert!(ledger.is_resting_at(start + REST / 2));
        assert!(!ledger.is_resting_at(start + REST));
        ledger.answered_at(start + REST / 2);
        assert!(!ledger.is_resting_at(start + REST / 2));
        assert_eq!(ledger.trusts_at(&key, &content("a"), start + REST / 2), Trust::Lost);
    }

    #[test]
    fn what_is_owed_is_bounded_and_owed_until_it_is_paid() {
        let ledger = Ledger::default();
        let key = SessionKey::generate().unwrap();
        assert!(ledger.owe(&key), "somebody has to begin");
        for _ in 0..OWED + 10 {
            assert!(!ledger.owe(&SessionKey::generate().unwrap()), "and has begun");
        }
        let owed = ledger.owed();
        assert_eq!(owed.len(), OWED);
        assert_eq!(ledger.owed().len(), OWED, "looking at it pays nothing");
        assert!(!ledger.rest(false));
        ledger.paid(&owed);
        assert!(ledger.owed().is_empty() && ledger.rest(false));
        assert!(ledger.owe(&key), "the next one begins again");
        assert!(!ledger.rest(true));
        assert!(ledger.owe(&key), "whoever went leaves it to the next one");
    }
}
