//! The body of a request, read when something asks for it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::OnceCell;

use crate::error::{BoxError, Error};

/// The body that a request brings: unread, or all of it.
///
/// A reader that is dropped midway leaves what it has read for the next.
pub(crate) struct RequestBody {
    unread: Mutex<Option<Unread>>,
    read: OnceCell<Result<Bytes, BodyError>>,
}

/// Why a body cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Over `DATA_UPLOAD_MAX_MEMORY_SIZE`.
    #[error("the body is over {limit} bytes, and DATA_UPLOAD_MAX_MEMORY_SIZE allows no more")]
    TooBig {
        /// How many bytes may be.
        limit: usize,
    },
    /// Over `SERVER_BODY_MAX_SIZE`.
    #[error(transparent)]
    TooLong(#[from] BodyTooLong),
    /// The client went away, was too slow, or broke the rules of chunks.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// The body was handed out as a stream.
    #[error("the body was taken as a stream, and cannot be read again")]
    Taken,
}

/// A body has more bytes than the server takes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is over {limit} bytes, and SERVER_BODY_MAX_SIZE allows no more")]
#[non_exhaustive]
pub struct BodyTooLong {
    /// How many bytes may be.
    pub limit: usize,
}

impl BodyTooLong {
    pub(crate) const fn over(limit: usize) -> Self {
        Self { limit }
    }
}

impl BodyError {
    /// What a failure of whatever the body comes from is to a reader of it.
    pub(crate) fn of(error: &BoxError) -> Self {
        let too_long = error.source().and_then(|source| source.downcast_ref::<BodyTooLong>());
        too_long.copied().map_or_else(|| Self::Broken(error.to_string()), Self::TooLong)
    }

    /// The response's error: 400, as Django's `RequestDataTooBig` and `UnreadablePostError`; 500 for a fault of ours.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::TooBig { .. } | Self::TooLong(_) => {
                Error::suspicious("RequestDataTooBig", self.to_string())
            }
            Self::Broken(_) => Error::bad_request(self.to_string()),
            Self::Taken => Error::from(self),
        }
    }
}

/// A body that nobody has read yet.
pub(crate) type UnreadBody = UnsyncBoxBody<Bytes, BoxError>;

struct Unread {
    rest: UnreadBody,
    /// What was read of it before.
    so_far: BytesMut,
}

impl RequestBody {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        if body.is_end_stream() {
            return Self { unread: Mutex::new(None), read: OnceCell::new_with(Some(Ok(Bytes::new()))) };
        }
        let rest = UnsyncBoxBody::new(body.map_err(Into::into));
        Self { unread: Mutex::new(Some(Unread { rest, so_far: BytesMut::new() })), read: OnceCell::new() }
    }

    /// All of it, at most `limit` bytes; `announced` is what `Content-Length` says.
    pub(crate) async fn bytes(
        &self,
        limit: Option<usize>,
        announced: Option<u64>,
    ) -> Result<Bytes, BodyError> {
        self.read.get_or_init(|| self.read_all(limit, announced)).await.clone()
    }

    /// The rest of it as it comes, for whoever wants to parse while it arrives. What was read already comes again.
    pub(crate) fn take(&self) -> Result<UnreadBody, BodyError> {
        if let Some(read) = self.read.get() {
            return Ok(UnsyncBoxBody::new(Full::new(read.clone()?).map_err(|never| match never {})));
        }
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Unread { rest, so_far } = unread.ok_or(BodyError::Taken)?;
        // Someone else reads at the same moment only if it has the unread part, and then it was not here.
        let _ = self.read.set(Err(BodyError::Taken));
        if so_far.is_empty() {
            return Ok(rest);
        }
        // Someone began to read and gave up: what was read comes first.
        let first =
            futures_util::stream::once(std::future::ready(Ok(http_body::Frame::data(so_far.freeze()))));
        let rest = http_body_util::BodyStream::new(rest);
        Ok(UnsyncBoxBody::new(http_body_util::StreamBody::new(futures_util::StreamExt::chain(first, rest))))
    }

    async fn read_all(&self, limit: Option<usize>, announced: Option<u64>) -> Result<Bytes, BodyError> {
        let too_big =
            |size: u64| limit.filter(|&limit| size > limit as u64).map(|limit| BodyError::TooBig { limit });
        if let Some(error) = announced.and_then(too_big) {
            return Err(error);
        }
        let mut reader = Reader::of(&self.unread)?;
        let unread = reader.unread.as_mut().ok_or(BodyError::Taken)?;
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut unread.rest).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| BodyError::of(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if let Some(error) = too_big(unread.so_far.len() as u64 + data.len() as u64) {
                return Err(error);
            }
            if unread.so_far.is_empty() && unread.rest.is_end_stream() {
                return Ok(data);
            }
            unread.so_far.extend_from_slice(&data);
        }
        Ok(std::mem::take(&mut unread.so_far).freeze())
    }
}

