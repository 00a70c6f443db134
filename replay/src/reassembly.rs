//! TCP connections put together again from their segments: a pure machine, segments and packet time in, events out.
//!
//! It knows no file, no clock and no thread. A segment that is next in its stream goes to the sink from where it lies: no copy,
//! no allocation, one look-up and one connection touched. What comes early is copied and waits. First bytes win, holes become
//! gaps, and nothing grows past [`ReassemblyLimits`]: a connection holds 256 B, what waits is counted with its overhead.

mod connection;
mod deadlines;
mod figures;
mod half;
mod numbers;
mod order;
mod recollection;
mod store;
mod table;
mod telling;

pub use figures::{ReassemblyFigures, ReassemblyLimits};

use crate::event::{End, Flow, Side, Sink, Start};
use crate::packet::{Flags, Segment};
use crate::skipped::Skip;
use connection::{Connection, Heard};
use deadlines::{Deadlines, Due};
use table::{Key, Slot, Table};
use telling::{Ledger, Telling};

/// All connections of a capture.
#[derive(Debug)]
pub struct Reassembly {
    limits: ReassemblyLimits,
    table: Table,
    deadlines: Deadlines,
    ledger: Ledger,
    next_flow: u64,
    now_ns: u64,
    /// Nothing is due before.
    quiet_until_ns: u64,
}

