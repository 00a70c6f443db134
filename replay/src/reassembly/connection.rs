//! One connection: two sides, who opened it, and how it ends.
//!
//! It does not know the other connections, nor what is due when.

use super::half::{Half, Said};
use super::order::Links;
use super::table::Key;
use super::telling::Telling;
use crate::event::{End, Flow, Side, Sink};
use crate::packet::{Endpoint, Flags, Segment};
use crate::skipped::Skip;

/// The window scale that is assumed where the handshake was not seen: what Linux offers at its default buffers.
const SCALE_ASSUMED: u8 = 7;

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It belongs here.
    Well,
    /// It begins another connection between the same sockets.
    Anew,
    /// It counts for nothing.
    Refused(Skip),
}

#[derive(Debug)]
pub(super) struct Connection {
    key: Key,
    flow: Flow,
    last_ns: u64,
    /// When it was put in its order last.
    pub(super) touched_ns: u64,
    pub(super) links: Links,
    client: Half,
    server: Half,
    client_is_low: bool,
    /// A SYN was seen.
    handshake: bool,
    closed: bool,
    finished_first: Option<Side>,
    reset_by: Option<Side>,
}

impl Connection {
    pub(super) fn new(key: Key, flow: Flow, client_is_low: bool, now_ns: u64) -> Self {
        Self {
            key,
            flow,
            last_ns: now_ns,
            touched_ns: now_ns,
            links: Links::default(),
            client: Half::default(),
            server: Half::default(),
            client_is_low,
            handshake: false,
            closed: false,
            finished_first: None,
            reset_by: None,
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// When it was last heard.
    pub(super) fn last_ns(&self) -> u64 {
        self.last_ns
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn half(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Whether anything may be missing on either side.
    pub(super) fn may_wait(&self) -> bool {
        self.client.may_wait() || self.server.may_wait()
    }

    /// How it ended, once it has and is not closed yet.
    pub(super) fn over(&self) -> Option<End> {
        if self.closed {
            return None;
        }
        if let Some(side) = self.reset_by {
            return Some(End::Reset(side));
        }
        let both = self.client.is_finished() && self.server.is_finished();
        self.finished_first.filter(|_| both).map(End::Finished)
    }

    /// Takes a segment of this connection.
    pub(super) fn hear<S: Sink + ?Sized>(
        &mut self,
        segment: &Segment<'_>,
        telling: &mut Telling<'_, S>,
    ) -> Heard {
        let side = self.side_of(segment.source);
        let syn = segment.flags.has(Flags::SYN);
        if syn && self.begins_anew(segment, side) {
            return Heard::Anew;
        }
        if self.closed {
            return if segment.length > 0 {
                Heard::Refused(Skip::Late)
            } else {
                Heard::Well
            };
        }
        if segment.flags.has(Flags::RST) {
            return self.reset(segment, side, telling);
        }
        self.last_ns = telling.at_ns;
        let seq = segment.seq.wrapping_add(u32::from(syn));
        if syn {
            self.handshake = true;
            self.half_mut(side).begin(seq, segment.scale);
        }
        if segment.flags.has(Flags::ACK) {
            let granted_bytes = self.granted_bytes(segment, side);
            let peer = self.half_mut(side.other());
            peer.acknowledge(segment.ack);
            peer.granted_bytes = granted_bytes;
        }
        let said = Said {
            seq,
            bytes: segment.payload,
            length: segment.length,
            fin: segment.flags.has(Flags::FIN),
            joined: !self.handshake,
        };
        let (flow, half) = (self.flow, self.half_mut(side));
        if let Err(skip) = half.take(said, &mut telling.of(flow, side)) {
            return Heard::Refused(skip);
        }
        self.note_finish(side);
        Heard::Well
    }

    /// Gives out what waits, and says how it ended.
    pub(super) fn close<S: Sink + ?Sized>(&mut self, end: End, telling: &mut Telling<'_, S>) {
        let flow = self.flow;
        for side in [Side::Client, Side::Server] {
            self.half_mut(side).give_up_all(&mut telling.of(flow, side));
        }
        self.closed = true;
        telling.close(flow, end);
    }

    /// Remembers who finished first.
    pub(super) fn note_finish(&mut self, side: Side) {
        if self.finished_first.is_none() && self.half(side).is_finished() {
            self.finished_first = Some(side);
        }
    }

    fn side_of(&self, source: Endpoint) -> Side {
        if self.key.is_low(source) == self.client_is_low {
            Side::Client
        } else {
            Side::Server
        }
    }

    /// Whether a SYN opens another connection: its number is not the one that this side's stream began with.
    fn begins_anew(&self, segment: &Segment<'_>, side: Side) -> bool {
        let half = self.half(side);
        if half.begins_at(segment.seq.wrapping_add(1)) {
            return false;
        }
        if half.is_unknown() {
            return self.closed;
        }
        // A second SYN and ACK for the same SYN corrects the first as long as nothing was said.
        let answers = segment.flags.has(Flags::ACK) && self.half(side.other()).begins_at(segment.ack);
        self.closed || !(answers && half.is_fresh())
    }

    /// The window that a segment grants, bytes. That of a SYN is never scaled (RFC 7323, section 2.2).
    fn granted_bytes(&self, segment: &Segment<'_>, side: Side) -> u32 {
        let window = u32::from(segment.window);
        if segment.flags.has(Flags::SYN) {
            return window;
        }
        let scale = match (
            self.handshake,
            self.half(side).scale(),
            self.half(side.other()).scale(),
        ) {
            (true, Some(scale), Some(_)) => scale,
            (true, None, None) => 0,
            _ => SCALE_ASSUMED,
        };
        window << scale
    }

    /// A reset ends the connection if it is in the window. One that answers a SYN has no numbers of its own: it is told by
    /// what it acknowledges (RFC 9293, section 3.10.7.3).
    fn reset<S: Sink + ?Sized>(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        telling: &mut Telling<'_, S>,
    ) -> Heard {
        let believed = if self.half(side).is_unknown() {
            let peer = self.half(side.other());
            !segment.flags.has(Flags::ACK) || peer.is_unknown() || peer.is_in_window(segment.ack)
        } else {
            self.half(side).is_in_window(segment.seq)
        };
        if !believed {
            return Heard::Refused(Skip::Outside);
        }
        self.last_ns = telling.at_ns;
        telling.ledger.figures.outlying_bytes += segment.payload.len() as u64;
        self.reset_by = Some(side);
        Heard::Well
    }
}
