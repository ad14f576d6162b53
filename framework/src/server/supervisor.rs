//! One connection's life: drives it, watches its clock, and obeys the server's order to end.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, sleep};

use super::activity::Activity;
use super::connections::{Order, Registration};
use crate::conf::server::ServerSettings;
use crate::error::BoxError;

/// How long a connection without a request may take over its goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long after a response a connection is put to rest. What that costs when the next request comes, some allocations, is
/// nothing beside so much time; and of clients that ask once and stay, few still hold buffers.
pub(super) const RESTLESS: Duration = Duration::from_millis(100);

/// The same while a crowd is awake, as when many come at once: none of their buffers is there long enough for the next ones to need
/// buffers beside them.
const RESTLESS_IN_A_CROWD: Duration = Duration::from_millis(10);

/// Whether a connection may be put to rest when nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It can be taken apart, and put together again when bytes come.
    Possible,
    /// It has a life between requests: HTTP/2.
    Impossible,
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End<E> {
    /// It did not end: nothing is under way, and the connection may be taken apart.
    AtRest,
    /// By itself, or because the client left.
    Closed(Result<(), E>),
    /// The head of a request did not come in time.
    HeadTimeout,
    /// It was asked to end and did not.
    Cut,
}

impl<E: Into<BoxError>> End<E> {
    /// The same, whatever the protocol.
    pub(super) fn boxed(self) -> End<BoxError> {
        match self {
            Self::AtRest => End::AtRest,
            Self::Closed(end) => End::Closed(end.map_err(Into::into)),
            Self::HeadTimeout => End::HeadTimeout,
            Self::Cut => End::Cut,
        }
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its requests: the body's and the socket's own limits hold, and not this one; but over HTTP/2, the client must have taken
    /// something between two looks at the clock.
    Busy,
    /// The rest of a head.
    Head,
    /// A next request.
    Idle,
}

/// Drives the connection to its end, or until it is at rest.
///
/// One timer serves all limits and is not touched by a request: it is set once, and when it fires the limit that holds now is
/// worked out, and the timer set again if that is later. Only a head that comes in pieces moves it forward.
pub(super) async fn supervise<C: GracefulConnection + Unpin>(
    connection: &mut C,
    activity: &Activity,
    registration: &mut Registration,
    settings: &ServerSettings,
    rest: Rest,
) -> End<C::Error> {
    let mut connection = Pin::new(connection);
    let mut timer = pin!(sleep(settings.head_timeout));
    let mut since = Instant::now();
    // Whether `since` is still to be asked of the clock: a connection that rests a moment later than it could costs less than
    // a look at the clock for each request.
    let mut unknown = false;
    // Whoever begins to drive a connection has seen its first bytes.
    let mut was = Wait::Head;
    let mut served = activity.served();
    let mut closing = false;
    // HTTP/2: what the client had taken when the timer fired while it was its turn.
    let mut stalled_at = None;
    let busy_limit = match rest {
        Rest::Possible => settings.idle_timeout,
        // The socket does not know whether a client takes anything: what it does not take waits before that.
        Rest::Impossible => settings.idle_timeout.min(settings.write_timeout),
    };

    poll_fn(move |cx| {
        loop {
            match registration.order(cx.waker()) {
                Order::Serve => {}
                Order::Drain if closing => {}
                Order::Drain => {
                    closing = true;
                    (since, unknown) = (Instant::now(), false);
                    connection.as_mut().graceful_shutdown();
                }
                Order::End => return Poll::Ready(End::Cut),
            }
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(End::Closed(end));
            }

            let wait = match () {
                // The end of a response is handed over long before a slow client has it.
                () if activity.is_busy() || activity.is_unsent() => Wait::Busy,
                () if activity.head_has_begun() => Wait::Head,
                () => Wait::Idle,
            };
            if wait != was || served != activity.served() {
                was = wait;
                served = activity.served();
                unknown = wait != Wait::Head && rest == Rest::Possible && !closing;
                if !unknown {
                    since = Instant::now();
                }
            }
            let restless = rest == Rest::Possible && !closing && activity.is_at_rest();
            let limit = match wait {
                Wait::Busy => busy_limit,
                _ if closing => GOODBYE,
                Wait::Head => settings.head_timeout,
                Wait::Idle if restless && registration.is_crowded() => {
                    RESTLESS_IN_A_CROWD.min(settings.idle_timeout)
                }
                Wait::Idle if restless => RESTLESS.min(settings.idle_timeout),
                Wait::Idle => settings.idle_timeout,
            };
            let mut deadline = since + limit;
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if unknown {
                (since, unknown) = (now, false);
                deadline = now + limit;
            }
            if wait == Wait::Busy {
                let stalled = activity.has_untaken().then(|| activity.asked());
                if stalled.is_some() && stalled == stalled_at {
                    return Poll::Ready(End::Cut);
                }
                stalled_at = stalled;
                // Counted from now on, or the limit would be over at once, again and again.
                since = now;
                deadline = now + limit;
            }
            if deadline > now {
                timer.as_mut().reset(deadline);
            } else if closing {
                return Poll::Ready(End::Cut);
            } else if wait == Wait::Head {
                return Poll::Ready(End::HeadTimeout);
            } else if restless {
                return Poll::Ready(End::AtRest);
            } else {
                closing = true;
                since = now;
                timer.as_mut().reset(now + GOODBYE);
                connection.as_mut().graceful_shutdown();
            }
        }
    })
    .await
}

/// How waiting for a client ended.
#[derive(Debug)]
pub(super) enum Waited<T> {
    /// With what was waited for.
    Came(T),
    /// With the limit.
    TooLong,
    /// With the server's order to end.
    Ordered,
}

/// Waits while nothing is under way on a connection.
pub(super) async fn wait<T>(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    registration: &mut Registration,
    limit: Duration,
) -> Waited<T> {
    let mut timer = pin!(sleep(limit));
    poll_fn(move |cx| {
        if registration.order(cx.waker()) != Order::Serve {
            return Poll::Ready(Waited::Ordered);
        }
        if let Poll::Ready(came) = poll(cx) {
            return Poll::Ready(Waited::Came(came));
        }
        timer.as_mut().poll(cx).map(|()| Waited::TooLong)
    })
    .await
}
