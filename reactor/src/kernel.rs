//! The transport over kernel sockets: one level-triggered listener, any number of edge-triggered connections.
//!
//! System calls of a connection's life, accepted: `accept4`, `epoll_ctl`, `close`; connected: `socket`, `setsockopt`,
//! `bind`, `connect`, `epoll_ctl`, `close`. A connection is registered once, for both directions and edge-triggered
//! (epoll(7)), and never modified. A message costs one `recv` and one `send` an end: a read that did not fill the
//! buffer has emptied the socket, so no second `recv` asks; only a FIN or an error does.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags, sockopt};

use crate::{
    Acceptor, App, Arena, Close, Closed, Id, Link, Listener, Origin, SendError, Sources, Taken, Transport,
    Wake,
};

/// Events taken from epoll a turn.
const EVENTS: usize = 1024;
/// The read buffer that all connections of a shard share.
const BUFFER_BYTES: usize = 64 * 1024;
/// Marks the listener among epoll's events; no [`Id`] has these bits, because an arena never gets that far.
const LISTENER: u64 = u64::MAX;
/// Marks the waker.
const WAKE: u64 = u64::MAX - 1;
/// Connections accepted a turn at most, so that a storm of them does not starve those that are served.
const ACCEPTS_A_TURN: usize = 256;
/// Full buffers read from one connection a turn at most.
const READS_A_TURN: usize = 4;
/// How long a closed connection may wait for its peer's FIN.
const LINGER_US: u64 = 2_000_000;
/// How long accepting rests when no descriptor was free: another shard of the same table may free one.
const STARVED_US: u64 = 100_000;

/// Bounds of the transport.
#[derive(Clone, Copy, Debug)]
pub struct KernelOptions {
    /// Bytes that may wait for one peer before [`SendError::Full`].
    pub out_max_bytes: usize,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            out_max_bytes: 256 * 1024,
        }
    }
}

/// What the transport counts. A shard's own, without atomics; the application publishes what it wants seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelStats {
    /// Connections accepted.
    pub accepted: u64,
    /// Connects begun.
    pub connects: u64,
    /// Connections ended, by whichever side.
    pub closed: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes handed to the kernel.
    pub bytes_out: u64,
    /// Times a peer's socket was full and bytes were kept for it.
    pub stalls: u64,
    /// Times accepting failed because no descriptor was free.
    pub accepts_starved: u64,
}

/// Kernel sockets of one shard. It cannot leave its thread: its descriptors may be of that thread's table alone.
pub struct Kernel {
    conns: Arena<Conn>,
    epoll: OwnedFd,
    /// What happened and is to be worked off.
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    listener: Option<OwnedFd>,
    /// Whether the listener is among epoll's.
    accepting: bool,
    accepting_paused: bool,
    /// Until when accepting rests because no descriptor was free.
    starved_until_us: Option<u64>,
    sources: Sources,
    options: KernelOptions,
    lingering: VecDeque<(u64, Id)>,
    lingering_now: u32,
    /// Connections whose socket may still hold bytes though no edge will say so; each is in it once.
    unfinished: Vec<Id>,
    reading_paused: bool,
    now_us: u64,
    stats: KernelStats,
    not_send: PhantomData<*const ()>,
}

/// 24 bytes, 32 with its place in the arena.
#[derive(Debug)]
#[allow(clippy::box_collection)] // nearly all have neither buffer, and a thin pointer says so in a third of the space
struct Conn {
    fd: OwnedFd,
    state: State,
    /// Whether it is among the unfinished.
    unfinished: bool,
    stash: Option<Box<Vec<u8>>>,
    out: Option<Box<VecDeque<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    /// We have said our last, and listen.
    Finished,
    /// Closed by us: flush, FIN, wait for the peer's.
    Lingering,
}

