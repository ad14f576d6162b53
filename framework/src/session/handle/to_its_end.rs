//! What goes on when nobody waits for it any more.
//!
//! A client that leaves has its request dropped, wherever that waits. A session that was being moved, ended or counted on is then
//! half done, and nobody can tell which half: what the view meant to happen once could be done again, or not at all.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use tokio::runtime::Handle;

use crate::session::error::SessionError;
use crate::session::handle::Session;

impl Session {
    /// Does something to its end: by the runtime, if whoever waits for it is dropped. Where no runtime is there any more, it ends
    /// where it is.
    pub(super) async fn to_its_end<F>(&self, work: impl FnOnce(Self) -> F) -> Result<(), SessionError>
    where
        F: Future<Output = Result<(), SessionError>> + Send + 'static,
    {
        Begun(Some(Box::pin(work(self.clone())))).await
    }
}

/// `None` when it is done.
struct Begun(Option<BoxFuture<'static, Result<(), SessionError>>>);

impl Future for Begun {
    type Output = Result<(), SessionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Out of its place while it is polled, so that one which panicked is not gone on with.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            match work.await {
                // Another request ended it: nothing is left to do.
                Ok(()) | Err(SessionError::Gone) => {}
                Err(error) => {
                    tracing::warn!(%error, "a session whose request was dropped could not be stored");
                }
            }
        });
    }
}
