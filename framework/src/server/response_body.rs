//! The body of a response on its way out: its end is the end of the request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::access_log::Entry;
use super::activity::{Activity, InFlight};

/// What is handed over at once over HTTP/2: a frame of its usual size. A piece is asked for when the client has taken the one
/// before, so that it is in small pieces only that one can see whether it takes any.
const PIECE: usize = 16 << 10;

/// A service's body, holding what must end with it.
#[derive(Debug)]
pub(super) struct ResponseBody<B> {
    body: B,
    in_flight: InFlight,
    entry: Option<Box<Entry>>,
    /// Over HTTP/2 the client takes each response by itself, and nothing waits in the socket when it takes none.
    turns: Option<Box<Turns>>,
}

/// Whose turn it is: the client's, to take what was handed over, or the service's, to give more.
#[derive(Debug)]
struct Turns {
    activity: Arc<Activity>,
    clients: bool,
    /// Of a large piece, what was not handed over yet.
    left: Bytes,
}

impl Turns {
    fn set(&mut self, clients: bool) {
        if self.clients != clients {
            self.clients = clients;
            self.activity.set_untaken(clients);
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(body: B, in_flight: InFlight, entry: Option<Box<Entry>>) -> Self {
        let activity = in_flight.activity();
        let turns = (activity.is_multiplexed() && !body.is_end_stream()).then(|| {
            let mut turns = Turns { activity: Arc::clone(activity), clients: false, left: Bytes::new() };
            turns.set(true);
            Box::new(turns)
        });
        Self { body, in_flight, entry, turns }
    }
}

impl<B: Body<Data = Bytes> + Unpin> ResponseBody<B> {
    /// The next frame: what is left of the one before, or the service's.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(turns) = &mut self.turns else { return Pin::new(&mut self.body).poll_frame(cx) };
        self.in_flight.activity().ask();
        let frame = if turns.left.is_empty() {
            Pin::new(&mut self.body).poll_frame(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut turns.left)))))
        };
        turns.set(matches!(frame, Poll::Ready(Some(Ok(_)))));
        frame.map_ok(|frame| match frame.into_data() {
            Ok(mut data) => {
                turns.left = data.split_off(data.len().min(PIECE));
                Frame::data(data)
            }
            Err(frame) => frame,
        })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = this.next(cx);
        if let (Some(entry), Poll::Ready(Some(Ok(frame)))) = (&mut this.entry, &frame)
            && let Some(data) = frame.data_ref()
        {
            entry.count(data.remaining());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.turns.as_ref().is_none_or(|turns| turns.left.is_empty()) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.turns.as_ref().map_or(0, |turns| turns.left.len() as u64);
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint.set_lower(body.lower().saturating_add(left));
        hint
    }
}