// By hand, because events of epoll have none.
impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("held", &self.held())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl Kernel {
    /// A transport that can connect from `sources` and, with a listener, accept.
    ///
    /// # Errors
    /// Out of descriptors or epoll watches.
    pub fn new(
        listener: Option<Listener>,
        sources: Sources,
        options: KernelOptions,
        wake: &Wake,
    ) -> std::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        let mut kernel = Self {
            conns: Arena::default(),
            epoll,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER_BYTES],
            listener: listener.map(|listener| listener.fd),
            accepting: false,
            accepting_paused: false,
            starved_until_us: None,
            sources,
            options,
            lingering: VecDeque::new(),
            lingering_now: 0,
            unfinished: Vec::new(),
            reading_paused: false,
            now_us: 0,
            stats: KernelStats::default(),
            not_send: PhantomData,
        };
        kernel.settle_accepting();
        Ok(kernel)
    }

    /// Takes a listener, in place of the one it had or had closed.
    pub fn listen(&mut self, listener: Listener) {
        self.stop_listening();
        self.listener = Some(listener.fd);
        self.settle_accepting();
    }

    /// Stops reading, so that the peers' sockets fill and TCP holds them, or reads on. What ends a connection is not
    /// noticed meanwhile, but by [`Link::send`].
    pub fn pause_reading(&mut self, paused: bool) {
        self.reading_paused = paused;
    }

    /// Changes how many bytes may wait for one peer from now on.
    pub fn set_out_max(&mut self, bytes: usize) {
        self.options.out_max_bytes = bytes;
    }

    /// Descriptors in use for connections: those of [`Link::connections`], and those that wait for their peer's FIN.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.conns.len()
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> KernelStats {
        self.stats
    }

    fn accept<A: App<Self>>(&mut self, app: &mut A) {
        for _ in 0..ACCEPTS_A_TURN {
            let Some(listener) = self.listener.as_ref().filter(|_| self.accepting) else {
                return;
            };
            match rustix::net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) => {
                    self.stats.accepted += 1;
                    if let Ok(id) = self.register(fd, State::Open) {
                        app.opened(self, id, Origin::Accepted, self.now_us);
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    // Level-triggered, it would spin: it is tried again after a rest.
                    self.stats.accepts_starved += 1;
                    self.starved_until_us = Some(self.now_us + STARVED_US);
                    return self.settle_accepting();
                }
                // The peer gave up while it waited, or a signal came: the next one is as good.
                Err(_) => {}
            }
        }
    }

    fn register(&mut self, fd: OwnedFd, state: State) -> Result<Id, Closed> {
        let id = self.conns.insert(Conn {
            fd,
            state,
            unfinished: false,
            stash: None,
            out: None,
        });
        let Some(conn) = self.conns.get(id) else {
            return Err(Closed::Reset);
        };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        match epoll::add(&self.epoll, &conn.fd, EventData::new_u64(id.to_bits()), flags) {
            Ok(()) => Ok(id),
            Err(errno) => {
                self.forget(id);
                Err(errno.into())
            }
        }
    }

    fn ready<A: App<Self>>(&mut self, app: &mut A, id: Id, flags: EventFlags, buffer: &mut [u8]) {
        let Some(conn) = self.conns.get(id) else { return };
        let ended = flags.intersects(EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP);
        if conn.state == State::Connecting {
            if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
                let why = match sockopt::socket_error(&conn.fd) {
                    Ok(Err(errno)) | Err(errno) => errno.into(),
                    Ok(Ok(())) => Closed::Reset,
                };
                return self.lose(app, id, why);
            }
            if !flags.contains(EventFlags::OUT) {
                return;
            }
            if let Some(conn) = self.conns.get_mut(id) {
                conn.state = State::Open;
            }
            app.opened(self, id, Origin::Connected, self.now_us);
        }
        if flags.contains(EventFlags::OUT) {
            self.flush(id);
        }
        if ended || flags.contains(EventFlags::IN) {
            self.read(app, id, buffer, ended);
        }
    }

    /// Reads until the socket is empty: a short read shows that, unless an end was announced, which only a read of 0
    /// or an error confirms.
    fn read<A: App<Self>>(&mut self, app: &mut A, id: Id, buffer: &mut [u8], to_the_end: bool) {
        for _ in 0..READS_A_TURN {
            if self.reading_paused {
                break;
            }
            let Some(conn) = self.conns.get(id) else { return };
            match rustix::net::recv(&conn.fd, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return self.lose(app, id, Closed::Peer),
                Ok((_, length)) => {
                    self.stats.bytes_in += length as u64;
                    let drop_unread = conn.state == State::Lingering;
                    let filled = length == buffer.len();
                    if !drop_unread {
                        self.deliver(app, id, &buffer[..length]);
                    }
                    if !filled && !to_the_end {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(errno) => return self.lose(app, id, errno.into()),
            }
        }
        if let Some(conn) = self.conns.get_mut(id)
            && !mem::replace(&mut conn.unfinished, true)
        {
            self.unfinished.push(id);
        }
    }

    fn deliver<A: App<Self>>(&mut self, app: &mut A, id: Id, bytes: &[u8]) {
        let stash = self.conns.get_mut(id).and_then(|conn| conn.stash.take());
        let Some(mut stash) = stash else {
            let Taken(taken) = app.received(self, id, bytes, self.now_us);
            if taken < bytes.len()
                && let Some(conn) = self.conns.get_mut(id)
            {
                conn.stash = Some(Box::new(bytes[taken..].to_vec()));
            }
            return;
        };
        stash.extend_from_slice(bytes);
        let Taken(taken) = app.received(self, id, &stash, self.now_us);
        stash.drain(..taken.min(stash.len()));
        // It held a whole read for a moment; a peer that never completes a frame must not keep that much.
        stash.shrink_to(2 * stash.len());
        if let Some(conn) = self.conns.get_mut(id).filter(|_| !stash.is_empty()) {
            conn.stash = Some(stash);
        }
    }

    /// Sends what waits; what the kernel does not take waits for the next edge.
    fn flush(&mut self, id: Id) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if let Some(out) = &mut conn.out {
            while !out.is_empty() {
                let (front, _) = out.as_slices();
                match rustix::net::send(&conn.fd, front, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                    Ok(sent) => {
                        self.stats.bytes_out += sent as u64;
                        out.drain(..sent);
                    }
                    Err(Errno::INTR) => {}
                    // Full again, or broken: an edge tells which.
                    Err(_) => return,
                }
            }
            conn.out = None;
            if matches!(conn.state, State::Lingering | State::Finished) {
                let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
            }
        }
    }

    /// The connection ended by itself: the application is told, unless it had closed it.
    fn lose<A: App<Self>>(&mut self, app: &mut A, id: Id, why: Closed) {
        if let Some(conn) = self.forget(id)
            && conn.state != State::Lingering
        {
            app.closed(self, id, why, self.now_us);
        }
    }

    fn forget(&mut self, id: Id) -> Option<Conn> {
        let conn = self.conns.remove(id)?;
        self.stats.closed += 1;
        self.lingering_now -= u32::from(conn.state == State::Lingering);
        Some(conn)
    }

    /// Puts the listener among epoll's, or takes it out, as pauses and rests want.
    fn settle_accepting(&mut self) {
        let wanted = !self.accepting_paused && self.starved_until_us.is_none();
        let Some(listener) = self.listener.as_ref().filter(|_| self.accepting != wanted) else {
            return;
        };
        let done = if wanted {
            epoll::add(
                &self.epoll,
                listener,
                EventData::new_u64(LISTENER),
                EventFlags::IN,
            )
        } else {
            epoll::delete(&self.epoll, listener)
        };
        self.accepting = done.is_ok() == wanted;
    }

    fn end_lingering(&mut self) {
        while let Some((due_us, id)) = self.lingering.front().copied() {
            if due_us > self.now_us {
                return;
            }
            self.lingering.pop_front();
            self.forget(id);
        }
    }
}

