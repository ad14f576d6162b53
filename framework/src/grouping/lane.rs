//! The way of a request that comes alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A request that comes alone goes by itself, and does not pay for the others' way; who comes while others are on theirs joins
/// them, since a statement for one costs a server as much as one for many.
#[derive(Debug, Default)]
pub struct Lane {
    taken: AtomicBool,
    grouped: AtomicUsize,
}

impl Lane {
    /// The lane until what this gives is dropped, or nothing if somebody has it or is in the group.
    #[must_use]
    pub fn take(&self) -> Option<Taken<'_>> {
        let free = self.grouped.load(Ordering::Acquire) == 0 && !self.taken.swap(true, Ordering::AcqRel);
        // Not `then_some`: a `Taken` that is made and dropped would give up the lane of whoever has it.
        free.then(|| Taken(self))
    }

    /// A place in the group until what this gives is dropped.
    #[must_use]
    pub fn join(&self) -> Grouped<'_> {
        self.grouped.fetch_add(1, Ordering::AcqRel);
        Grouped(self)
    }
}

/// The lane, until it is dropped.
#[derive(Debug)]
pub struct Taken<'a>(&'a Lane);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

/// A place in the group, until it is dropped.
#[derive(Debug)]
pub struct Grouped<'a>(&'a Lane);

impl Drop for Grouped<'_> {
    fn drop(&mut self) {
        self.0.grouped.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_alone_and_only_while_nobody_is_in_the_group() {
        let lane = Lane::default();
        let taken = lane.take();
        assert!(taken.is_some());
        assert!(lane.take().is_none() && lane.take().is_none(), "whoever asks in vain leaves it taken");
        drop(taken);
        let grouped = lane.join();
        assert!(lane.take().is_none());
        drop(grouped);
        assert!(lane.take().is_some());
    }
}