/// Holds the unread body while it is being read, and puts it back when the reading future is dropped.
struct Reader<'a> {
    home: &'a Mutex<Option<Unread>>,
    unread: Option<Unread>,
}

impl<'a> Reader<'a> {
    fn of(home: &'a Mutex<Option<Unread>>) -> Result<Self, BodyError> {
        let unread = home.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Self { home, unread: Some(unread.ok_or(BodyError::Taken)?) })
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.unread.take();
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read.get() {
            None => f.write_str("unread"),
            Some(Ok(bytes)) => write!(f, "{} bytes", bytes.len()),
            Some(Err(error)) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    fn pieces(pieces: &[&'static str]) -> RequestBody {
        let frames: Vec<Result<_, Infallible>> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        RequestBody::new(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn reads_once_and_answers_often() {
        let body = pieces(&["ab", "", "cd"]);
        for _ in 0..2 {
            assert_eq!(body.bytes(Some(4), None).await.unwrap(), "abcd");
        }
        assert_eq!(RequestBody::new(Full::new(Bytes::new())).bytes(Some(0), None).await.unwrap(), "");
    }

    #[tokio::test]
    async fn stops_at_the_limit() {
        let too_big = Err(BodyError::TooBig { limit: 3 });
        assert_eq!(pieces(&["ab", "cd"]).bytes(Some(3), None).await, too_big);
        assert_eq!(pieces(&["a"]).bytes(Some(3), Some(4)).await, too_big);
        assert_eq!(pieces(&["abcd"]).bytes(None, None).await.unwrap(), "abcd");
        let body = pieces(&["ab", "cd"]);
        assert_eq!(body.bytes(Some(3), None).await, too_big);
        assert_eq!(body.bytes(Some(9), None).await, too_big, "a body that was refused stays refused");
    }

    #[tokio::test]
    async fn says_why_it_broke_off() {
        let frames = vec![Ok(Frame::data(Bytes::from_static(b"ab"))), Err(std::io::Error::other("reset"))];
        let body = RequestBody::new(StreamBody::new(stream::iter(frames)));
        assert_eq!(body.bytes(None, None).await, Err(BodyError::Broken("reset".to_owned())));
    }

    #[tokio::test]
    async fn a_reader_that_gives_up_leaves_the_rest() {
        let (sender, receiver) = futures_channel();
        let body = RequestBody::new(StreamBody::new(receiver));
        sender.send("ab");
        assert!(tokio::time::timeout(Duration::from_millis(5), body.bytes(None, None)).await.is_err());
        sender.send("cd");
        assert!(tokio::time::timeout(Duration::from_millis(5), body.bytes(None, None)).await.is_err());
        drop(sender);
        let all = body.take().unwrap().collect().await.unwrap().to_bytes();
        assert_eq!(all, "abcd");
        assert_eq!(body.bytes(None, None).await, Err(BodyError::Taken));
    }

    struct Sender(tokio::sync::mpsc::UnboundedSender<&'static str>);

    impl Sender {
        fn send(&self, piece: &'static str) {
            self.0.send(piece).unwrap();
        }
    }

    fn futures_channel() -> (Sender, impl futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>>) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
        let frames = stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((Ok(Frame::data(Bytes::from_static(piece.as_bytes()))), receiver))
        });
        (Sender(sender), frames)
    }
}
