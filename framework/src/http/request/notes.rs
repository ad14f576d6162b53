//! What outlives a request: notes that a layer of the onion shares with the view.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use smallvec::SmallVec;

type Note = Arc<dyn Any + Send + Sync>;

/// What layers and the view tell each other about one request.
///
/// A view takes its request by value, so a layer that holds a clone of these is all that is left of the request when the
/// response comes back: whether a CSRF token was asked for, which messages were added, … There is at most one note of each
/// type. Making them costs one allocation, when something first asks for
/// [`HttpRequest::notes`](crate::http::request::HttpRequest::notes).
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use nuages::prelude::*;
///
/// /// How many queries the view made.
/// #[derive(Default)]
/// struct Queries(AtomicU32);
///
/// struct CountQueries;
///
/// #[async_trait]
/// impl Middleware for CountQueries {
///     async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
///         let queries = request.notes().get_or_insert_with(Queries::default);
///         let response = next.run(request).await;
///         Ok(response.with_header("X-Queries", &queries.0.load(Ordering::Relaxed).to_string())?)
///     }
/// }
///
/// async fn view(request: HttpRequest) -> Result<HttpResponse> {
///     if let Some(queries) = request.notes().get::<Queries>() {
///         queries.0.fetch_add(1, Ordering::Relaxed);
///     }
///     Ok(HttpResponse::new(""))
/// }
/// # let _ = view;
/// ```
///
/// A note that wants to reach the others holds no clone of these, or the request's notes would keep each other alive for ever.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<SmallVec<[Note; 2]>>>);

/// The way from a note to the others of its request, as long as there are any.
pub(crate) struct WeakNotes(Weak<Mutex<SmallVec<[Note; 2]>>>);

impl WeakNotes {
    pub(crate) fn upgrade(&self) -> Option<Notes> {
        self.0.upgrade().map(Notes)
    }
}

impl Notes {
    /// The note of that type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.lock().iter().find_map(|note| Arc::clone(note).downcast().ok())
    }

    /// The note of that type; if there is none, `make` makes it. It must not ask for notes itself.
    pub fn get_or_insert_with<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut notes = self.lock();
        if let Some(found) = notes.iter().find_map(|note| Arc::clone(note).downcast().ok()) {
            return found;
        }
        let made = Arc::new(make());
        notes.push(Arc::clone(&made) as Note);
        made
    }

    pub(crate) fn downgrade(&self) -> WeakNotes {
        WeakNotes(Arc::downgrade(&self.0))
    }

    /// A note is in the list or it is not: a panic while the lock is held leaves it whole.
    fn lock(&self) -> MutexGuard<'_, SmallVec<[Note; 2]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} notes", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_type_shared_by_clones() {
        let notes = Notes::default();
        let clone = notes.clone();
        assert_eq!(notes.get::<u8>(), None);
        assert_eq!(*notes.get_or_insert_with(|| 1_u8), 1);
        assert_eq!(*clone.get_or_insert_with(|| 2_u8), 1);
        assert_eq!(*clone.get_or_insert_with(|| "text"), "text");
        assert_eq!(notes.get::<&str>().as_deref(), Some(&"text"));
        assert_eq!(format!("{notes:?}"), "2 notes");
    }
}
