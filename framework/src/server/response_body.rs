//! The body of a response on its way out: its end is the end of the request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::access_log::Entry;
use super::activity::InFlight;

/// A service's body, holding what must end with it.
#[derive(Debug)]
pub(super) struct ResponseBody<B> {
    body: B,
    _in_flight: InFlight,
    entry: Option<Box<Entry>>,
}

impl<B> ResponseBody<B> {
    pub(super) const fn new(body: B, in_flight: InFlight, entry: Option<Box<Entry>>) -> Self {
        Self { body, _in_flight: in_flight, entry }
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
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(entry), Poll::Ready(Some(Ok(frame)))) = (&mut this.entry, &frame)
            && let Some(data) = frame.data_ref()
        {
            entry.count(data.remaining());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
