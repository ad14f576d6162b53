//! Which version of HTTP a client speaks, told by its first bytes.

use std::io;

use tokio::io::AsyncReadExt;

use super::socket::Socket;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or HTTP/1.1, or nothing that is known here.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// How a client that speaks HTTP/2 begins (RFC 9113 section 3.4). No request of HTTP/1 does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until it is clear. What was read is left to be read again.
pub(super) async fn recognise(socket: &mut Socket) -> io::Result<Protocol> {
    let mut seen = [0; PREFACE.len()];
    let mut count = 0;
    let protocol = loop {
        let (read, rest) = seen.split_at_mut(count);
        if !PREFACE.starts_with(read) {
            break Protocol::Http1;
        }
        if rest.is_empty() {
            break Protocol::Http2;
        }
        match socket.read(rest).await? {
            0 => break Protocol::Http1,
            more => count += more,
        }
    };
    socket.unread(seen.get(..count).unwrap_or_default());
    Ok(protocol)
}
