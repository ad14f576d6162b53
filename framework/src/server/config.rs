//! What a client may take: sizes, counts and times.

use std::time::Duration;

/// The limits of a server. Every wait on a client has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Connections held at once; further ones wait in the listen queue of the kernel until one ends.
    pub max_connections: usize,
    /// Bytes of a request's head, the request line included; more is answered 431.
    pub max_head_bytes: usize,
    /// Header fields in a request; more is answered 431.
    pub max_headers: usize,
    /// From the first byte of a head (or from the connection's start) to its end.
    pub head_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long the reader of a request body waits for the next bytes.
    pub body_timeout: Duration,
    /// Bytes a second which a client must keep up while a body is read, after a first [`body_timeout`](Self::body_timeout)
    /// of grace: one byte now and then holds no worker for ever.
    pub body_min_rate: u32,
    /// How long a client may refuse to take any byte of a response.
    pub write_timeout: Duration,
    /// How long the requests in flight may go on after the stop was asked for.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_head_bytes: 64 * 1024,
            max_headers: HYPER_MAX_HEADERS,
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_min_rate: 500,
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// The count up to which hyper keeps a request's headers on the stack while it parses them: saying another number costs an
/// allocation per request, so this one is not said.
pub(super) const HYPER_MAX_HEADERS: usize = 100;
