//! A listener and its connections: bounded in number, patience and lifetime.
//!
//! It does not know what is served.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::HttpError;
use super::refusal::Refused;
use super::tally::{Count, Tally};
use crate::source::Source;

/// How long a connection may take over a request's head, or stay idle.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// The most headers of a request.
const HEADERS_MAX: usize = 64;
/// The longest head of a request, and the read buffer of a connection.
const BUFFER_MAX_BYTES: usize = 64 * 1024;
/// The wait after a failed accept: out of descriptors, most likely, and trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket and how many connections it serves at once.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    connections_max: u32,
    /// Numbers of descriptors from here on are not for connections.
    descriptors_end: RawFd,
    /// How long a client may take none of what was sent to it.
    stall_ms: u32,
    slots: Arc<Semaphore>,
    tally: Arc<Tally>,
}

/// What the outermost layer needs.
#[derive(Clone)]
struct Gate {
    slots: Arc<Semaphore>,
    tally: Arc<Tally>,
}

impl Listener {
    /// Binds.
    ///
    /// # Errors
    /// The address is taken, not this host's, or not allowed.
    pub(super) async fn bind(
        what: &'static str,
        addr: SocketAddr,
        (connections_max, stall): (u32, Duration),
        tally: Arc<Tally>,
    ) -> Result<Self, HttpError> {
        let refuse = |source| HttpError::Bind {
            what,
            addr,
            remedy: remedy(&source, what, addr),
            source,
        };
        let socket = TcpListener::bind(addr).await.map_err(refuse)?;
        let addr = socket.local_addr().map_err(refuse)?;
        let slots = Arc::new(Semaphore::new(connections_max as usize));
        Ok(Self {
            socket,
            addr,
            connections_max,
            descriptors_end: RawFd::MAX,
            stall_ms: u32::try_from(stall.as_millis()).unwrap_or(u32::MAX),
            slots,
            tally,
        })
    }

    /// Closes connections whose descriptor has this number or a higher one.
    pub(super) fn below(self, end: Option<RawFd>) -> Self {
        Self {
            descriptors_end: end.unwrap_or(RawFd::MAX),
            ..self
        }
    }

    /// Where it listens: the port is real where 0 was asked for.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until told to stop; then requests under way have `grace` to end.
    pub(super) async fn run(self, router: Router, mut stop: watch::Receiver<bool>, grace: Duration) {
        let gate = Gate {
            slots: Arc::clone(&self.slots),
            tally: Arc::clone(&self.tally),
        };
        let router = router.layer(from_fn_with_state(gate, pass));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            let Some((stream, source, slot)) = accepted else {
                continue;
            };
            self.tally.add(Count::Connections, 1);
            // Both are improvements, not conditions. TCP_USER_TIMEOUT (tcp(7)) counts the time of a closed window, too.
            let _ = stream.set_nodelay(true);
            let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, self.stall_ms);
            let (router, stop, tally) = (router.clone(), stop.clone(), Arc::clone(&self.tally));
            tokio::spawn(async move {
                converse((stream, source), router, stop, grace).await;
                tally.add(Count::ConnectionsClosed, 1);
                drop(slot);
            });
        }
        // The port is free from here on; each connection ends by itself within the grace.
        let (slots, all) = (Arc::clone(&self.slots), self.connections_max);
        drop(self);
        // The semaphore is never closed.
        let _ = slots.acquire_many(all).await;
    }

    /// The next connection and its slot. Where no slot is free, clients wait in the kernel's queue.
    async fn accept(&self) -> Option<(TcpStream, Source, OwnedSemaphorePermit)> {
        if self.slots.available_permits() == 0 {
            self.tally.add(Count::AcceptPauses, 1);
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            // The plan leaves room; this holds if it errs.
            Ok((stream, _)) if stream.as_raw_fd() >= self.descriptors_end => {
                tracing::warn!(
                    number = stream.as_raw_fd(),
                    "too many descriptors are open for HTTP; pausing"
                );
                self.tally.add(Count::ConnectionsAboveFloor, 1);
                drop(stream);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
            Ok((stream, peer)) => Some((stream, Source::of(peer.ip()), slot)),
            // The client was gone before its turn.
            Err(error) if is_the_clients(&error) => None,
            Err(error) => {
                tracing::warn!(%error, addr = %self.addr, "cannot accept HTTP connections; pausing");
                self.tally.add(Count::AcceptPauses, 1);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// Serves one connection to its end.
async fn converse(
    (stream, source): (TcpStream, Source),
    router: Router,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(source);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped(&mut stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            // What takes longer than the grace is cut.
            tokio::time::timeout(grace, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Waits until told to stop; a handle that was dropped says so too.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Counts a request and its refusal, and shares the slots: where none is free, a connection ends after its answer, so
/// that clients that keep theirs open do not shut the others out.
async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    gate.tally.add(Count::Requests, 1);
    let mut response = next.run(request).await;
    if let Some(Refused(reason)) = response.extensions().get() {
        gate.tally.refuse(*reason);
    }
    if gate.slots.available_permits() == 0 {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

fn remedy(error: &io::Error, what: &str, addr: SocketAddr) -> String {
    let flag = if what == "admin" { "--admin" } else { "--http" };
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "stop the process that has port {port} (`ss -ltnp 'sport = :{port}'` names it) or choose another with {flag}",
            port = addr.port()
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is no address of this host (`ip address` lists them)",
            addr.ip()
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "port {} needs privileges; choose one from 1024 up with {flag}",
                addr.port()
            )
        }
        _ => format!("choose another address with {flag}"),
    }
}
