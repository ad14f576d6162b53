//! Which sessions this process renewed lately: for `SESSION_TOUCH_INTERVAL` on stores that do not tell when they expire.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::session::key::SessionKey;

/// How many sessions are remembered.
const SLOTS: usize = 8_192;

/// A table of one slot a session, which another session may take: then one more renewal is made than needed, never one less.
pub(crate) struct Renewals {
    hasher: RandomState,
    slots: Mutex<Vec<Option<(u64, Instant)>>>,
}

impl Default for Renewals {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: Mutex::default() }
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewals").finish_non_exhaustive()
    }
}

impl Renewals {
    pub(crate) fn note(&self, key: &SessionKey, now: Instant) {
        let (hash, slot) = self.slot_of(key);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.resize(SLOTS, None);
        slots[slot] = Some((hash, now));
    }

    pub(crate) fn within(&self, key: &SessionKey, now: Instant, time: Duration) -> bool {
        let (hash, slot) = self.slot_of(key);
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = slots.get(slot).copied().flatten().filter(|(of, _)| *of == hash);
        noted.is_some_and(|(_, at)| now.duration_since(at) < time)
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
    fn a_renewal_is_remembered_for_a_while() {
        let (renewals, now) = (Renewals::default(), Instant::now());
        let (one, other) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
        let minute = Duration::from_secs(60);
        assert!(!renewals.within(&one, now, minute));
        renewals.note(&one, now);
        assert!(renewals.within(&one, now, minute));
        assert!(renewals.within(&one, now + minute / 2, minute));
        assert!(!renewals.within(&one, now + minute, minute));
        assert!(!renewals.within(&other, now, minute));
    }

    #[test]
    fn the_table_does_not_grow() {
        let (renewals, now) = (Renewals::default(), Instant::now());
        for _ in 0..SLOTS * 2 {
            renewals.note(&SessionKey::generate().unwrap(), now);
        }
        assert_eq!(renewals.slots.lock().unwrap().len(), SLOTS);
    }
}
