//! A client's TCP for millions of connections, pure: segments and time in, segments and events out.
//!
//! It knows no device, clock, thread or application. Connections are opened from here only; simultaneous open, urgent
//! data, timestamps (and so PAWS), selective acknowledgements and ECN are left out: a peer takes that from the SYN.
//!
//! A small message costs one segment each way, if the peer's answer carries its acknowledgement and the
//! application's reply carries the answer's. Segments leave when [`Stack::flush`] is called, once a turn, so whatever a
//! turn brings about for a connection leaves together.

mod acked;
mod arrive;
mod emit;
mod expire;
mod intake;
mod misfit;
mod targets;

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::ops::Range;

use super::block::{Block, Marks, State};
use super::busy::{Busy, Lender};
use super::device::{Medium, Sink};
use super::options::PacketOptions;
use super::segment::{End, HEADERS_BYTES, PACKET_MAX_BYTES};
use super::slots::Slots;
use super::stats::PacketStats;
use super::wheel::Wheel;
use crate::{Close, Closed, Id, SendError};
use misfit::Misfits;
use targets::Targets;

/// Acknowledgements owed at once, those carried since included: 4 MB. At the bound they leave at once, none waits.
const OWED_MAX: usize = 1 << 18;
/// How far at least a connection's first number lies above the last of the slot's former connection.
const ISN_STEP: u32 = 1 << 16;

/// What came of a segment, for the application; in this order.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) id: Id,
    /// The connection opened.
    pub(crate) opened: bool,
    /// Bytes of the packet that are the stream's next.
    pub(crate) data: Range<usize>,
    /// What came early and is next after these; empty but after a loss.
    pub(crate) more: Vec<(Box<[u8]>, Range<usize>)>,
    /// The connection ended.
    pub(crate) ended: Option<Closed>,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Stack {
    options: PacketOptions,
    medium: Medium,
    slots: Slots,
    targets: Targets,
    lender: Lender,
    wheel: Wheel,
    /// Acknowledgements owed, by when they are due; those that were carried since are still in it. [`OWED_MAX`] at most.
    owed: VecDeque<(u64, u32)>,
    /// Connections with something to send: each once, so no more than there are slots.
    queued: Vec<u32>,
    misfits: Misfits,
    random: Random,
    /// Challenge acknowledgements of the second that began then.
    challenges: (u64, u32),
    early_bytes: usize,
    /// Connections that an application has.
    held: u32,
    stats: PacketStats,
    scratch: Box<[u8]>,
}

impl Stack {
    pub(crate) fn new(options: PacketOptions, medium: Medium) -> Self {
        let seed = options.seed.unwrap_or_else(secret);
        Self {
            slots: Slots::new(options.subnet.slots()),
            options,
            medium,
            targets: Targets::default(),
            lender: Lender::default(),
            wheel: Wheel::default(),
            owed: VecDeque::new(),
            queued: Vec::new(),
            misfits: Misfits::default(),
            random: Random(seed),
            challenges: (0, 0),
            early_bytes: 0,
            held: 0,
            stats: PacketStats::default(),
            scratch: vec![0; PACKET_MAX_BYTES].into_boxed_slice(),
        }
    }

    pub(crate) fn stats(&self) -> PacketStats {
        PacketStats {
            in_use: self.slots.in_use(),
            ..self.stats
        }
    }

    /// The device failed to give a packet.
    pub(crate) fn read_failed(&mut self) {
        self.stats.read_errors += 1;
    }

    /// Connections that are open or opening.
    pub(crate) fn held(&self) -> u32 {
        self.held
    }

    /// Whether something waits for [`Stack::flush`].
    pub(crate) fn is_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// When to call [`Stack::expire`] at the latest, microseconds.
    pub(crate) fn due_us(&self) -> u64 {
        let owed_us = self.owed.front().map_or(u64::MAX, |(due_us, _)| *due_us);
        self.wheel.due_us().min(owed_us).min(self.misfits.due_us())
    }

