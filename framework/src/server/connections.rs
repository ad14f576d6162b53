//! The open connections: how the server tells all of them to end, and learns that they have.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

/// What is asked of the connections; it only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Go on.
    Serve,
    /// Finish what is in flight, take no further request.
    Drain,
    /// End now.
    End,
}

/// One for a server. A connection looks at the order with one atomic load per poll, and only a change of it costs more: then
/// every connection is woken by the waker that it left here. (A channel would be locked by each poll of each connection.)
#[derive(Debug)]
pub(super) struct Connections {
    order: AtomicU8,
    next_id: AtomicU64,
    /// The lock is std's: nothing is awaited while it is held.
    wakers: Mutex<HashMap<u64, Option<Waker>>>,
    gone: Notify,
    /// Those that hold what parses and writes HTTP.
    awake: AtomicUsize,
}

/// More that are awake are a crowd. That many hold 13 MB of buffers.
const CROWD: usize = 512;

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            order: AtomicU8::new(Order::Serve as u8),
            next_id: AtomicU64::new(0),
            wakers: Mutex::default(),
            gone: Notify::new(),
            awake: AtomicUsize::new(0),
        }
    }

    pub(super) fn register(self: &Arc<Self>) -> Registration {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, None);
        Registration { all: Arc::clone(self), id, waker: None }
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::SeqCst) {
            0 => Order::Serve,
            1 => Order::Drain,
            _ => Order::End,
        }
    }

    /// Raises the order and wakes every connection to see it.
    pub(super) fn command(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::SeqCst);
        let wakers: Vec<Waker> = self.lock().values().flatten().cloned().collect();
        for waker in wakers {
            waker.wake();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Returns when no connection is open.
    pub(super) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Option<Waker>>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among the others; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Registration {
    all: Arc<Connections>,
    id: u64,
    waker: Option<Waker>,
}

impl Registration {
    /// Leaves the waker, then reads the order: in this order, or a command in between would wake nobody.
    pub(super) fn order(&mut self, waker: &Waker) -> Order {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.all.lock().insert(self.id, Some(waker.clone()));
            self.waker = Some(waker.clone());
        }
        self.all.order()
    }

    /// Says that this one is awake, until what this gives is dropped.
    pub(super) fn awake(&self) -> Awake {
        self.all.awake.fetch_add(1, Ordering::Relaxed);
        Awake(Arc::clone(&self.all))
    }

    /// Whether so many are awake that it is time to rest.
    pub(super) fn is_crowded(&self) -> bool {
        self.all.awake.load(Ordering::Relaxed) > CROWD
    }
}

/// A connection that is awake.
#[derive(Debug)]
pub(super) struct Awake(Arc<Connections>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.awake.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let empty = {
            let mut wakers = self.all.lock();
            wakers.remove(&self.id);
            wakers.is_empty()
        };
        if empty {
            // `notify_waiters` would be lost on a waiter that has not been polled yet; a stored permit is not, and the waiter
            // looks at the count again.
            self.all.gone.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::{CROWD, Connections, Order};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn many_that_are_awake_are_a_crowd() {
        let all = Arc::new(Connections::new());
        let one = all.register();
        let mut awake: Vec<_> = (0..CROWD).map(|_| one.awake()).collect();
        assert!(!one.is_crowded());
        awake.push(one.awake());
        assert!(one.is_crowded());
        awake.clear();
        assert!(!one.is_crowded());
    }

    #[test]
    fn a_command_wakes_every_connection_and_never_falls_back() {
        let all = Arc::new(Connections::new());
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let (mut a, mut b) = (all.register(), all.register());
        assert_eq!((a.order(&waker), b.order(&waker)), (Order::Serve, Order::Serve));
        all.command(Order::End);
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        all.command(Order::Drain);
        assert_eq!(a.order(&waker), Order::End);
        drop(a);
        assert_eq!(all.count(), 1);
    }

    #[tokio::test]
    async fn all_gone_waits_for_the_last() {
        let all = Arc::new(Connections::new());
        all.all_gone().await;
        let registration = all.register();
        let waiting = tokio::spawn({
            let all = Arc::clone(&all);
            async move { all.all_gone().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(registration);
        waiting.await.unwrap();
    }
}
