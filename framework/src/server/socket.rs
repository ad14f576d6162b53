//! The TCP stream of one connection: notes that bytes came, and that the client has gone, and does not wait for ever on one that takes
//! nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;
use crate::conf::server::ServerSettings;

/// How long, and for how many bytes, what the client still sends is read after the last response, so that it reads that
/// response instead of a reset (nginx's `lingering_close`; RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// A response up to this is put together before it is written: `send(2)` of one piece costs the kernel less than `writev(2)` of a
/// head and a body, and more than the copy.
const SMALL: usize = 1024;

/// A TCP stream that is watched.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    write_timeout: Duration,
    min_rate: u32,
    /// How long the client may still take nothing: less after each wait, and more again with each byte that it takes.
    patience: Duration,
    /// Runs while the client takes nothing, or while the end lingers.
    stalled: Option<Pin<Box<Sleep>>>,
    greeted: bool,
    /// Read ahead of whoever reads next.
    ahead: Bytes,
    /// The client has sent what nobody has read yet, so that its end cannot be seen.
    sent_ahead: bool,
    lingering: Option<usize>,
}

impl Socket {
    pub(super) const fn new(stream: TcpStream, activity: Arc<Activity>, settings: &ServerSettings) -> Self {
        Self {
            stream,
            activity,
            write_timeout: settings.write_timeout,
            min_rate: settings.write_min_rate,
            patience: settings.write_timeout,
            stalled: None,
            greeted: false,
            ahead: Bytes::new(),
            sent_ahead: false,
            lingering: None,
        }
    }

    /// Puts bytes back: they are read again before what comes. They are copied, mostly none: what is left of a buffer keeps all of
    /// it.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.ahead = Bytes::copy_from_slice(bytes);
    }

    /// Ready when there is something to read, or the client has gone.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    /// An error when the client has gone while its request was being answered.
    ///
    /// hyper would find out by reading ahead, and have a buffer of 8 kB for each request that waits: so it does not (`half_close` in
    /// `serve.rs`), and calls this, by way of a flush, whenever it has nothing else to do.
    fn see_the_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.sent_ahead || !self.activity.is_busy() || self.activity.is_multiplexed() {
            return Ok(());
        }
        let mut byte = [0];
        match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(0)) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the client did not wait for its response",
            )),
            Poll::Ready(Ok(_)) => {
                self.sent_ahead = true;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// Lets a write through, and counts how long it has been refused; `taken` is how many bytes went. The clock is read only when
    /// something is refused.
    fn watch_write<T: Copy>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
        taken: impl FnOnce(T) -> usize,
    ) -> Poll<io::Result<T>> {
        self.activity.set_unsent(outcome.is_pending());
        let Poll::Ready(outcome) = outcome else {
            let patience = self.patience;
            let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
            ready!(stalled.as_mut().poll(cx));
            let error = io::Error::new(io::ErrorKind::TimedOut, "the client takes no more bytes, or too few");
            return Poll::Ready(Err(error));
        };
        if let Some(stalled) = self.stalled.take() {
            self.patience = stalled.deadline().saturating_duration_since(Instant::now());
        }
        if self.patience < self.write_timeout
            && let Ok(outcome) = outcome
        {
            let millis = (taken(outcome) as u64).saturating_mul(1000) / u64::from(self.min_rate.max(1));
            self.patience =
                self.patience.saturating_add(Duration::from_millis(millis)).min(self.write_timeout);
        }
        Poll::Ready(outcome)
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<io::Result<()>> {
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if stalled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut waste = [0; 8192];
        loop {
            let mut buf = ReadBuf::new(&mut waste);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Pending => {
                    self.lingering = Some(left);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && buf.filled().len() < left => {
                    left -= buf.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let count = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(count));
            return Poll::Ready(Ok(()));
        }
        this.sent_ahead = false;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if let Some(came @ [_, ..]) = buf.filled().get(before..) {
            if !this.greeted {
                this.greeted = true;
                if came.starts_with(TLS_HANDSHAKE) {
                    tracing::error!(
                        "a client speaks HTTPS to this server, which speaks only HTTP: say http:// in the address"
                    );
                }
            }
            this.activity.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

/// A handshake record of TLS 1.x (RFC 8446 section 5.1).
const TLS_HANDSHAKE: &[u8] = &[0x16, 0x03];

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch_write(cx, outcome, |taken| taken)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = Pin::new(&mut this.stream);
        let outcome = if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= SMALL {
            let mut whole = SmallVec::<[u8; SMALL]>::new();
            bufs.iter().for_each(|buf| whole.extend_from_slice(buf));
            stream.poll_write(cx, &whole)
        } else {
            stream.poll_write_vectored(cx, bufs)
        };
        this.watch_write(cx, outcome, |taken| taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.see_the_client(cx)?;
        let outcome = Pin::new(&mut this.stream).poll_flush(cx);
        this.watch_write(cx, outcome, |()| 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.activity.end();
        if let Some(left) = this.lingering {
            return this.poll_linger(cx, left);
        }
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        if !this.activity.body_was_left() {
            return Poll::Ready(Ok(()));
        }
        this.stalled = None;
        this.poll_linger(cx, LINGER_BYTES)
    }
}