    /// Begins to connect: the SYN leaves with the next flush.
    pub(crate) fn connect(&mut self, to: SocketAddrV4) -> Result<Id, Closed> {
        self.begin(to, State::SynSent)
    }

    fn begin(&mut self, to: SocketAddrV4, state: State) -> Result<Id, Closed> {
        let end = End {
            address: to.ip().to_bits(),
            port: to.port(),
        };
        let Some(target) = self.targets.place(end) else {
            self.stats.targets_refused += 1;
            return Err(rustix::io::Errno::NOBUFS.into());
        };
        let index = self.slots.take().ok_or(Closed::NoPort)?;
        self.targets.hold(target);
        let block = self.slots.at_mut(index);
        // Above whatever the former tenant sent, so that a peer still in TIME_WAIT takes the SYN (RFC 6191, section 2;
        // RFC 9293, section 3.6.1); by how much is anybody's guess (RFC 6528).
        let isn = if block.generation == 0 {
            self.random.next() as u32
        } else {
            let step = ISN_STEP + (self.random.next() as u32 & 0x00ff_ffff);
            block.snd_una.wrapping_add(step)
        };
        block.begin(state, target, isn);
        self.held += 1;
        self.stats.connects += 1;
        self.queue(index);
        Ok(self.slots.id(index))
    }

    /// Keeps bytes until the peer has them; they leave with the next flush.
    pub(crate) fn send(&mut self, id: Id, bytes: &[u8], beyond_limit: bool) -> Result<(), SendError> {
        let limit = self.options.out_max_bytes;
        let speaks = |block: &&mut Block| block.state == State::Open && !block.marks.has(Marks::FINISHED);
        let block = self.slots.get_mut(id).filter(speaks).ok_or(SendError::Gone)?;
        // As a kernel socket does, an empty queue takes a message of whatever length.
        let waiting = block.waiting();
        if waiting > 0 && waiting + bytes.len() > limit && !beyond_limit {
            return Err(SendError::Full);
        }
        if !bytes.is_empty() {
            self.lender.of(block).out.extend(bytes);
            self.queue(id.index);
        }
        Ok(())
    }

    /// FIN follows what waits, and the application goes on listening. Returns whether the connection is open.
    pub(crate) fn finish_sending(&mut self, id: Id) -> bool {
        let Some(block) = self.slots.get_mut(id).filter(|block| block.state == State::Open) else {
            return false;
        };
        if !block.marks.replace(Marks::FINISHED) {
            block.marks |= Marks::FIN_WAITS;
            self.queue(id.index);
        }
        true
    }

    /// Ends a connection that has said its last before, as far as the peer has heard of it.
    fn close_finished(&mut self, sink: &mut impl Sink, id: Id) {
        let block = self.slots.at_mut(id.index);
        self.held -= 1;
        match (
            block.marks.has(Marks::FIN_WAITS),
            block.marks.has(Marks::PEER_FIN),
        ) {
            // Both have finished, and know it but for our last acknowledgement.
            (false, true) => {
                self.ack(sink, id.index);
                self.release(id.index, State::TimeWait);
            }
            // Nothing tells the peer but RST: it has our FIN.
            (false, false) => {
                self.reset(sink, id.index);
                self.release(id.index, State::Free);
            }
            (true, peer_finished) => {
                block.state = if peer_finished {
                    State::LastAck
                } else {
                    State::FinWait1
                };
                self.queue(id.index);
            }
        }
    }

    /// Ends a connection. Nothing more is heard of it.
    pub(crate) fn close(&mut self, sink: &mut impl Sink, id: Id, how: Close) {
        let Some(block) = self.slots.get_mut(id).filter(|block| block.state.is_held()) else {
            return;
        };
        let open = block.state == State::Open;
        if open && how == Close::Graceful {
            if let Some(busy) = &mut block.busy {
                busy.stash.clear();
                self.early_bytes -= busy.early.bytes();
                busy.early.clear();
            }
            if block.marks.has(Marks::FINISHED) {
                return self.close_finished(sink, id);
            }
            block.state = if block.marks.has(Marks::PEER_FIN) {
                State::LastAck
            } else {
                State::FinWait1
            };
            block.marks |= Marks::FIN_WAITS;
            self.held -= 1;
            self.queue(id.index);
            return;
        }
        if open {
            self.reset(sink, id.index);
        }
        self.held -= 1;
        self.release(id.index, State::Free);
    }

