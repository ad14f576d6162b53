//! The views of the route table.

/// The views, each at the index of its route.
#[derive(Default)]
pub struct Views {}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}
