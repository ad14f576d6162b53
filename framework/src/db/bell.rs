//! Tasks woken from a thread that is not the runtime's, at the cost of one wake-up.
//!
//! When such a thread wakes a task, tokio rouses a sleeping worker, and that one, on its way to the task, rouses another to look
//! for more: with one request at a time the second finds nothing, every time. An event that the runtime's I/O driver waits
//! for rouses the one worker that waits there, which runs the task itself. So the thread leaves the wakers here and rings.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Wakes tasks through the I/O driver of one runtime, as long as that is there to hear it; then directly.
#[derive(Debug)]
pub(crate) struct Bell {
    state: Mutex<State>,
    event: event::Ringer,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they were left.
    waiting: Vec<Waker>,
    /// It rang, and nobody has come yet.
    rung: bool,
    /// Nobody comes any more: the runtime has ended.
    deaf: bool,
}

impl Bell {
    /// A bell in the runtime that this is called on; `None` if that has no workers to spare (a runtime of one thread rouses
    /// nobody else), or if the system has no such events.
    pub(crate) fn hang() -> Option<Arc<Self>> {
        if Handle::try_current().ok()?.runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        // Without one, tasks are woken as they always are.
        let (event, heard) = event::new().ok()?;
        let bell = Arc::new(Self { state: Mutex::default(), event });
        tokio::spawn(attend(Attendant(Arc::downgrade(&bell)), heard));
        Some(bell)
    }

    /// Polls a future whose waker may be woken from any thread: it rings then.
    pub(crate) fn poll<F: Future + Unpin>(
        self: &Arc<Self>,
        future: &mut F,
        context: &Context<'_>,
    ) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(Rope { bell: Arc::clone(self), waker: context.waker().clone() }));
        std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker))
    }

    /// Whether nobody hears it any more.
    pub(crate) fn is_deaf(&self) -> bool {
        self.state().deaf
    }

    /// Whether it rang, and nobody has come yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.state().rung
    }

    /// Wakes whoever waits, from here: nobody may come if code blocks all workers of the runtime.
    pub(crate) fn wake_all(&self) {
        let waiting = {
            let mut state = self.state();
            state.rung = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn ring(&self, waker: &Waker) {
        let heard = {
            let mut state = self.state();
            if state.deaf {
                false
            } else {
                state.waiting.push(waker.clone());
                std::mem::replace(&mut state.rung, true) || self.event.ring()
            }
        };
        if !heard {
            self.wake_all();
            waker.wake_by_ref();
        }
    }

    /// Nothing panics while it is held, and what is behind it is whole at any time.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bell {
    /// Ends the attendant.
    fn drop(&mut self) {
        self.event.ring();
    }
}

/// A waker that rings instead.
struct Rope {
    bell: Arc<Bell>,
    waker: Waker,
}

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bell.ring(&self.waker);
    }
}

/// Wakes those who wait when the bell rings, and all of them when its runtime ends.
struct Attendant(Weak<Bell>);

impl Drop for Attendant {
    fn drop(&mut self) {
        if let Some(bell) = self.0.upgrade() {
            bell.state().deaf = true;
            bell.wake_all();
        }
    }
}

async fn attend(attendant: Attendant, heard: event::Heard) {
    while heard.next().await.is_ok() {
        let Some(bell) = attendant.0.upgrade() else { break };
        bell.wake_all();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    async fn waits(bell: &Arc<Bell>, mut answered: oneshot::Receiver<u32>) -> u32 {
        std::future::poll_fn(|context| bell.poll(&mut answered, context)).await.unwrap()
    }

    #[test]
    fn whoever_waits_is_woken() {
        let runtime = runtime();
        let (asked, ask) = mpsc::channel::<(u32, oneshot::Sender<u32>)>();
        let answering = thread::spawn(move || {
            for (number, answer) in ask {
                answer.send(number).unwrap();
            }
        });
        runtime.block_on(async move {
            let bell = Bell::hang().expect("a bell");
            for number in 0..1_000 {
                let (answer, answered) = oneshot::channel();
                asked.send((number, answer)).unwrap();
                let waiting = tokio::time::timeout(Duration::from_secs(20), waits(&bell, answered));
                assert_eq!(waiting.await, Ok(number));
            }
        });
        answering.join().unwrap();
    }

    #[test]
    fn a_runtime_that_ended_leaves_nobody_waiting() {
        let (first, second) = (runtime(), runtime());
        let bell = first.block_on(async { Bell::hang() }).expect("a bell");
        assert!(!bell.is_deaf());
        let (answer, answered) = oneshot::channel();
        let waiting = {
            let bell = Arc::clone(&bell);
            second.spawn(async move { waits(&bell, answered).await })
        };
        drop(first);
        assert!(bell.is_deaf());
        answer.send(1).unwrap();
        let woken = second.block_on(async { tokio::time::timeout(Duration::from_secs(20), waiting).await });
        assert_eq!(woken.expect("in time").unwrap(), 1);
    }

    #[test]
    fn it_ends_with_its_owner() {
        let runtime = runtime();
        let bell = runtime.block_on(async { Bell::hang() }).expect("a bell");
        let alive = || runtime.metrics().num_alive_tasks();
        assert_eq!(alive(), 1);
        drop(bell);
        for _ in 0..2_000 {
            if alive() == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the attendant is still there");
    }

    #[test]
    fn a_runtime_of_one_thread_has_none() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        assert!(runtime.block_on(async { Bell::hang() }).is_none());
        assert!(Bell::hang().is_none());
    }
}

#[cfg(target_os = "linux")]
mod event {
    //! `eventfd(2)`: a write is an event for whoever waits for its edge, whether or not it was ever read. It counts to 2^64.

    use std::io;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use rustix::event::{EventfdFlags, eventfd};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Ringer(Arc<OwnedFd>);

    pub(super) struct Heard(AsyncFd<Arc<OwnedFd>>);

    pub(super) fn new() -> io::Result<(Ringer, Heard)> {
        let event = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        // Deprecated for descriptors that are closed while they are registered; its successor is unsafe, and this one is owned.
        #[allow(deprecated)]
        let heard = AsyncFd::with_interest(Arc::clone(&event), Interest::READABLE)?;
        Ok((Ringer(event), Heard(heard)))
    }

    impl Ringer {
        /// Whether it rang.
        pub(super) fn ring(&self) -> bool {
            rustix::io::write(&*self.0, &1_u64.to_ne_bytes()).is_ok()
        }
    }

    impl Heard {
        /// Waits until it has rung since the last time.
        pub(super) async fn next(&self) -> io::Result<()> {
            self.0.readable().await?.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod event {
    //! There is none.

    use std::{future, io};

    #[derive(Debug)]
    pub(super) struct Ringer;

    pub(super) struct Heard;

    pub(super) fn new() -> io::Result<(Ringer, Heard)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    impl Ringer {
        pub(super) fn ring(&self) -> bool {
            false
        }
    }

    impl Heard {
        pub(super) async fn next(&self) -> io::Result<()> {
            future::pending().await
        }
    }
}
