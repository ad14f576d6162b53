//! Shares of what a whole site has that are counted near whoever holds them.
//!
//! Every request holds the site. Counted in one place, that place goes from core to core with each request, which takes as long as
//! hundreds of instructions; counted by the connection, it stays where the connection is served.

use std::ops::Deref;
use std::sync::Arc;

/// A share in an [`Arc`] whose clones are counted by themselves: they count as one among all others.
#[derive(Debug)]
#[expect(clippy::redundant_allocation, reason = "the outer one is what is counted near")]
pub(crate) struct Near<T>(Arc<Arc<T>>);

impl<T> Near<T> {
    /// A share to clone.
    pub(crate) fn new(shared: Arc<T>) -> Self {
        Self(Arc::new(shared))
    }
}

impl<T> Clone for Near<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Near<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_as_one() {
        let shared = Arc::new("the site");
        let near = Near::new(Arc::clone(&shared));
        let clones = vec![near.clone(); 9];
        assert!(clones.iter().all(|clone| Arc::ptr_eq(clone, &shared)));
        assert_eq!(Arc::strong_count(&shared), 2);
        drop((near, clones));
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
