//! One thread of a storm: its connections, and the loop that opens and resets them.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use reactor::{
    App, Clock, Close, Closed, Id, Kernel, KernelOptions, Link, Origin, Shard, ShardError, ShardStats, Taken,
    Wake,
};

use super::Shared;
use crate::protocol::{Event, Protocol};
use crate::source::sources;

/// Log-ins under way at once, a thread.
pub(super) const OPENING_MAX: usize = 128;
/// Numbers that a thread's clients take in turn: many more than it holds, so that no number meets itself.
const NUMBERS: u32 = 100_000;
const TURN_US: u64 = 5_000;

/// What a thread of a storm is given.
pub(super) struct Thread {
    /// Which of them.
    pub(super) index: u32,
    /// Connections to hold.
    pub(super) hold: u32,
    /// Whether to stop there, or go on and reset the oldest.
    pub(super) keep: bool,
    /// Where the server listens.
    pub(super) to: SocketAddrV4,
    /// Wakes this thread.
    pub(super) wake: Wake,
    /// What all threads share.
    pub(super) shared: Arc<Shared>,
    /// Told when the thread's work ends, so that who waits learns of an early end.
    pub(super) over: mpsc::Sender<()>,
}

impl Thread {
    /// Works until told to stop; returns what went wrong.
    ///
    /// # Errors
    /// No epoll to be had, or it broke.
    pub(super) fn run<P: Protocol>(self, protocol: P) -> Result<Option<String>, ShardError> {
        let mut kernel = Kernel::new(None, sources(), KernelOptions::default(), &self.wake)?;
        let shard = Shard::new(Clock::start(), self.wake.clone(), Arc::new(ShardStats::default()));
        let mut logins = Logins {
            protocol,
            clients: Vec::new(),
            opening: 0,
            begun: 0,
            held: VecDeque::new(),
            out: Vec::new(),
            fault: None,
            thread: self,
        };
        let result = shard.run(&mut kernel, &mut logins);
        for id in logins.held.drain(..) {
            kernel.close(id, Close::Reset);
        }
        // Who waits may have stopped waiting.
        let _ = logins.thread.over.send(());
        result.map(|()| logins.fault)
    }
}

struct Client<S> {
    who: u32,
    session: S,
}

struct Logins<P: Protocol> {
    protocol: P,
    /// By the connection's place.
    clients: Vec<Client<P::Session>>,
    opening: usize,
    begun: u32,
    held: VecDeque<Id>,
    out: Vec<u8>,
    fault: Option<String>,
    thread: Thread,
}

impl<P: Protocol> Logins<P> {
    fn connect<L: Link>(&mut self, link: &mut L) {
        while self.opening < OPENING_MAX && !(self.thread.keep && self.begun == self.thread.hold) {
            match link.connect(SocketAddr::V4(self.thread.to)) {
                Ok(id) => {
                    let client = Client {
                        who: self.thread.index * NUMBERS + self.begun % NUMBERS,
                        session: P::Session::default(),
                    };
                    let place = id.index as usize;
                    if place < self.clients.len() {
                        self.clients[place] = client;
                    } else {
                        self.clients.push(client);
                    }
                    self.opening += 1;
                    self.begun += 1;
                }
                Err(why) => return self.fault = Some(format!("cannot connect: {why}")),
            }
        }
    }

    fn logged_in<L: Link>(&mut self, link: &mut L, id: Id) {
        self.opening -= 1;
        self.thread.shared.logins.fetch_add(1, Ordering::Relaxed);
        self.held.push_back(id);
        if self.held.len() > self.thread.hold as usize
            && let Some(oldest) = self.held.pop_front()
        {
            // By RST: a FIN would leave a port in TIME_WAIT for each log-in.
            link.close(oldest, Close::Reset);
        }
        self.connect(link);
    }
}

impl<P: Protocol, L: Link> App<L> for Logins<P> {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        self.out.clear();
        let who = self.clients[id.index as usize].who;
        self.protocol.opened(who, &mut self.out);
        if !self.out.is_empty() && link.send(id, &self.out).is_err() {
            self.fault = Some("a connection broke at its beginning".to_owned());
        }
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        self.out.clear();
        let Client { who, session } = &mut self.clients[id.index as usize];
        let mut ready = false;
        let result = self
            .protocol
            .received(session, *who, bytes, &mut self.out, &mut |event| {
                ready |= event == Event::Ready
            });
        let taken = match result {
            Ok(taken) => taken,
            Err(fault) => {
                self.fault = Some(fault.to_string());
                bytes.len()
            }
        };
        if !self.out.is_empty() && link.send(id, &self.out).is_err() {
            self.fault = Some("a connection broke in its log-in".to_owned());
        }
        if ready {
            self.logged_in(link, id);
        }
        Taken(taken)
    }

    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        self.fault = Some(format!("the server ended a connection: {why}"));
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if self.fault.is_some() || self.thread.shared.stop.load(Ordering::Relaxed) {
            return None;
        }
        self.connect(link);
        Some(now_us + TURN_US)
    }
}
