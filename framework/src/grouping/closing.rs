//! An orderly end for the tasks that work for a database or a server.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Lets the tasks and threads that work for something finish what they were asked for before its connections end.
pub struct Closing {
    begun: watch::Sender<bool>,
    threads: Mutex<Vec<Tell>>,
}

/// Tells a thread that it is to end.
type Tell = Box<dyn Fn() + Send + Sync>;

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").field("begun", &*self.begun.borrow()).finish_non_exhaustive()
    }
}

/// A task's share in it: while one is held, [`Closing::close`] waits.
#[derive(Debug)]
pub struct OpenWork(watch::Receiver<bool>);

impl Default for Closing {
    fn default() -> Self {
        Self { begun: watch::Sender::new(false), threads: Mutex::default() }
    }
}

impl Closing {
    /// A share for a task that begins, or `None` when it is too late to begin.
    #[must_use]
    pub fn open(&self) -> Option<OpenWork> {
        let share = OpenWork(self.begun.subscribe());
        // After the subscription: whoever closes either sees the share or is seen here.
        (!self.has_begun()).then_some(share)
    }

    /// Whether it is too late to begin.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// A share for a thread, which cannot await [`OpenWork::ending`]: `tell` is called instead, perhaps more than once.
    #[must_use]
    pub fn open_with(&self, tell: Box<dyn Fn() + Send + Sync>) -> Option<OpenWork> {
        // Nothing panics while it is held.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(tell);
        self.open()
    }

    /// Tells every task and thread to come to its end, and waits until all have.
    pub async fn close(&self) {
        self.begun.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for tell in threads {
            tell();
        }
        self.begun.closed().await;
    }
}

impl OpenWork {
    /// Returns when the task is to end.
    pub async fn ending(&mut self) {
        // An error means that nobody is left who could say so.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}
