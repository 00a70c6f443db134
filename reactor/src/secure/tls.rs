//! The sessions and handshakes of a shard, and the buffers and keys that they share.
//!
//! It does not know the application: what the application must hear is returned.

mod opening;

use std::collections::{HashSet, VecDeque};
use std::mem;

use wire::tls::{Alert, Event, Keys, PeerFault};

use crate::{Close, Closed, Id, Link, Origin, SendError};

use super::slots::{Slots, State};
use super::{SecureLink, SecureOptions, SecureStats};

/// What a shared buffer keeps of its memory once it has been larger.
const BUFFER_KEPT_BYTES: usize = 256 * 1024;

/// What a handshake takes while it lasts.
const HANDSHAKE_BYTES: u64 = 5 * 1024;

#[derive(Debug)]
pub(super) struct Tls {
    options: SecureOptions,
    slots: Slots,
    keys: Keys,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    /// Connections that are being opened.
    opening: u32,
    /// When each handshake must be done, in the order in which they began; some are. Twice
    /// [`SecureOptions::handshakes_max`] at most: then those that are done go, see `opening.rs`.
    deadlines: VecDeque<(u64, Id)>,
    /// Sessions that broke while sealing: the application is told in the next turn. Each ends with it, so they are no
    /// more than the transport has connections.
    broken: Vec<(Id, Closed)>,
    /// Those whose peers have said *close_notify*, while the application has yet to answer.
    finished: HashSet<Id>,
    accepting_paused: bool,
    resting: bool,
    stats: SecureStats,
}

/// What came of a handshake's turn.
#[derive(Debug)]
pub(super) enum Shaken {
    Waiting,
    Open { origin: Origin, leftover: Vec<u8> },
    Lost { origin: Origin, why: Closed },
}

/// What came of some records.
#[derive(Debug)]
pub(super) struct Opened {
    /// Bytes of whole records.
    pub(super) taken: usize,
    /// Whether the application has something new to read.
    pub(super) has_news: bool,
    /// Why the session is over, if it is.
    pub(super) end: Option<Closed>,
}

impl Tls {
    pub(super) fn new(options: SecureOptions) -> Self {
        Self {
            keys: Keys::new(options.keys).with_records_max(options.records_max),
            options,
            slots: Slots::default(),
            plain: Vec::new(),
            sealed: Vec::new(),
            opening: 0,
            deadlines: VecDeque::new(),
            broken: Vec::new(),
            finished: HashSet::new(),
            accepting_paused: false,
            resting: false,
            stats: SecureStats::default(),
        }
    }

    pub(super) fn link<'a, L: Link>(&'a mut self, link: &'a mut L) -> SecureLink<'a, L> {
        SecureLink::new(link, self)
    }

    pub(super) fn stats(&self) -> SecureStats {
        let keys = self.keys.stats();
        SecureStats {
            key_hits: keys.hits,
            key_misses: keys.misses,
            ..self.stats
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        let handshakes = u64::from(self.opening) * HANDSHAKE_BYTES;
        let buffers = self.plain.capacity() + self.sealed.capacity();
        (self.slots.bytes() + self.keys.bytes() + buffers) as u64 + handshakes
    }

    /// Connections that are being opened.
    pub(super) fn opening(&self) -> u32 {
        self.opening
    }

    pub(super) fn flights_a_turn(&self) -> u32 {
        self.options.flights_a_turn.max(1)
    }

    /// When the next turn is due on behalf of handshakes.
    pub(super) fn due_us(&self, now_us: u64) -> u64 {
        if self.slots.has_queued() || !self.broken.is_empty() {
            return now_us;
        }
        self.deadlines.front().map_or(u64::MAX, |(due_us, _)| *due_us)
    }
}

impl Tls {
    pub(super) fn take_plain(&mut self) -> Vec<u8> {
        mem::take(&mut self.plain)
    }

    pub(super) fn give_plain(&mut self, mut plain: Vec<u8>) {
        plain.clear();
        plain.shrink_to(BUFFER_KEPT_BYTES);
        self.plain = plain;
    }

    /// Opens the whole records of `bytes` into `plain`, after what the application left of the last ones.
    pub(super) fn open(&mut self, id: Id, bytes: &[u8], plain: &mut Vec<u8>) -> Opened {
        let mut opened = Opened {
            taken: 0,
            has_news: false,
            end: None,
        };
        let Some(session) = self.slots.session(id) else {
            opened.taken = bytes.len();
            return opened;
        };
        session.unstash(plain);
        let old = plain.len();
        loop {
            match session.open(&mut self.keys, id.to_bits(), &bytes[opened.taken..], plain) {
                Ok(None) => break,
                Ok(Some(record)) => {
                    opened.taken += record.length;
                    if record.event == Event::Closed {
                        opened.end = Some(Closed::Peer);
                        break;
                    }
                }
                Err(fault) => {
                    opened.end = Some(Closed::Tls(fault));
                    break;
                }
            }
        }
        opened.has_news = plain.len() > old;
        opened
    }

    /// Keeps what the application did not take. Returns why the session must end, if that is too much.
    pub(super) fn keep_plain(&mut self, id: Id, rest: &[u8]) -> Option<Closed> {
        let session = self.slots.session(id)?;
        if rest.len() > self.options.stash_max_bytes {
            return Some(Closed::Tls(PeerFault::Violated(Alert::RECORD_OVERFLOW).into()));
        }
        session.stash(rest);
        None
    }

    /// Sealed bytes that came with a handshake's end: the beginning of a record.
    pub(super) fn keep_sealed(&mut self, id: Id, rest: &[u8]) {
        if let Some(session) = self.slots.session(id) {
            session.keep_sealed(rest);
        }
    }

