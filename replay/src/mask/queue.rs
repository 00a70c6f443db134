//! Events in the order in which they came, while bytes of some of them wait to be masked: what is handed on has the times, offsets and lengths
//! of what came.
//!
//! It does not know how anything is masked. What is behind an event that waits is kept, some 100 B and its bytes each.

use std::collections::VecDeque;

use super::held::Held;
use crate::{Event, Flow, Secrecy, Side, Sink};

/// What an event costs beside its bytes.
const KEEPING_BYTES: usize = 100;

/// Room for so many stays.
const FEW: usize = 1_024;

/// Events that wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many went before the first.
    gone: u64,
    bytes: usize,
}

#[derive(Debug)]
enum Waiting {
    /// What a side said, as far as it is masked.
    Said {
        flow: Flow,
        side: Side,
        at_ns: u64,
        offset: u64,
        length: usize,
        masked: Vec<u8>,
    },
    /// Of the kinds that have no bytes.
    Other(Event<'static>),
    Secrecy(Flow, Secrecy),
}

impl Queue {
    /// What all of it takes, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A side said so many bytes, which will be masked; which event that is.
    pub(super) fn said(&mut self, flow: Flow, side: Side, at_ns: u64, offset: u64, length: usize) -> u64 {
        self.bytes += KEEPING_BYTES + length;
        self.waiting.push_back(Waiting::Said {
            flow,
            side,
            at_ns,
            offset,
            length,
            masked: Vec::new(),
        });
        self.gone + self.waiting.len() as u64 - 1
    }

    /// Something else happened. [`Event::Data`] is none of these.
    pub(super) fn other(&mut self, event: Event<'_>) {
        let Some(event) = event.unborrowed() else { return };
        self.bytes += KEEPING_BYTES;
        self.waiting.push_back(Waiting::Other(event));
    }

    /// What became known of a connection's encryption.
    pub(super) fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        self.bytes += KEEPING_BYTES;
        self.waiting.push_back(Waiting::Secrecy(flow, secrecy));
    }

    /// The first `count` bytes that are held of a side are masked.
    pub(super) fn fill(&mut self, held: &mut Held, count: usize) {
        let mut bytes = &held.bytes[..count];
        while let Some((event, left)) = held.pieces.front_mut()
            && !bytes.is_empty()
        {
            let (now, later) = bytes.split_at(bytes.len().min(*left));
            let place = usize::try_from(*event - self.gone).unwrap_or(usize::MAX);
            if let Some(Waiting::Said { length, masked, .. }) = self.waiting.get_mut(place) {
                if masked.is_empty() {
                    masked.reserve_exact(*length);
                }
                masked.extend_from_slice(now);
            }
            *left -= now.len();
            if *left == 0 {
                held.pieces.pop_front();
            }
            bytes = later;
        }
        held.take(count);
    }

    /// Hands on what waits for nothing.
    pub(super) fn hand_on(&mut self, sink: &mut impl Sink) {
        while let Some(first) = self.waiting.front() {
            let mut bytes = KEEPING_BYTES;
            match first {
                Waiting::Said { length, masked, .. } if masked.len() < *length => return,
                Waiting::Said {
                    flow,
                    side,
                    at_ns,
                    offset,
                    length,
                    masked,
                } => {
                    bytes += length;
                    sink.event(Event::Data {
                        flow: *flow,
                        side: *side,
                        at_ns: *at_ns,
                        offset: *offset,
                        bytes: masked,
                    });
                }
                Waiting::Other(event) => sink.event(*event),
                Waiting::Secrecy(flow, secrecy) => sink.secrecy(*flow, *secrecy),
            }
            self.bytes -= bytes;
            self.waiting.pop_front();
            self.gone += 1;
        }
        // No room is kept for a rush that was.
        self.waiting.shrink_to(FEW);
    }

    /// Whose bytes the first event waits for.
    pub(super) fn first(&self) -> Option<(Flow, Side)> {
        match self.waiting.front() {
            Some(Waiting::Said { flow, side, .. }) => Some((*flow, *side)),
            _ => None,
        }
    }
}
