//! An orderly end for the tasks that work for a database.

use tokio::sync::watch;

/// Lets a database's tasks finish what they were asked for before its connections end.
#[derive(Debug)]
pub struct Closing(watch::Sender<bool>);

/// A task's share in it: while one is held, [`Closing::close`] waits.
#[derive(Debug)]
pub struct OpenWork(watch::Receiver<bool>);

impl Default for Closing {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Closing {
    /// A share for a task that begins, or `None` when it is too late to begin.
    #[must_use]
    pub fn open(&self) -> Option<OpenWork> {
        let share = OpenWork(self.0.subscribe());
        // After the subscription: whoever closes either sees the share or is seen here.
        (!*self.0.borrow()).then_some(share)
    }

    /// Tells every task to come to its end, and waits until all have.
    pub async fn close(&self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

impl OpenWork {
    /// Returns when the task is to end.
    pub async fn ending(&mut self) {
        // An error means that nobody is left who could say so.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}
