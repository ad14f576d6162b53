//! Accepts connections, serves them, and ends them when told.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::access_log::AccessLog;
use super::activity::Activity;
use super::connections::{Connections, Order};
use super::protocol::{Protocol, recognise};
use super::service::{OnConnection, Service};
use super::socket::Socket;
use super::supervisor::{End, RESTLESS, Rest, Waited, supervise, wait};
use crate::conf::server::ServerSettings;
use crate::error::BoxError;
use crate::http::connection::Connection;

/// The count up to which hyper keeps a request's headers on the stack while it parses them: saying another number costs an
/// allocation per request, so this one is not said.
const HYPER_MAX_FIELDS: usize = 100;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were still busy when [`ServerSettings::drain_time`] was over, and were cut.
    pub cut: usize,
}

/// Serves until `shutdown` is done; then accepts no more, lets the requests in flight finish within
/// [`ServerSettings::drain_time`], and cuts what is left. Dropping the future cuts at once.
///
/// A client's misbehaviour ends its connection, never the server; when the process is out of file descriptors, accepting
/// pauses and is tried again.
pub async fn serve<S: Service>(
    listeners: Vec<TcpListener>,
    service: S,
    settings: &ServerSettings,
    log: Option<AccessLog>,
    shutdown: impl Future<Output = ()>,
) -> Ended {
    let connections = Arc::new(Connections::new());
    let _cut_on_drop = CutOnDrop(Arc::clone(&connections));
    let server = Arc::new(Server {
        http1: http1(settings),
        http2: http2(settings),
        service,
        settings: Arc::new(settings.clone()),
        log,
        connections: Arc::clone(&connections),
        places: Arc::new(Semaphore::new(settings.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
    });
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(Arc::clone(&server).accept(listener));
    }
    shutdown.await;
    accepting.shutdown().await;
    connections.command(Order::Drain);
    if timeout(settings.drain_time, connections.all_gone()).await.is_ok() {
        return Ended { cut: 0 };
    }
    let cut = connections.count();
    tracing::warn!("{cut} connections were still busy after {:?} and are cut", settings.drain_time);
    Ended { cut }
}

struct CutOnDrop(Arc<Connections>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.command(Order::End);
    }
}

/// HTTP/1 with our limits. hyper's own header timer is off: it costs a timer per request, and cannot tell a late head from an
/// idle connection; the supervisor does both.
fn http1(settings: &ServerSettings) -> http1::Builder {
    let mut http1 = http1::Builder::new();
    // The socket sees whether a client has gone.
    http1.half_close(true);
    // A head must fit into the buffer, and hyper refuses to work with less than 8 KiB.
    http1.header_read_timeout(None).max_buf_size(settings.head_max_size.max(8192));
    if settings.head_max_fields != HYPER_MAX_FIELDS {
        http1.max_headers(settings.head_max_fields);
    }
    http1
}

/// HTTP/2 with our limits.
fn http2(settings: &ServerSettings) -> http2::Builder<TokioExecutor> {
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(settings.idle_timeout))
        .keep_alive_timeout(settings.write_timeout)
        .max_header_list_size(u32::try_from(settings.head_max_size).unwrap_or(u32::MAX));
    http2
}

struct Server<S> {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    service: S,
    settings: Arc<ServerSettings>,
    log: Option<AccessLog>,
    connections: Arc<Connections>,
    /// One permit a connection: taken before `accept`, so that who finds no place waits in the kernel's queue.
    places: Arc<Semaphore>,
}

impl<S: Service> Server<S> {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut pause = Duration::ZERO;
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause = Duration::ZERO;
                    let _ = stream.set_nodelay(true);
                    let connection = Connection {
                        peer: Some(peer),
                        local: stream.local_addr().ok(),
                        ..Connection::default()
                    };
                    tokio::spawn(Arc::clone(&self).drive(stream, connection, place));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    // Out of file descriptors or memory (EMFILE, ENFILE, ENOBUFS): only time helps, and asking again at once
                    // would burn a core on it.
                    pause = (pause * 2).clamp(Duration::from_millis(5), Duration::from_secs(1));
                    tracing::error!(%error, "cannot accept connections; trying again in {pause:?}");
                    sleep(pause).await;
                }
            }
        }
    }

    async fn drive(self: Arc<Self>, stream: TcpStream, connection: Connection, _place: OwnedSemaphorePermit) {
        let peer = connection.peer;
        let activity = Arc::new(Activity::default());
        let socket = Socket::new(stream, Arc::clone(&activity), &self.settings);
        let on_connection = OnConnection {
            service: Arc::new(self.service.clone()),
            connection,
            activity: Arc::clone(&activity),
            settings: Arc::clone(&self.settings),
            log: self.log.clone(),
        };
        match self.exchange(socket, &on_connection).await {
            End::AtRest | End::Closed(Ok(())) => {}
            End::Closed(Err(error)) => tracing::debug!(?peer, %error, "a connection broke"),
            End::HeadTimeout => tracing::debug!(?peer, "a request's head did not come in time"),
            End::Cut => tracing::debug!(?peer, "a connection was cut"),
        }
    }

    /// A connection from its first byte to its end.
    ///
    /// What parses and writes HTTP has buffers of 20 kB. It is there while something is under way, and taken apart when a
    /// client stays without asking: many do, and then each costs its socket.
    async fn exchange(&self, mut socket: Socket, on_connection: &OnConnection<S>) -> End<BoxError> {
        let (settings, activity) = (&*self.settings, &*on_connection.activity);
        let mut registration = self.connections.register();
        let protocol = {
            let mut first = pin!(recognise(&mut socket));
            match wait(|cx| first.as_mut().poll(cx), &mut registration, settings.head_timeout).await {
                Waited::Came(Ok(protocol)) => protocol,
                Waited::Came(Err(error)) => return End::Closed(Err(error.into())),
                Waited::TooLong => return End::HeadTimeout,
                Waited::Ordered => return End::Closed(Ok(())),
            }
        };
        let service = || service_fn(|request| on_connection.call(request));
        if protocol == Protocol::Http2 {
            let mut connection = Box::new(self.http2.serve_connection(TokioIo::new(socket), service()));
            return supervise(&mut *connection, activity, &mut registration, settings, Rest::Impossible)
                .await
                .boxed();
        }
        loop {
            let awake = registration.awake();
            let mut connection = Box::new(self.http1.serve_connection(TokioIo::new(socket), service()));
            match supervise(&mut *connection, activity, &mut registration, settings, Rest::Possible).await {
                End::AtRest => {}
                end => return end.boxed(),
            }
            let http1::Parts { io, read_buf, .. } = connection.into_parts();
            socket = io.into_inner();
            socket.unread(&read_buf);
            // Whatever is still there while the client is waited for costs each connection as much as before.
            drop((read_buf, awake));
            let limit = settings.idle_timeout.saturating_sub(RESTLESS);
            match wait(|cx| socket.poll_readable(cx), &mut registration, limit).await {
                Waited::Came(Ok(())) => {}
                Waited::Came(Err(error)) => return End::Closed(Err(error.into())),
                Waited::TooLong | Waited::Ordered => return End::Closed(Ok(())),
            }
        }
    }
}

/// Errors of one connection that `accept` reports (accept(2)): the next one may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
