//! One connection's life: drives it, watches its clock, and obeys the server's order to end.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, sleep};

use super::activity::Activity;
use super::connections::{Order, Registration};
use crate::conf::server::ServerSettings;

/// How long a connection without a request may take over its goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End<E> {
    /// By itself, or because the client left.
    Closed(Result<(), E>),
    /// The head of a request did not come in time.
    HeadTimeout,
    /// It was asked to end and did not.
    Cut,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its requests: the body's and the socket's own limits hold, not this one.
    Busy,
    /// The rest of a head.
    Head,
    /// A next request.
    Idle,
}

/// Drives the connection to its end.
///
/// One timer serves all limits and is not touched by a request: it is set once, and when it fires the limit that holds now is
/// worked out, and the timer set again if that is later. Only a head that comes in pieces moves it forward.
pub(super) async fn supervise<C: GracefulConnection>(
    connection: C,
    activity: &Activity,
    mut registration: Registration,
    settings: &ServerSettings,
) -> End<C::Error> {
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep(settings.head_timeout));
    let mut since = Instant::now();
    // Nothing has come yet: that counts as a head that is late, not as an idle visitor.
    let mut was = Wait::Head;
    let mut served = 0;
    let mut closing = false;

    poll_fn(move |cx| {
        loop {
            match registration.order(cx.waker()) {
                Order::Serve => {}
                Order::Drain if closing => {}
                Order::Drain => {
                    closing = true;
                    since = Instant::now();
                    connection.as_mut().graceful_shutdown();
                }
                Order::End => return Poll::Ready(End::Cut),
            }
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(End::Closed(end));
            }

            let wait = match () {
                () if activity.is_busy() => Wait::Busy,
                () if activity.head_has_begun() => Wait::Head,
                () if was == Wait::Head && activity.served() == 0 => Wait::Head,
                () => Wait::Idle,
            };
            if wait != was || served != activity.served() {
                was = wait;
                served = activity.served();
                since = Instant::now();
            }
            let limit = match wait {
                Wait::Busy => settings.idle_timeout,
                _ if closing => GOODBYE,
                Wait::Head => settings.head_timeout,
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
            if wait == Wait::Busy {
                deadline = now + limit;
            }
            if deadline > now {
                timer.as_mut().reset(deadline);
            } else if closing {
                return Poll::Ready(End::Cut);
            } else if wait == Wait::Head {
                return Poll::Ready(End::HeadTimeout);
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
