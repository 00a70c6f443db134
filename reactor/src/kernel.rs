//! The transport over kernel sockets: one level-triggered listener, any number of edge-triggered connections.
//!
//! System calls of a connection's life, accepted: `accept4`, `epoll_ctl`, `close`; connected: `socket`, `setsockopt`,
//! `bind`, `connect`, `epoll_ctl`, `close`. A connection is registered once, for both directions and edge-triggered
//! (epoll(7)), and never modified. A message costs one `recv` and one `send` an end: a read that did not fill the
//! buffer has emptied the socket, so no second `recv` asks; only a FIN or an error does.

mod conn;
mod door;
mod link;
mod options;
mod stream;
mod unread;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::sockopt;

use crate::{App, Arena, Close, Closed, Id, Link as _, Listener, Origin, Sources, Transport, Wake};
use conn::{Conn, State};
pub use options::{KernelOptions, KernelStats};

/// Events taken from epoll a turn.
const EVENTS: usize = 1024;
/// The read buffer that all connections of a shard share.
const BUFFER_BYTES: usize = 64 * 1024;
/// Marks the listener among epoll's events; no [`Id`] has these bits, because an arena never gets that far.
const LISTENER: u64 = u64::MAX;
/// Marks the waker.
const WAKE: u64 = u64::MAX - 1;

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
    /// noticed meanwhile, but by [`Link::send`](crate::Link::send).
    pub fn pause_reading(&mut self, paused: bool) {
        self.reading_paused = paused;
    }

    /// Changes how many bytes may wait for one peer from now on.
    pub fn set_out_max(&mut self, bytes: usize) {
        self.options.out_max_bytes = bytes;
    }

    /// Descriptors in use for connections: those of [`Link::connections`](crate::Link::connections), and those that wait for their peer's FIN.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.conns.len()
    }

    /// Resets every connection that is left, at one system call more than closing it: for a process that ends. A FIN would
    /// be sent, sent again and waited for by the kernel, which takes minutes where there are millions.
    pub fn reset_all(&mut self) {
        for index in 0..self.conns.extent() {
            if let Some(id) = self.conns.at(index).map(|(id, _)| id) {
                self.close(id, Close::Reset);
            }
        }
    }

    /// Where a connection's peer is (getpeername(2)).
    #[must_use]
    pub fn peer(&self, id: Id) -> Option<IpAddr> {
        let conn = self.conns.get(id)?;
        let address = socket2::SockRef::from(&conn.fd).peer_addr().ok()?;
        Some(address.as_socket()?.ip())
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> KernelStats {
        self.stats
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
        // A read of 0 says no more of one that has said its last; but that both ways are shut is news.
        let is_finished = |conn: &Conn| conn.state == State::Owing;
        if flags.intersects(EventFlags::HUP | EventFlags::ERR) && self.conns.get(id).is_some_and(is_finished)
        {
            return self.lose(app, id, Closed::Reset);
        }
        if ended || flags.contains(EventFlags::IN) {
            self.read(app, id, buffer, ended);
        }
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

#[cfg(test)]
mod tests;