    pub(super) fn take_sealed(&mut self, id: Id) -> Option<Vec<u8>> {
        self.slots.session(id)?.take_sealed()
    }

    /// Ends a session that is over, with the alert that is due. Returns whether there was one to end.
    pub(super) fn end<L: Link>(&mut self, link: &mut L, id: Id, why: Closed) -> bool {
        let alert = match why {
            Closed::Tls(fault) => {
                self.stats.faults += 1;
                fault.alert()
            }
            _ => Some(Alert::CLOSE_NOTIFY),
        };
        self.finish(link, id, &[], alert)
    }

    pub(super) fn send<L: Link>(&mut self, link: &mut L, id: Id, bytes: &[u8]) -> Result<(), SendError> {
        if self.is_clear(id) {
            return link.send(id, bytes);
        }
        let session = self.slots.session(id).ok_or(SendError::Gone)?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.sealed.clear();
        let sealed = session.seal(&mut self.keys, id.to_bits(), bytes, &mut self.sealed);
        let result = match sealed {
            Ok(written) => link.send(id, &self.sealed).map(|()| session.commit(written)),
            Err(fault) => {
                self.finish(link, id, &[], None);
                self.broken.push((id, Closed::Tls(fault)));
                Err(SendError::Gone)
            }
        };
        self.sealed.shrink_to(BUFFER_KEPT_BYTES);
        result
    }

    /// Seals some last bytes, if there are any, says that no more come, and closes.
    pub(super) fn farewell<L: Link>(&mut self, link: &mut L, id: Id, bytes: &[u8]) {
        if self.is_clear(id) {
            self.forget(id);
            return link.farewell(id, bytes);
        }
        if !self.finish(link, id, bytes, Some(Alert::CLOSE_NOTIFY)) {
            self.forget(id);
            link.close(id, Close::Graceful);
        }
    }

    /// Says that no more comes (*close_notify*: RFC 8446, section 6.1) and goes on listening.
    pub(super) fn finish_sending<L: Link>(&mut self, link: &mut L, id: Id) -> bool {
        if self.is_clear(id) {
            return link.finish_sending(id);
        }
        let Some(session) = self.slots.session(id) else {
            return false;
        };
        self.sealed.clear();
        let sealed = session.alert(
            &mut self.keys,
            id.to_bits(),
            Alert::CLOSE_NOTIFY,
            &mut self.sealed,
        );
        // Where there is no room for it FIN has to say it alone.
        if let Ok(written) = sealed
            && link.send(id, &self.sealed).is_ok()
        {
            session.commit(written);
        }
        link.finish_sending(id)
    }

    pub(super) fn reset<L: Link>(&mut self, link: &mut L, id: Id) {
        self.forget(id);
        link.close(id, Close::Reset);
    }

    /// Forgets a connection that says nothing more.
    pub(super) fn vanish(&mut self, id: Id) {
        self.forget(id);
    }

    /// Ends an open session: last bytes, an alert, FIN. Returns whether it was one.
    fn finish<L: Link>(&mut self, link: &mut L, id: Id, bytes: &[u8], alert: Option<Alert>) -> bool {
        let Some(session) = self.slots.session(id) else {
            return false;
        };
        let (keys, out) = (&mut self.keys, &mut self.sealed);
        out.clear();
        // What cannot be sealed is not sent; the connection ends all the same.
        if let Ok(written) = session.seal(keys, id.to_bits(), bytes, out) {
            session.commit(written);
            if let Some(Ok(written)) = alert.map(|alert| session.alert(keys, id.to_bits(), alert, out)) {
                session.commit(written);
            }
        }
        link.farewell(id, out);
        self.forget(id);
        true
    }

    /// The transport lost a connection. Returns what the application should hear.
    pub(super) fn closed<L: Link>(&mut self, link: &mut L, id: Id, why: Closed) -> Option<(Origin, Closed)> {
        // FIN without a close_notify: what came may not be all (RFC 8446, section 6.1).
        let cut = match why {
            Closed::Peer => Closed::Tls(PeerFault::Truncated.into()),
            other => other,
        };
        let told = match self.forget(id) {
            State::Vacant => None,
            State::Connecting(_) => Some((Origin::Connected, why)),
            State::Clear => Some((Origin::Connected, why)),
            State::Shaking(shaking) => {
                self.stats.failed += 1;
                Some((shaking.origin, cut))
            }
            // An open one is the application's, whoever opened it.
            State::Open(_) => {
                self.stats.truncated += u64::from(why == Closed::Peer);
                Some((Origin::Connected, cut))
            }
        };
        self.settle_accepting(link);
        told
    }

    /// Notes that nothing more is to come from the peer, while something goes to it.
    pub(super) fn note_finished(&mut self, id: Id) {
        if self.slots.session(id).is_some() {
            self.finished.insert(id);
        }
    }

    pub(super) fn has_finished(&self, id: Id) -> bool {
        !self.finished.is_empty() && self.finished.contains(&id)
    }

    pub(super) fn next_broken(&mut self) -> Option<(Id, Closed)> {
        self.broken.pop()
    }

    fn forget(&mut self, id: Id) -> State {
        let state = self.slots.take(id);
        if !self.finished.is_empty() {
            self.finished.remove(&id);
        }
        match &state {
            State::Connecting(_) | State::Shaking(_) => self.opening -= 1,
            State::Open(_) => self.keys.forget(id.to_bits()),
            State::Vacant | State::Clear => {}
        }
        state
    }
}

#[cfg(test)]
mod tests;
