//! Where a request came in.

use std::net::SocketAddr;
use std::sync::Arc;

/// The connection of a request.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// This end.
    pub local: Option<SocketAddr>,
    /// Whether TLS ends here; behind a proxy see `SECURE_PROXY_SSL_HEADER`.
    pub tls: bool,
    /// What the site is called when a request names no host: this end's address unless something better is known.
    pub server_name: Option<Arc<str>>,
}

impl Connection {
    /// The server's name (Django's `SERVER_NAME`).
    #[must_use]
    pub fn server_name(&self) -> String {
        match (&self.server_name, self.local) {
            (Some(name), _) => name.to_string(),
            (None, Some(SocketAddr::V4(local))) => local.ip().to_string(),
            (None, Some(SocketAddr::V6(local))) => format!("[{}]", local.ip()),
            (None, None) => "localhost".to_owned(),
        }
    }

    /// The server's port (Django's `SERVER_PORT`): that of this end, else the scheme's own.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.local.map_or(if self.tls { 443 } else { 80 }, |local| local.port())
    }
}
