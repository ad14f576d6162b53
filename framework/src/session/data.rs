//! A session's dict, which knows what changed.
//!
//! Every change goes through a method of [`SessionData`], whose dict is private: so none can forget the `modified` flag,
//! and none can be missing from the delta that [`SessionData::rebase`] puts on top of what another request stored meanwhile.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::serialize::value::{Dict, Key, Value};
use crate::session::error::SessionError;

/// A change that depends on the value that is stored: run again on what another request stored meanwhile.
pub type Modify = Arc<dyn Fn(Option<&Value>) -> Result<Value, SessionError> + Send + Sync>;

/// The dict, and what was done to it since it was loaded.
#[derive(Debug, Clone, Default)]
pub struct SessionData {
    dict: Dict,
    modified: bool,
    delta: Delta,
}

/// Which keys this request set or removed. The values are the dict's own.
#[derive(Clone, Default)]
struct Delta {
    /// Grows with every change, so that [`SessionData::settle`] can tell those before a save from those during it.
    clock: u64,
    cleared: Option<u64>,
    /// In the order of the first change, with the time of the last one.
    touched: IndexMap<Key, u64>,
    /// Of a counter there is one.
    modifies: SmallVec<[(Key, u64, Modify); 1]>,
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delta")
            .field("cleared", &self.cleared.is_some())
            .field("touched", &self.touched.keys().collect::<Vec<_>>())
            .field("modifies", &self.modifies.len())
            .finish_non_exhaustive()
    }
}

impl Delta {
    const fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn is_empty(&self) -> bool {
        self.cleared.is_none() && self.touched.is_empty() && self.modifies.is_empty()
    }

    fn touch(&mut self, key: &Key) {
        let now = self.tick();
        self.modifies.retain(|(modified, ..)| modified != key);
        self.touched.insert(key.clone(), now);
    }
}

/// A moment in a session's history of changes: what [`SessionData::settle`] forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u64);

impl SessionData {
    /// What a store gave back.
    #[must_use]
    pub fn loaded(dict: Dict) -> Self {
        Self { dict, ..Self::default() }
    }

    /// The dict, to read.
    #[must_use]
    pub const fn dict(&self) -> &Dict {
        &self.dict
    }

    /// Whether a method changed the dict. Setting an equal value counts, as in Django.
    #[must_use]
    pub const fn modified(&self) -> bool {
        self.modified
    }

    /// Says that the dict was changed, or was not: the flag alone.
    pub const fn set_modified(&mut self, modified: bool) {
        self.modified = modified;
    }

