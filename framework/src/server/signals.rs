//! When to end: SIGINT, SIGTERM.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The two signals that ask a server to end, listened for from the moment this is made.
#[derive(Debug)]
pub struct EndSignals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl EndSignals {
    /// Starts listening: from here on the signals do not end the process by themselves.
    ///
    /// # Errors
    /// When the process may not handle signals.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        return Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        });
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns at the next signal: its name.
    pub async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
        #[cfg(not(unix))]
        match tokio::signal::ctrl_c().await {
            Ok(()) => "CTRL-C",
            Err(_) => std::future::pending().await,
        }
    }
}