impl Transport for Kernel {
    fn wait(&mut self, timeout: Duration) -> std::io::Result<()> {
        let timeout = if self.unfinished.is_empty() || self.reading_paused {
            timeout
        } else {
            Duration::ZERO
        };
        let timeout = rustix::time::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            Some(&timeout),
        ) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn handle<A: App<Self>>(&mut self, app: &mut A, wake: &Wake, now_us: u64) {
        self.now_us = now_us;
        // Both out of `self` while applications are called.
        let (events, mut buffer) = (mem::take(&mut self.events), mem::take(&mut self.buffer));
        if self.starved_until_us.is_some_and(|until_us| until_us <= now_us) {
            self.starved_until_us = None;
            self.settle_accepting();
        }
        if !self.reading_paused {
            for id in mem::take(&mut self.unfinished) {
                if let Some(conn) = self.conns.get_mut(id) {
                    conn.unfinished = false;
                    self.read(app, id, &mut buffer, true);
                }
            }
        }
        for event in &events {
            // The struct is packed: its fields are copied out, never borrowed.
            let (flags, data) = (event.flags, event.data);
            match data.u64() {
                WAKE => wake.clear(),
                LISTENER => self.accept(app),
                bits => self.ready(app, Id::from_bits(bits), flags, &mut buffer),
            }
        }
        (self.events, self.buffer) = (events, buffer);
        self.end_lingering();
    }
}

