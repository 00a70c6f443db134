//! Connections that are being opened: their handshakes, how many and how long, and when accepting rests.

use std::mem;
use std::net::SocketAddr;

use wire::tls::{ClientTls, Fault, Finished, Handshake, OwnFault, Progress};

use super::{Shaken, Tls};
use crate::secure::SecureOptions;
use crate::secure::slots::{DEFAULT_WAY, Shaking, State};
use crate::{Close, Closed, Id, Link, Origin, SendError};

/// A handshake that was sent more than this is worked off at once: no flight is that large.
const FLIGHT_MAX_BYTES: usize = 64 * 1024;

impl Tls {
    pub(in crate::secure) fn connect<L: Link>(
        &mut self,
        link: &mut L,
        to: SocketAddr,
        way: u16,
    ) -> Result<Id, Closed> {
        if !self.options.is_clear(way) && self.options.client(way).is_none() {
            return Err(Closed::Tls(OwnFault::Config.into()));
        }
        if self.opening >= self.options.handshakes_max {
            return Err(Closed::Crowded);
        }
        let id = link.connect(to)?;
        self.opening += 1;
        self.slots.put(id, State::Connecting(way));
        Ok(id)
    }

    /// The transport has a connection: its handshake begins. Returns whether it is open at once, because it has none.
    pub(in crate::secure) fn begin<L: Link>(
        &mut self,
        link: &mut L,
        id: Id,
        origin: Origin,
        now_us: u64,
    ) -> bool {
        let mut way = DEFAULT_WAY;
        if origin == Origin::Accepted {
            if self.opening >= self.options.handshakes_max || self.options.server.is_none() {
                self.stats.refused += 1;
                link.close(id, Close::Reset);
                return false;
            }
            self.opening += 1;
        } else {
            let Some(State::Connecting(asked)) = self.slots.get(id) else {
                // Nobody here asked for it.
                link.close(id, Close::Reset);
                return false;
            };
            way = *asked;
        }
        if self.options.is_clear(way) {
            self.opening -= 1;
            self.slots.put(id, State::Clear);
            self.settle_accepting(link);
            return true;
        }
        let shaking = Shaking {
            origin,
            way,
            handshake: None,
            incoming: Vec::new(),
            queued: false,
        };
        self.slots.put(id, State::Shaking(Box::new(shaking)));
        self.deadline(id, now_us);
        if origin == Origin::Connected {
            self.slots.queue(id);
        }
        self.settle_accepting(link);
        false
    }

    /// Whether it is open in the clear.
    pub(in crate::secure) fn is_clear(&mut self, id: Id) -> bool {
        !self.options.ways.is_empty() && matches!(self.slots.get(id), Some(State::Clear))
    }

    /// Notes when a handshake must be done. Where one that lasts keeps the others' places, those that are done are
    /// dropped: at most as many are under way as [`SecureOptions::handshakes_max`] says, so it is worth its walk.
    fn deadline(&mut self, id: Id, now_us: u64) {
        if self.deadlines.len() >= 2 * self.options.handshakes_max.max(1) as usize {
            let slots = &mut self.slots;
            self.deadlines.retain(|(_, id)| slots.shaking(*id).is_some());
        }
        self.deadlines
            .push_back((now_us + self.options.handshake_timeout_us, id));
    }

    pub(in crate::secure) fn is_shaking(&mut self, id: Id) -> bool {
        self.slots.shaking(id).is_some()
    }

    pub(in crate::secure) fn is_queued(&mut self, id: Id) -> bool {
        self.slots.shaking(id).is_some_and(|shaking| shaking.queued)
    }

    /// Keeps what came until the handshake's turn. Returns whether that must be now.
    pub(in crate::secure) fn queue(&mut self, id: Id, bytes: &[u8]) -> bool {
        let Some(shaking) = self.slots.shaking(id) else {
            return false;
        };
        shaking.incoming.extend_from_slice(bytes);
        let large = shaking.incoming.len() > FLIGHT_MAX_BYTES;
        self.slots.queue(id);
        large
    }

    pub(in crate::secure) fn next_queued(&mut self) -> Option<Id> {
        self.slots.next_queued()
    }

    /// Works off what a handshake was sent.
    pub(in crate::secure) fn shake<L: Link>(&mut self, link: &mut L, id: Id) -> Shaken {
        let Some(shaking) = self.slots.shaking(id) else {
            return Shaken::Waiting;
        };
        shaking.queued = false;
        let origin = shaking.origin;
        let mut out = mem::take(&mut self.sealed);
        out.clear();
        let progress = advance(shaking, &self.options, &mut out);
        let shaken = match progress {
            Ok(Progress::Waiting) if self.sends(link, id, &out) => Shaken::Waiting,
            Ok(Progress::Waiting) => self.fail(link, id, origin, OwnFault::Config.into(), &[]),
            Ok(Progress::Complete) => self.complete(link, id, origin, &out),
            Err(fault) => self.fail(link, id, origin, fault, &out),
        };
        self.sealed = out;
        shaken
    }