impl Reassembly {
    /// With nothing seen yet.
    #[must_use]
    pub fn new(limits: ReassemblyLimits) -> Self {
        Self {
            table: Table::default(),
            deadlines: Deadlines::default(),
            ledger: Ledger::new(limits),
            limits,
            next_flow: 0,
            now_ns: 0,
            quiet_until_ns: 0,
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> &ReassemblyFigures {
        &self.ledger.figures
    }

    /// Takes a segment, seen at this time; a time before the last one's counts as that. What is due by then happens first.
    pub fn segment<S: Sink + ?Sized>(&mut self, at_ns: u64, segment: &Segment<'_>, sink: &mut S) {
        self.advance(at_ns, sink);
        while let Some((due, grace)) = self.deadlines.pop_crowded() {
            self.ledger.figures.hurried += 1;
            self.look(due, grace, true, sink);
        }
        let at_ns = self.now_ns;
        self.ledger.figures.segments += 1;
        self.ledger.figures.payload_bytes += segment.payload.len() as u64;
        if segment.source == segment.to {
            self.refuse(segment, Skip::Itself);
            return;
        }
        let key = Key::of(segment);
        let Some(slot) = self.table.find(&key) else {
            self.open(key, segment, sink);
            return;
        };
        self.table.touch(slot, at_ns, &self.limits);
        let connection = self.table.connection_mut(slot);
        let mut telling = Telling {
            sink,
            ledger: &mut self.ledger,
            at_ns,
        };
        match connection.hear(segment, &mut telling) {
            Heard::Well => self.settle(slot, sink),
            Heard::Anew => {
                if !self.table.connection(slot).is_closed() {
                    self.close(slot, End::Open, sink);
                }
                self.table.remove(slot);
                self.open(key, segment, sink);
            }
            Heard::Refused(skip) => self.refuse(segment, skip),
        }
    }

    /// Lets packet time pass: declares the gaps that are due by then, and ends what is idle.
    pub fn advance<S: Sink + ?Sized>(&mut self, at_ns: u64, sink: &mut S) {
        let at_ns = at_ns.max(self.now_ns);
        if at_ns >= self.quiet_until_ns {
            self.due(at_ns, sink);
        }
        self.now_ns = at_ns;
    }

    /// The capture is over: what waits is given out, with the gaps before it, and every open connection ends as it is.
    pub fn finish<S: Sink + ?Sized>(mut self, sink: &mut S) -> ReassemblyFigures {
        while let Some(slot) = self.table.oldest() {
            self.close(slot, End::Open, sink);
            self.table.remove(slot);
        }
        self.ledger.figures
    }

    /// A connection begins with this segment.
    fn open<S: Sink + ?Sized>(&mut self, key: Key, segment: &Segment<'_>, sink: &mut S) {
        let (syn, ack) = (segment.flags.has(Flags::SYN), segment.flags.has(Flags::ACK));
        if segment.flags.has(Flags::RST) {
            self.refuse(segment, Skip::Stray);
            return;
        }
        self.make_room(sink);
        let source_is_client = match (syn, ack) {
            (true, true) => false,
            (true, false) => true,
            // Mid-stream: servers have the lower ports. Where that does not tell, who speaks first is the client.
            (false, _) => segment.source.port() >= segment.to.port(),
        };
        let (client, server) = if source_is_client {
            (segment.source, segment.to)
        } else {
            (segment.to, segment.source)
        };
        let flow = Flow(self.next_flow);
        self.next_flow += 1;
        let connection = Connection::new(key, flow, key.is_low(client), self.now_ns);
        let slot = self.table.insert(connection);
        self.ledger.figures.flows += 1;
        let mut telling = Telling {
            sink,
            ledger: &mut self.ledger,
            at_ns: self.now_ns,
        };
        let start = if syn { Start::Handshake } else { Start::Midway };
        telling.open(flow, client.socket(), server.socket(), start);
        if let Heard::Refused(skip) = self.table.connection_mut(slot).hear(segment, &mut telling) {
            self.refuse(segment, skip);
        }
        self.settle(slot, sink);
        self.wake_by(self.now_ns.saturating_add(self.limits.idle_ns));
    }

    /// After a segment: what has to be looked at later, and whether the connection is over.
    fn settle<S: Sink + ?Sized>(&mut self, slot: Slot, sink: &mut S) {
        let connection = self.table.connection_mut(slot);
        if let Some(end) = connection.over() {
            self.close(slot, end, sink);
            return;
        }
        if !connection.may_wait() {
            return;
        }
        for side in [Side::Client, Side::Server] {
            let other_finished = connection.half(side.other()).is_finished();
            let half = connection.half_mut(side);
            if half.is_passed(other_finished) && !std::mem::replace(&mut half.grace_runs, true) {
                let upto = half.acked();
                self.deadlines.grace.push_back(Due {
                    at_ns: self.now_ns.saturating_add(self.limits.grace_ns),
                    slot,
                    flow: connection.flow(),
                    side,
                    upto,
                });
            }
            let half = connection.half_mut(side);
            if half.has_hole() && !std::mem::replace(&mut half.silence_runs, true) {
                self.deadlines.silence.push_back(Due {
                    at_ns: self.now_ns.saturating_add(self.limits.silence_ns),
                    slot,
                    flow: connection.flow(),
                    side,
                    upto: u64::MAX,
                });
            }
        }
        if let Some(first_ns) = self.deadlines.first_ns() {
            self.wake_by(first_ns);
        }
    }

    fn wake_by(&mut self, at_ns: u64) {
        self.quiet_until_ns = self.quiet_until_ns.min(at_ns);
    }

    /// Does what is due up to this time, each thing at its own.
    #[cold]
    fn due<S: Sink + ?Sized>(&mut self, at_ns: u64, sink: &mut S) {
        loop {
            let hole_ns = self.deadlines.first_ns().unwrap_or(u64::MAX);
            let table_ns = self.table.due_ns(&self.limits);
            let first_ns = hole_ns.min(table_ns);
            // At the end of time, where damaged stamps point, nothing is due any more.
            if first_ns > at_ns || first_ns == u64::MAX {
                self.quiet_until_ns = first_ns;
                return;
            }
            self.now_ns = self.now_ns.max(first_ns);
            if hole_ns <= table_ns {
                self.hole_due(sink);
            } else if let Some((slot, end)) = self.table.expire(&self.limits, self.now_ns) {
                if end {
                    self.close(slot, End::Idle, sink);
                } else {
                    self.table.remove(slot);
                }
            }
        }
    }

    /// The first of the holes that are due.
    fn hole_due<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        if let Some((due, grace)) = self.deadlines.pop() {
            self.look(due, grace, false, sink);
        }
    }

    /// Looks at a side whose time has come, or that has to be hurried since the queue is full.
    fn look<S: Sink + ?Sized>(&mut self, due: Due, grace: bool, hurried: bool, sink: &mut S) {
        let Some(connection) = self.table.flow_mut(due.slot, due.flow) else {
            return;
        };
        let mut telling = Telling {
            sink,
            ledger: &mut self.ledger,
            at_ns: self.now_ns,
        };
        let quiet = self.now_ns.saturating_sub(connection.last_ns()) >= self.limits.silence_ns;
        let other_finished = connection.half(due.side.other()).is_finished();
        let flow = connection.flow();
        let half = connection.half_mut(due.side);
        if grace {
            half.grace_runs = false;
            half.give_up(due.upto, other_finished, &mut telling.of(flow, due.side));
        } else {
            half.silence_runs = false;
            if quiet || hurried {
                half.give_up_all(&mut telling.of(flow, due.side));
            }
        }
        connection.note_finish(due.side);
        self.settle(due.slot, sink);
    }

    /// Gives out what waits and ends a connection; its slot stays, so that what comes late is known for what it is.
    fn close<S: Sink + ?Sized>(&mut self, slot: Slot, end: End, sink: &mut S) {
        let mut telling = Telling {
            sink,
            ledger: &mut self.ledger,
            at_ns: self.now_ns,
        };
        self.table.connection_mut(slot).close(end, &mut telling);
        self.table.linger(slot, self.now_ns);
        self.wake_by(self.now_ns.saturating_add(self.limits.linger_ns));
    }

    /// Another connection fits.
    fn make_room<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        while self.table.len() >= self.limits.flows.max(1) {
            let Some(slot) = self.table.evict(self.now_ns) else {
                return;
            };
            if !self.table.connection(slot).is_closed() {
                self.ledger.figures.flows_dropped += 1;
                self.close(slot, End::Dropped, sink);
            }
            self.table.remove(slot);
        }
    }

    fn refuse(&mut self, segment: &Segment<'_>, skip: Skip) {
        let figures = &mut self.ledger.figures;
        figures.skipped.add(skip);
        figures.refused_bytes += segment.payload.len() as u64;
    }
}

#[cfg(test)]
mod tests;
