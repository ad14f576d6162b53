//! What is known of a panic beside its words: where it happened, and how it came there.
//!
//! A panic that is caught has a message and nothing else. Its place is told to the panic hook alone, so a hook keeps it for
//! whoever catches the panic on the same thread.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

use super::place::{Origin, Place};
use super::{Error, Internal, wants_backtraces};
use crate::error;

thread_local! {
    /// The last panic of the thread that nobody asked about yet.
    static LAST: RefCell<Option<Note>> = const { RefCell::new(None) };
}

struct Note {
    words: Box<str>,
    origin: Option<Origin>,
    backtrace: Option<Box<Backtrace>>,
}

/// From now on panics leave their place, and the calls that led there where errors do. The hook that is there already is called
/// after ours; one that is set later, and does not call ours, takes the places away and nothing else.
pub(crate) fn keep_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            earlier(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let note = Note {
        words: words(info.payload()).into(),
        origin: info.location().map(|location| Place::from(location).into()),
        backtrace: wants_backtraces().then(|| Box::new(Backtrace::force_capture())),
    };
    // A thread that is ending has none, and nobody to ask for it.
    let _ = LAST.try_with(|last| last.replace(Some(note)));
}

/// What a future gives, or what it panicked with. It stays where it is pinned: most of what an adapter of `catch_unwind` costs is
/// that the future is moved into it.
pub(crate) fn caught<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Result<F::Output, Payload>> {
    poll_fn(move |cx| match panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(payload)),
    })
}

/// The same, where a panic is an error like any other, in which `who` says what panicked.
pub(crate) fn guarded<'a, T>(
    who: &'a str,
    mut future: Pin<&'a mut impl Future<Output = error::Result<T>>>,
) -> impl Future<Output = error::Result<T>> {
    poll_fn(move |cx| {
        let polled = panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Err(panicked(who, &*payload))))
    })
}

/// What a thing panicked with.
pub(crate) type Payload = Box<dyn Any + Send>;

/// What a panic says.
pub(crate) fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// The error that a panic is, which was caught on this thread. `who` is what panicked.
pub(crate) fn panicked(who: &str, payload: &(dyn Any + Send)) -> Error {
    let words = words(payload);
    // The last panic may be another one: this one may have been caught and passed on, or come from another thread.
    let note = LAST.try_with(RefCell::take).ok().flatten().filter(|note| *note.words == *words);
    let reason = format!("{who} panicked: {words}");
    match note {
        Some(Note { origin: Some(origin), backtrace, .. }) => {
            Error::Internal(Internal { error: reason.into(), type_name: None, origin, backtrace })
        }
        _ => Error::internal(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::with_backtraces;

    fn told_by(panics: fn()) -> Internal {
        let payload = panic::catch_unwind(panics).unwrap_err();
        let Error::Internal(inner) = panicked("a test", &*payload) else { panic!("it is unforeseen") };
        inner
    }

    #[tokio::test]
    async fn a_panic_tells_its_place() {
        keep_places();
        with_backtraces(async { told() }).await;
        let inner = told_by(|| panic!("elsewhere"));
        assert!(inner.backtrace().is_none() || std::env::var_os("RUST_BACKTRACE").is_some());
    }

    fn told() {
        let inner = told_by(|| panic!("the {} broke", "axle"));
        assert_eq!((inner.location().file(), inner.location().line()), (file!(), line!() - 1));
        assert_eq!(inner.to_string(), "a test panicked: the axle broke");
        assert!(inner.backtrace().is_some());
        assert_eq!(inner.location().to_string(), format!("{}:{}", file!(), line!() - 4));
        // One that was passed on by hand has no place: it must not be given that of another.
        let _ = panic::catch_unwind(|| panic!("another"));
        let inner = told_by(|| panic::resume_unwind(Box::new("passed on")));
        assert_eq!(inner.to_string(), "a test panicked: passed on");
        assert!(inner.location().line() < line!() - 20, "{}", inner.location());
    }
}