impl Acceptor for Kernel {
    fn sockets(&mut self) -> &mut Kernel {
        self
    }
}

impl Link for Kernel {
    fn connect(&mut self, to: SocketAddr) -> Result<Id, Closed> {
        let fd = self.sources.connect(to)?;
        self.stats.connects += 1;
        self.register(fd, State::Connecting)
    }

    fn send(&mut self, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        let conn = self
            .conns
            .get_mut(id)
            .filter(|conn| conn.state == State::Open)
            .ok_or(SendError::Gone)?;
        if let Some(out) = &mut conn.out {
            if out.len() + bytes.len() > self.options.out_max_bytes {
                return Err(SendError::Full);
            }
            out.extend(bytes);
            return Ok(());
        }
        let sent = match rustix::net::send(&conn.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => sent,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            // An edge tells the application, too.
            Err(_) => return Err(SendError::Gone),
        };
        self.stats.bytes_out += sent as u64;
        if sent < bytes.len() {
            self.stats.stalls += 1;
            conn.out = Some(Box::new(bytes[sent..].iter().copied().collect()));
        }
        Ok(())
    }

    fn farewell(&mut self, id: Id, bytes: &[u8]) {
        if self.send(id, bytes) == Err(SendError::Full)
            && let Some(out) = self.conns.get_mut(id).and_then(|conn| conn.out.as_mut())
        {
            out.extend(bytes);
        }
        self.close(id, Close::Graceful);
    }

    fn close(&mut self, id: Id, how: Close) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let is_open = matches!(conn.state, State::Open | State::Finished);
        if how == Close::Reset || !is_open {
            let _ = sockopt::set_socket_linger(&conn.fd, Some(Duration::ZERO));
            self.forget(id);
            return;
        }
        conn.state = State::Lingering;
        conn.stash = None;
        if conn.out.is_none() {
            let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
        }
        self.lingering_now += 1;
        self.lingering.push_back((self.now_us + LINGER_US, id));
    }

    fn finish_sending(&mut self, id: Id) -> bool {
        let Some(conn) = self.conns.get_mut(id) else {
            return false;
        };
        if conn.state == State::Open {
            conn.state = State::Finished;
            if conn.out.is_none() {
                let _ = rustix::net::shutdown(&conn.fd, Shutdown::Write);
            }
        }
        conn.state == State::Finished
    }

    fn connections(&self) -> u32 {
        self.conns.len() - self.lingering_now
    }

    fn pause_accepting(&mut self, paused: bool) {
        self.accepting_paused = paused;
        self.settle_accepting();
    }

    fn stop_listening(&mut self) {
        // Out of epoll before it is closed: a table elsewhere may hold it, too.
        if let Some(listener) = self.listener.take()
            && mem::take(&mut self.accepting)
        {
            let _ = epoll::delete(&self.epoll, &listener);
        }
    }
}

#[cfg(test)]
mod tests;
