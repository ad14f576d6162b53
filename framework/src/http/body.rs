//! What a response says: bytes, or a stream of them.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt as _;
use http_body::{Frame, SizeHint};

use crate::error::BoxError;

/// The body of a response.
#[non_exhaustive]
pub enum Body {
    /// All of it.
    Bytes(Bytes),
    /// Piece by piece.
    Stream(BodyStream),
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// The pieces of a body that is not known beforehand.
///
/// The lock is never taken: it makes the stream `Sync`, so that `&HttpResponse` may live across an await.
pub struct BodyStream(Mutex<Pieces>);

impl Body {
    /// A body that comes as the stream goes on.
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes> + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::Stream(BodyStream(Mutex::new(Box::pin(stream.map_ok(Into::into).map_err(Into::into)))))
    }
}

impl BodyStream {
    /// The stream itself.
    #[must_use]
    pub fn into_inner(self) -> Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream(stream) => stream.fmt(f),
        }
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream")
    }
}

/// A [`Body`] in hyper's hands.
pub enum ResponseBody {
    /// All of it, until it was taken.
    Full(Option<Bytes>),
    /// Piece by piece.
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>),
}

impl From<Body> for ResponseBody {
    fn from(body: Body) -> Self {
        match body {
            Body::Bytes(bytes) => Self::Full(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Body::Stream(stream) => Self::Stream(stream.into_inner()),
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => {
                stream.as_mut().poll_next(cx).map(|next| next.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "{} bytes", bytes.as_ref().map_or(0, Bytes::len)),
            Self::Stream(_) => f.write_str("a stream"),
        }
    }
}
