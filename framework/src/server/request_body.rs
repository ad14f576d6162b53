//! The body of a request as it comes in, with an end to the patience.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use crate::conf::server::ServerSettings;
use crate::http::request_body::BodyTooLong;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// The client sends too slowly, or has stopped.
    #[error("the request body stalled after {received} bytes")]
    Stalled {
        /// The bytes that came before.
        received: u64,
    },
    /// There is more of it than [`body_max_size`](ServerSettings::body_max_size) allows.
    #[error("the request body is too long")]
    TooLong(#[source] BodyTooLong),
    /// The client broke off, or broke the framing.
    #[error("the request body could not be read")]
    Broken(#[source] hyper::Error),
}

/// A request's body: frames as they come. Waiting for one ends after
/// [`body_timeout`](ServerSettings::body_timeout), and all waiting together after as long as the bytes received take at
/// [`body_min_rate`](ServerSettings::body_min_rate). The time that a view takes between two reads is not counted.
pub struct RequestBody {
    incoming: Incoming,
    activity: Arc<Activity>,
    timeout: Duration,
    min_rate: u32,
    max_size: Option<usize>,
    received: u64,
    /// Time spent waiting for frames that did come.
    waited: Duration,
    /// Made by the first wait: most bodies come with their head.
    wait: Option<Box<Wait>>,
}

struct Wait {
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>, settings: &ServerSettings) -> Self {
        Self {
            incoming,
            activity: Arc::clone(activity),
            timeout: settings.body_timeout,
            min_rate: settings.body_min_rate,
            max_size: settings.body_max_size,
            received: 0,
            waited: Duration::ZERO,
            wait: None,
        }
    }

    /// How long the present wait may still last.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.received / u64::from(self.min_rate.max(1)));
        self.timeout.saturating_add(earned).saturating_sub(self.waited).min(self.timeout)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.get_mut();
        // No more is read: what the client sends on is the connection's to end.
        if let Some(limit) = this.max_size.filter(|&limit| this.received > limit as u64) {
            return Poll::Ready(Some(Err(RequestBodyError::TooLong(BodyTooLong::over(limit)))));
        }
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Some(since) = this.wait.as_mut().and_then(|wait| wait.since.take()) {
                    this.waited += since.elapsed();
                }
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    this.received += data.len() as u64;
                    if let Some(limit) = this.max_size.filter(|&limit| this.received > limit as u64) {
                        return Poll::Ready(Some(Err(RequestBodyError::TooLong(BodyTooLong::over(limit)))));
                    }
                }
                Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::Broken)))
            }
            Poll::Pending => {
                let patience = this.patience();
                let wait = this.wait.get_or_insert_with(|| {
                    Box::new(Wait { since: None, timer: Box::pin(sleep_until(Instant::now())) })
                });
                if wait.since.is_none() {
                    let now = Instant::now();
                    wait.since = Some(now);
                    wait.timer.as_mut().reset(now + patience);
                }
                match wait.timer.as_mut().poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => {
                        Poll::Ready(Some(Err(RequestBodyError::Stalled { received: this.received })))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.activity.leave_body();
        }
    }
}
