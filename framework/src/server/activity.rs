//! What one connection is doing, as its supervisor must know it: flags that a request touches without a lock or a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// Shared by a connection's socket, its requests and its supervisor.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests whose response is not yet handed over to the last byte.
    in_flight: AtomicUsize,
    /// Requests begun and ended since the connection's start, wrapping: a change tells the supervisor to look at the clock.
    served: AtomicU32,
    /// Bytes came while no request was in flight: a head has begun.
    head_begun: AtomicBool,
    /// HTTP/2: frames other than heads come between requests, so bytes tell nothing.
    multiplexed: AtomicBool,
    /// A response left while its request's body was not read to the end.
    body_left: AtomicBool,
    /// HTTP/2: responses of which a piece was handed over, or none yet, and the next one was not asked for: the client's turn.
    untaken: AtomicUsize,
    /// HTTP/2: how often a piece of a response was asked for, wrapping: a change tells the supervisor that the client takes.
    asked: AtomicU32,
    /// Bytes of a response wait for the client to take them.
    unsent: AtomicBool,
    /// The connection is being closed.
    ending: AtomicBool,
}

impl Activity {
    /// A head is complete.
    pub(super) fn begin(self: &Arc<Self>, multiplexed: bool) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if multiplexed {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        self.head_begun.store(false, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(super) fn bytes_came(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 && !self.multiplexed.load(Ordering::Relaxed) {
            self.head_begun.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn leave_body(&self) {
        self.body_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn body_was_left(&self) -> bool {
        self.body_left.load(Ordering::Relaxed)
    }

    pub(super) fn set_unsent(&self, unsent: bool) {
        self.unsent.store(unsent, Ordering::Relaxed);
    }

    /// Whether bytes wait for the client to take them: a response whose end is handed over may be one.
    pub(super) fn is_unsent(&self) -> bool {
        self.unsent.load(Ordering::Relaxed)
    }

    /// A piece of a response was asked for.
    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether it is the client's turn with one response more, or one less.
    pub(super) fn set_untaken(&self, untaken: bool) {
        if untaken {
            self.untaken.fetch_add(1, Ordering::Relaxed);
        } else {
            self.untaken.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn has_untaken(&self) -> bool {
        self.untaken.load(Ordering::Relaxed) > 0
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Nothing is under way in either direction, and a next request may come.
    pub(super) fn is_at_rest(&self) -> bool {
        let off = |flag: &AtomicBool| !flag.load(Ordering::Relaxed);
        !self.is_busy()
            && [&self.head_begun, &self.body_left, &self.unsent, &self.ending].into_iter().all(off)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    pub(super) fn head_has_begun(&self) -> bool {
        self.head_begun.load(Ordering::Relaxed)
    }

    pub(super) fn served(&self) -> u32 {
        self.served.load(Ordering::Acquire)
    }
}

/// A request on its way: from the end of its head to the end of its response's body, or to its cancellation.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(super) const fn activity(&self) -> &Arc<Activity> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.served.fetch_add(1, Ordering::Release);
        self.0.in_flight.fetch_sub(1, Ordering::Release);
    }
}