    /// The application has heard all that came before the peer's FIN: our own follows what still waits. Returns whether
    /// the connection was still its.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink, id: Id) -> bool {
        let is_open = self.is_open(id);
        if is_open {
            self.close(sink, id, Close::Graceful);
        }
        is_open
    }

    /// Whether the connection is its application's still.
    pub(crate) fn is_open(&mut self, id: Id) -> bool {
        self.slots
            .get_mut(id)
            .is_some_and(|block| block.state == State::Open)
    }

    /// What the application left of what it was given, if it left something.
    pub(crate) fn take_stash(&mut self, id: Id) -> Option<Vec<u8>> {
        let busy = self.slots.get_mut(id)?.busy.as_mut()?;
        (!busy.stash.is_empty()).then(|| std::mem::take(&mut busy.stash))
    }

    /// Keeps what the application left, for as long as the connection is its.
    pub(crate) fn put_stash(&mut self, id: Id, fill: impl FnOnce(&mut Vec<u8>)) {
        if let Some(block) = self.slots.get_mut(id).filter(|block| block.state == State::Open) {
            fill(&mut self.lender.of(block).stash);
            self.lender.settle(&mut block.busy);
        }
    }

    /// Sends what waits and may be sent.
    pub(crate) fn flush(&mut self, sink: &mut impl Sink, now_us: u64) {
        let mut queued = std::mem::take(&mut self.queued);
        for index in queued.drain(..) {
            self.slots.at_mut(index).marks.clear(Marks::QUEUED);
            self.output(sink, index, now_us);
        }
        // Sending queues nothing.
        self.queued = queued;
    }

    fn queue(&mut self, index: u32) {
        if !self.slots.at_mut(index).marks.replace(Marks::QUEUED) {
            self.queued.push(index);
        }
    }

    /// Frees a connection's block.
    fn release(&mut self, index: u32, state: State) {
        let block = self.slots.at_mut(index);
        self.early_bytes -= block.busy.as_ref().map_or(0, |busy| busy.early.bytes());
        block.snd_una = block.snd_max();
        let queued = block.marks.has(Marks::QUEUED);
        block.marks = Marks::default();
        if queued {
            block.marks |= Marks::QUEUED;
        }
        self.lender.take_back(&mut block.busy);
        self.targets.release(block.target);
        self.stats.closed += 1;
        self.slots.release(index, state);
    }

    /// A connection ended by itself: its block is freed, and its application told if it had it.
    fn lose(&mut self, index: u32, why: Closed) -> Option<(Id, Closed)> {
        let id = self.slots.id(index);
        let was_held = self.slots.at(index).state.is_held();
        self.held -= u32::from(was_held);
        self.release(index, State::Free);
        was_held.then_some((id, why))
    }

    fn busy(&mut self, index: u32) -> &mut Busy {
        let block = self.slots.at_mut(index);
        self.lender.of(block)
    }

    /// The most a peer may put into one segment for us, bytes.
    fn mss(&self) -> u16 {
        self.medium.mtu.saturating_sub(HEADERS_BYTES as u16)
    }

    /// How far our windows are shifted: no further than the offered window needs.
    fn scale(&self) -> u8 {
        let bits = u32::BITS - self.options.window_bytes.leading_zeros();
        bits.saturating_sub(u16::BITS).min(14) as u8
    }
}

/// A generator of numbers that look random (SplitMix64); not for secrets that matter.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number from 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A number nobody outside knows, from the standard library's hash keys.
fn secret() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests;
