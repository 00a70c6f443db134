//! Events on their way to the sink, and the ledger they are booked in.
//!
//! It does not decide what is told.

use std::net::SocketAddr;

use super::figures::{ReassemblyFigures, ReassemblyLimits};
use super::recollection::Recollection;
use crate::event::{End, Event, Flow, Side, Sink, Start};

/// What all connections share: figures, the bound on what waits, and what was said lately.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) figures: ReassemblyFigures,
    pub(super) recollection: Recollection,
    waiting_bytes: usize,
    limits: ReassemblyLimits,
}

impl Ledger {
    pub(super) fn new(limits: ReassemblyLimits) -> Self {
        Self {
            figures: ReassemblyFigures::default(),
            recollection: Recollection::default(),
            waiting_bytes: 0,
            limits,
        }
    }

    /// A side's store went from so many bytes to so many.
    pub(super) fn waits(&mut self, before: usize, after: usize) {
        self.waiting_bytes = self.waiting_bytes + after - before;
        let peak = &mut self.figures.waiting_bytes_peak;
        *peak = (*peak).max(self.waiting_bytes as u64);
    }

    /// Whether a side that holds so many bytes must let some go.
    pub(super) fn is_over(&self, side_bytes: usize) -> bool {
        side_bytes > self.limits.waiting_bytes_side
            || (side_bytes > 0 && self.waiting_bytes > self.limits.waiting_bytes)
    }
}

/// Somebody who can tell the sink, at a time.
pub(super) struct Telling<'a, S: ?Sized> {
    pub(super) sink: &'a mut S,
    pub(super) ledger: &'a mut Ledger,
    pub(super) at_ns: u64,
}

impl<S: Sink + ?Sized> Telling<'_, S> {
    pub(super) fn of(&mut self, flow: Flow, side: Side) -> SideTelling<'_, S> {
        SideTelling {
            sink: self.sink,
            ledger: self.ledger,
            at_ns: self.at_ns,
            flow,
            side,
        }
    }

    pub(super) fn open(&mut self, flow: Flow, client: SocketAddr, server: SocketAddr, start: Start) {
        self.sink.event(Event::Open {
            flow,
            at_ns: self.at_ns,
            client,
            server,
            start,
        });
    }

    pub(super) fn close(&mut self, flow: Flow, end: End) {
        let at_ns = self.at_ns;
        self.sink.event(Event::Close { flow, at_ns, end });
    }
}

/// The same for one side of one connection.
pub(super) struct SideTelling<'a, S: ?Sized> {
    sink: &'a mut S,
    pub(super) ledger: &'a mut Ledger,
    at_ns: u64,
    pub(super) flow: Flow,
    pub(super) side: Side,
}

impl<S: Sink + ?Sized> SideTelling<'_, S> {
    pub(super) fn data(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.ledger.figures.reassembled_bytes += bytes.len() as u64;
        self.sink.event(Event::Data {
            flow: self.flow,
            side: self.side,
            at_ns: self.at_ns,
            offset,
            bytes,
        });
    }

    pub(super) fn gap(&mut self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        self.ledger.figures.gapped_bytes += length;
        self.ledger.figures.gaps += 1;
        self.sink.event(Event::Gap {
            flow: self.flow,
            side: self.side,
            at_ns: self.at_ns,
            offset,
            length,
        });
    }

    pub(super) fn finish(&mut self) {
        self.sink.event(Event::Finish {
            flow: self.flow,
            side: self.side,
            at_ns: self.at_ns,
        });
    }
}