    fn complete<L: Link>(&mut self, link: &mut L, id: Id, origin: Origin, out: &[u8]) -> Shaken {
        let State::Shaking(shaking) = self.slots.take(id) else {
            return Shaken::Waiting;
        };
        self.opening -= 1;
        let finished = match shaking.handshake.map(Handshake::finish) {
            Some(Ok(finished)) => finished,
            Some(Err(fault)) => return self.broke(link, id, origin, fault),
            None => return self.broke(link, id, origin, OwnFault::Config.into()),
        };
        if !self.sends(link, id, out) {
            return self.broke(link, id, origin, OwnFault::Config.into());
        }
        let Finished {
            session,
            leftover,
            resumed,
            ..
        } = finished;
        self.stats.handshakes += 1;
        self.stats.resumed += u64::from(resumed);
        self.keys.forget(id.to_bits());
        self.slots.put(id, State::Open(session));
        Shaken::Open { origin, leftover }
    }

    /// Sends a flight. `false` if the transport has no room for one, which is too little for any TLS.
    fn sends<L: Link>(&self, link: &mut L, id: Id, flight: &[u8]) -> bool {
        // Gone: the transport says so by itself.
        flight.is_empty() || link.send(id, flight) != Err(SendError::Full)
    }

    fn broke<L: Link>(&mut self, link: &mut L, id: Id, origin: Origin, fault: Fault) -> Shaken {
        self.stats.failed += 1;
        link.close(id, Close::Reset);
        Shaken::Lost {
            origin,
            why: Closed::Tls(fault),
        }
    }

    fn fail<L: Link>(&mut self, link: &mut L, id: Id, origin: Origin, fault: Fault, alert: &[u8]) -> Shaken {
        self.slots.take(id);
        self.opening -= 1;
        self.stats.failed += 1;
        link.farewell(id, alert);
        Shaken::Lost {
            origin,
            why: Closed::Tls(fault),
        }
    }

    /// Ends the next handshake whose time is over.
    pub(in crate::secure) fn expired<L: Link>(&mut self, link: &mut L, now_us: u64) -> Option<(Id, Origin)> {
        while let Some((due_us, id)) = self.deadlines.front().copied() {
            let origin = self.slots.shaking(id).map(|shaking| shaking.origin);
            if origin.is_some() && due_us > now_us {
                return None;
            }
            self.deadlines.pop_front();
            if let Some(origin) = origin {
                self.slots.take(id);
                self.opening -= 1;
                self.stats.timed_out += 1;
                link.close(id, Close::Reset);
                return Some((id, origin));
            }
        }
        None
    }

    /// Accepting rests while too many handshakes are under way.
    pub(in crate::secure) fn settle_accepting<L: Link>(&mut self, link: &mut L) {
        let rests = self.opening >= self.options.handshakes_max;
        if mem::replace(&mut self.resting, rests) != rests {
            self.stats.accept_rests += u64::from(rests);
            link.pause_accepting(rests || self.accepting_paused);
        }
    }

    pub(in crate::secure) fn pause_accepting<L: Link>(&mut self, link: &mut L, paused: bool) {
        self.accepting_paused = paused;
        link.pause_accepting(paused || self.resting);
    }
}

impl SecureOptions {
    /// Under which TLS a connection of that way is opened.
    fn client(&self, way: u16) -> Option<&ClientTls> {
        match self.ways.get(usize::from(way)) {
            Some(client) => client.as_ref(),
            None => self.client.as_ref(),
        }
    }

    /// Whether a connection of that way is in the clear.
    fn is_clear(&self, way: u16) -> bool {
        matches!(self.ways.get(usize::from(way)), Some(None))
    }
}

/// One turn of a handshake; it is made with the first.
fn advance(shaking: &mut Shaking, options: &SecureOptions, out: &mut Vec<u8>) -> Result<Progress, Fault> {
    let incoming = mem::take(&mut shaking.incoming);
    let handshake = match &mut shaking.handshake {
        Some(handshake) => handshake,
        empty => empty.insert(
            match (shaking.origin, options.client(shaking.way), &options.server) {
                (Origin::Connected, Some(client), _) => Handshake::client(client)?,
                (Origin::Accepted, _, Some(server)) => Handshake::server(server)?,
                _ => return Err(OwnFault::Config.into()),
            },
        ),
    };
    handshake.receive_all(incoming, out)
}
