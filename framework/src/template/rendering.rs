//! What belongs to one rendering and is not in its context.
//!
//! A component of tera sees its own arguments and not the context of the page, so what `url()` and `querystring()` know of the
//! request cannot be a variable. And what a filter fails with reaches the caller as a sentence alone. Both are kept beside the
//! thread that renders: tera renders without waiting, so one thread does all of it.

use std::cell::RefCell;

use tera::Error;

/// What the functions know of the request that a page is rendered for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The request's query, for `querystring()`.
    pub(crate) query: Option<String>,
    /// The namespace of the request's route, for `url()`.
    pub(crate) current_app: Option<String>,
}

#[derive(Debug, Default)]
struct Rendering {
    asked: Asked,
    suspicious: bool,
}

thread_local! {
    static CURRENT: RefCell<Rendering> = RefCell::default();
}

/// Puts back what was there before, on the way of a panic, too: a function of the site may render another page.
struct Restore(Option<Rendering>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            CURRENT.with(|current| current.replace(before));
        }
    }
}

/// Renders with that request at hand. The second part tells whether a filter has called its value suspicious.
pub(super) fn within<T>(asked: Asked, render: impl FnOnce() -> T) -> (T, bool) {
    let before = CURRENT.with(|current| current.replace(Rendering { asked, suspicious: false }));
    let _restore = Restore(Some(before));
    let output = render();
    (output, CURRENT.with(|current| current.borrow().suspicious))
}

/// What the functions know of the request.
pub(super) fn asked<T>(read: impl FnOnce(&Asked) -> T) -> T {
    CURRENT.with(|current| read(&current.borrow().asked))
}

/// The error for a value that no honest visitor sends: the page becomes a 400 (Django's `SuspiciousOperation`).
pub(super) fn suspicious(message: &str) -> Error {
    CURRENT.with(|current| current.borrow_mut().suspicious = true);
    Error::message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Option<String> {
        asked(|asked| asked.query.clone())
    }

    fn of(query: &str) -> Asked {
        Asked { query: Some(query.to_owned()), current_app: None }
    }

    #[test]
    fn a_rendering_within_another_leaves_it_as_it_was() {
        let (inner, outer) = within(of("outer"), || {
            let inner = within(of("inner"), || {
                drop(suspicious("what is this?"));
                query()
            });
            let panicked = std::panic::catch_unwind(|| within(of("third"), || panic!("torn")));
            assert!(panicked.is_err());
            assert_eq!(query().as_deref(), Some("outer"));
            inner
        });
        assert_eq!((inner, outer), ((Some("inner".to_owned()), true), false));
        assert_eq!(query(), None);
    }
}
