//! Tells of statements that no driver tells of: those that the process has done for many requests at once. Whoever wants to
//! know what a request asked of a database hears of them as of others, under `DEBUG` of the log.

/// The target of these events.
pub(crate) const TARGET: &str = "nuages::query";

/// Tells that the present task has this done; nothing is made of it unless somebody listens.
pub(crate) fn tell(summary: &'static str) {
    tracing::debug!(target: TARGET, summary);
}