    /// Whether nothing waits to be saved: no change since the last [`SessionData::settle`].
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.delta.is_empty()
    }

    /// Whether something waits to be saved that depends on what is stored: saved twice, it would count twice.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.delta.modifies.is_empty()
    }

    /// `session[key] = value`
    pub fn insert(&mut self, key: Key, value: Value) {
        self.modified = true;
        self.delta.touch(&key);
        self.dict.insert(key, value);
    }

    /// `del session[key]`: the value that was there. Nothing is modified when there was none.
    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        let old = self.dict.remove_key(key)?;
        self.modified = true;
        self.delta.touch(key);
        Some(old)
    }

    /// `session.update(items)`: modified even when there are none.
    pub fn extend(&mut self, items: impl IntoIterator<Item = (Key, Value)>) {
        self.modified = true;
        for (key, value) in items {
            self.insert(key, value);
        }
    }

    /// `session.clear()`
    pub fn clear(&mut self) {
        let now = self.delta.tick();
        self.modified = true;
        self.delta = Delta { clock: now, cleared: Some(now), ..Delta::default() };
        self.dict = Dict::new();
    }

    /// Computes a key's value from the one that is there; [`SessionData::rebase`] computes it again.
    ///
    /// # Errors
    /// Those of the closure; the dict is then as it was.
    pub fn modify(&mut self, key: Key, modify: Modify) -> Result<(), SessionError> {
        let value = modify(self.dict.get_key(&key))?;
        let absolute = self.delta.cleared.is_some() || self.delta.touched.contains_key(&key);
        if absolute {
            self.delta.touch(&key);
        } else {
            let now = self.delta.tick();
            self.delta.modifies.push((key.clone(), now, modify));
        }
        self.modified = true;
        self.dict.insert(key, value);
        Ok(())
    }

    /// Now, for [`SessionData::settle`].
    #[must_use]
    pub const fn moment(&self) -> Moment {
        Moment(self.delta.clock)
    }

    /// This request's changes on top of what is stored now.
    ///
    /// # Errors
    /// When a [`SessionData::modify`] cannot work on what another request stored.
    pub fn rebase(&self, stored: Dict) -> Result<Dict, SessionError> {
        let mut dict = if self.delta.cleared.is_some() { Dict::new() } else { stored };
        for key in self.delta.touched.keys() {
            match self.dict.get_key(key) {
                Some(value) => {
                    dict.insert(key.clone(), value.clone());
                }
                None => {
                    dict.remove_key(key);
                }
            }
        }
        for (key, _, modify) in &self.delta.modifies {
            let value = modify(dict.get_key(key))?;
            dict.insert(key.clone(), value);
        }
        Ok(dict)
    }

    /// `stored` is in the store, and holds every change up to `moment`: those are done, later ones still wait.
    ///
    /// # Errors
    /// As [`SessionData::rebase`], which later changes go through.
    pub fn settle(&mut self, moment: Moment, stored: Dict) -> Result<(), SessionError> {
        let Moment(then) = moment;
        let delta = &mut self.delta;
        delta.cleared = delta.cleared.filter(|at| *at > then);
        delta.touched.retain(|_, at| *at > then);
        delta.modifies.retain(|(_, at, _)| *at > then);
        self.dict = if delta.is_empty() { stored } else { self.rebase(stored)? };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dict(items: &[(&str, i64)]) -> Dict {
        items.iter().map(|(key, value)| (Key::from(*key), Value::Int(*value))).collect()
    }

    fn add(n: i64) -> Modify {
        Arc::new(move |old| Ok(Value::Int(old.and_then(Value::as_i64).unwrap_or(0) + n)))
    }

    /// Loads `loaded`, changes it, and holds the rebase on `stored` against what is expected.
    #[track_caller]
    fn check(
        loaded: &[(&str, i64)],
        change: impl FnOnce(&mut SessionData),
        stored: &[(&str, i64)],
        expected: &[(&str, i64)],
    ) {
        let mut data = SessionData::loaded(dict(loaded));
        change(&mut data);
        let rebased = data.rebase(dict(stored)).unwrap();
        let (rebased, expected): (Vec<_>, Vec<_>) =
            (rebased.iter().collect(), dict(expected).into_iter().collect());
        assert_eq!(rebased, expected.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>());
    }

    #[test]
    fn keys_of_others_survive() {
        let set = |data: &mut SessionData| data.insert("mine".into(), Value::Int(1));
        check(&[], set, &[("theirs", 2)], &[("theirs", 2), ("mine", 1)]);
        check(&[("mine", 0)], set, &[("mine", 7), ("theirs", 2)], &[("mine", 1), ("theirs", 2)]);
    }

    #[test]
    fn a_removal_is_a_change() {
        let remove = |data: &mut SessionData| drop(data.remove(&"a".into()));
        check(&[("a", 1), ("b", 1)], remove, &[("a", 9), ("b", 2), ("c", 3)], &[("b", 2), ("c", 3)]);
        check(&[("a", 1)], remove, &[("c", 3)], &[("c", 3)]);
        check(&[], remove, &[("a", 3)], &[("a", 3)]);
    }

    #[test]
    fn clear_takes_everything_with_it() {
        let clear = |data: &mut SessionData| {
            data.insert("before".into(), Value::Int(1));
            data.clear();
            data.insert("after".into(), Value::Int(2));
        };
        check(&[("a", 1)], clear, &[("a", 1), ("theirs", 2)], &[("after", 2)]);
    }

    #[test]
    fn a_modify_runs_again() {
        let count = |data: &mut SessionData| data.modify("n".into(), add(1)).unwrap();
        check(&[("n", 1)], count, &[("n", 41)], &[("n", 42)]);
        check(&[], count, &[], &[("n", 1)]);
    }

    #[test]
    fn a_modify_of_a_key_set_here_is_absolute() {
        let change = |data: &mut SessionData| {
            data.insert("n".into(), Value::Int(10));
            data.modify("n".into(), add(1)).unwrap();
        };
        check(&[("n", 1)], change, &[("n", 41)], &[("n", 11)]);
        let after_clear = |data: &mut SessionData| {
            data.clear();
            data.modify("n".into(), add(1)).unwrap();
        };
        check(&[("n", 1)], after_clear, &[("n", 41)], &[("n", 1)]);
    }

    #[test]
    fn a_set_after_a_modify_wins() {
        let change = |data: &mut SessionData| {
            data.modify("n".into(), add(1)).unwrap();
            data.insert("n".into(), Value::Int(5));
        };
        check(&[("n", 1)], change, &[("n", 41)], &[("n", 5)]);
    }

    #[test]
    fn what_was_saved_is_not_applied_again() {
        let mut data = SessionData::loaded(dict(&[("n", 1)]));
        data.modify("n".into(), add(1)).unwrap();
        let moment = data.moment();
        data.insert("late".into(), Value::Int(1));
        data.settle(moment, dict(&[("n", 42)])).unwrap();
        assert!(data.modified(), "Django does not reset the flag at a save");
        assert!(!data.is_settled());
        assert_eq!(*data.dict(), dict(&[("n", 42), ("late", 1)]));
        assert_eq!(data.rebase(dict(&[("n", 43)])).unwrap(), dict(&[("n", 43), ("late", 1)]));
        data.settle(data.moment(), dict(&[("n", 43), ("late", 1)])).unwrap();
        assert!(data.is_settled());
    }

    #[test]
    fn modified_as_django_says() {
        let mut data = SessionData::loaded(dict(&[("a", 1)]));
        assert_eq!(data.remove(&"b".into()), None);
        assert!(!data.modified());
        data.extend([]);
        assert!(data.modified());
        data.set_modified(false);
        data.insert("a".into(), Value::Int(1));
        assert!(data.modified());
    }
}
