//! Sending: what a connection may send now, and the segments that say it.
//!
//! It does not know why something is to be sent again: whoever does sets back what counts as sent.

use std::collections::VecDeque;
use std::ops::Range;

use super::Stack;
use crate::packet::block::{Block, Marks, NEVER, State};
use crate::packet::device::Sink;
use crate::packet::segment::{End, Flags, HEADERS_BYTES, Header, Offload, Options};
use crate::packet::wheel;

/// The longest timeout, milliseconds (RFC 6298, section 2.5).
const RTO_MAX_MS: u64 = 60_000;
/// Segments' worth in one packet that the kernel segments, at most.
const MERGED_SEGMENTS: usize = 44;

impl Stack {
    /// Sends what a connection may send now.
    pub(super) fn output(&mut self, sink: &mut impl Sink, index: u32, now_us: u64) {
        match self.slots.at(index).state {
            State::SynSent | State::HalfOpen => self.syn(sink, index, now_us),
            state if !state.is_free() => self.established(sink, index, now_us),
            _ => {}
        }
    }

    fn syn(&mut self, sink: &mut impl Sink, index: u32, now_us: u64) {
        let seq = self.slots.at(index).snd_una;
        self.emit(sink, index, Flags::SYN, seq, 0..0);
        let block = self.slots.at_mut(index);
        block.ack_due_ms = (now_us / 1000) as u16;
        if block.state == State::SynSent {
            self.arm(index, now_us);
        }
    }

    fn established(&mut self, sink: &mut impl Sink, index: u32, now_us: u64) {
        let most = if self.medium.segment_offload {
            MERGED_SEGMENTS
        } else {
            1
        };
        while let Some((range, fin)) = sendable(self.slots.at(index), most) {
            self.transmit(sink, index, range, fin, now_us);
        }
        let block = self.slots.at_mut(index);
        if block.marks.has(Marks::ACK_NOW) {
            self.ack(sink, index);
        }
        let block = self.slots.at(index);
        let waits = block.waiting() > 0 || block.marks.has(Marks::FIN_EVER);
        // A timer that runs is left alone (RFC 6298, section 5.1).
        if waits && block.due == NEVER && block.state != State::FinWait2 {
            self.arm(index, now_us);
        }
    }

    /// Sends a part of what waits, and FIN if its turn has come.
    fn transmit(&mut self, sink: &mut impl Sink, index: u32, range: Range<usize>, fin: bool, now_us: u64) {
        let block = self.slots.at_mut(index);
        let seq = block.snd_una.wrapping_add(range.start as u32);
        let again = if range.is_empty() {
            block.marks.has(Marks::FIN_EVER)
        } else {
            let busy = self.lender.of(block);
            let again = (range.start as u32) < busy.max;
            busy.next = range.end as u32;
            let fresh = busy.next.saturating_sub(busy.max);
            self.stats.bytes_out += u64::from(fresh);
            busy.max += fresh;
            if !again && busy.timed.is_none() {
                busy.timed = Some((seq.wrapping_add(range.len() as u32), now_us));
            }
            again
        };
        self.stats.retransmits += u64::from(again);
        let mut flags = Flags::ACK;
        if block.waiting() == range.end && !range.is_empty() {
            flags = flags | Flags::PSH;
        }
        if fin {
            flags = flags | Flags::FIN;
            block.marks |= Marks::FIN_SENT;
            block.marks |= Marks::FIN_EVER;
        }
        self.emit(sink, index, flags, seq, range);
    }

    /// Sends the first segment of what waits once more.
    pub(super) fn resend_first(&mut self, sink: &mut impl Sink, index: u32) {
        let block = self.slots.at_mut(index);
        let mss = usize::from(block.mss);
        let Some(busy) = &mut block.busy else { return };
        busy.timed = None;
        let length = busy.out.len().min(mss).min(busy.max as usize);
        let seq = block.snd_una;
        self.stats.retransmits += 1;
        self.emit(sink, index, Flags::ACK, seq, 0..length);
    }

    /// Sends one byte into a closed window (RFC 9293, section 3.8.6.1).
    pub(super) fn probe(&mut self, sink: &mut impl Sink, index: u32) {
        let busy = self.busy(index);
        busy.probes = busy.probes.saturating_add(1);
        busy.max = busy.max.max(1);
        busy.timed = None;
        self.stats.probes += 1;
        let seq = self.slots.at(index).snd_una;
        self.emit(sink, index, Flags::ACK, seq, 0..1);
    }

    /// Acknowledges what came, with nothing else to say.
    pub(super) fn ack(&mut self, sink: &mut impl Sink, index: u32) {
        self.stats.bare_acks += 1;
        let seq = self.slots.at(index).snd_max();
        self.emit(sink, index, Flags::ACK, seq, 0..0);
    }

    /// Tells the peer that the connection is no more.
    pub(super) fn reset(&mut self, sink: &mut impl Sink, index: u32) {
        self.stats.resets_out += 1;
        let seq = self.slots.at(index).snd_max();
        self.emit(sink, index, Flags::RST | Flags::ACK, seq, 0..0);
    }

    /// The RST for a segment that belongs to no connection (RFC 9293, section 3.5.2).
    pub(super) fn reset_stray(&mut self, sink: &mut impl Sink, stray: &Header, length: u32) {
        let header = Header {
            source: stray.to,
            to: stray.source,
            seq: if stray.flags.has(Flags::ACK) { stray.ack } else { 0 },
            ack: stray.seq.wrapping_add(length),
            flags: if stray.flags.has(Flags::ACK) {
                Flags::RST
            } else {
                Flags::RST | Flags::ACK
            },
            window: 0,
            options: Options::default(),
        };
        self.stats.resets_out += 1;
        self.write(sink, &header);
    }

    /// Sends a segment without a payload that is no connection's.
    pub(super) fn write(&mut self, sink: &mut impl Sink, header: &Header) {
        let length = header.emit(
            &mut self.scratch,
            [&[], &[]],
            u16::MAX,
            offload(self.medium.checksum_offload),
        );
        let result = sink.transmit(&self.scratch[..length]);
        self.stats.written(&result);
    }

    /// Makes a connection due for a timeout.
    pub(super) fn arm(&mut self, index: u32, now_us: u64) {
        let block = self.slots.at_mut(index);
        let probes = block.busy.as_ref().map_or(0, |busy| busy.probes);
        let backoff = block.retries.max(probes).min(16);
        let rto_ms = (u64::from(block.rto_ms(self.options.rto_min_ms)) << backoff).min(RTO_MAX_MS);
        // One more, because the present tick may be nearly over.
        let due = wheel::tick(now_us + rto_ms * 1000) + 1;
        self.wheel.set(index, block, due);
    }

    fn emit(&mut self, sink: &mut impl Sink, index: u32, flags: Flags, seq: u32, range: Range<usize>) {
        let opening = flags.has(Flags::SYN);
        let options = Options {
            mss: opening.then(|| self.mss()),
            scale: opening.then(|| self.scale()),
        };
        let window = self.offer(index, opening);
        let block = self.slots.at_mut(index);
        if !opening {
            block.marks.clear(Marks::ACK_NOW);
            block.marks.clear(Marks::ACK_OWED);
        }
        let (address, port) = self.options.subnet.source(index, block.lane());
        let header = Header {
            source: End { address, port },
            to: self.targets.end(block.target),
            seq,
            ack: if opening { 0 } else { block.rcv_nxt },
            flags,
            window,
            options,
        };
        let payload = match &block.busy {
            Some(busy) if !range.is_empty() => slices(&busy.out, range),
            _ => [&[][..]; 2],
        };
        let offload = offload(self.medium.checksum_offload);
        let length = header.emit(&mut self.scratch, payload, block.mss, offload);
        let result = sink.transmit(&self.scratch[..length]);
        self.stats.written(&result);
    }

    /// The window to tell the peer, and RCV's right edge moved accordingly. The edge never moves back, but for a misfit.
    fn offer(&mut self, index: u32, opening: bool) -> u16 {
        let (limit, scale) = (self.options.window_bytes, self.scale());
        let block = self.slots.at_mut(index);
        if opening {
            return limit.min(u32::from(u16::MAX)) as u16;
        }
        let scale = if block.marks.has(Marks::SCALED) { scale } else { 0 };
        let window = if block.marks.has(Marks::HELD) {
            0
        } else if block.marks.has(Marks::SLOW) {
            block.rcv_wnd()
        } else {
            limit
        };
        let field = (window >> scale).min(u32::from(u16::MAX));
        let edge = block.rcv_nxt.wrapping_add(field << scale);
        let moved = edge.wrapping_sub(block.rcv_edge) as i32;
        if moved > 0 || block.marks.has(Marks::HELD) {
            block.rcv_edge = edge;
        }
        field as u16
    }
}

/// The next part of what waits that may be sent, and whether FIN goes with it.
fn sendable(block: &Block, most_segments: usize) -> Option<(Range<usize>, bool)> {
    let mss = usize::from(block.mss);
    let (waiting, next, cwnd) = block
        .busy
        .as_ref()
        .map_or((0, 0, 0), |busy| (busy.out.len(), busy.next as usize, busy.cwnd));
    let fin_waits = block.marks.has(Marks::FIN_WAITS) && !block.marks.has(Marks::FIN_SENT);
    let room = (block.snd_wnd.min(cwnd) as usize).saturating_sub(next);
    let longest = mss
        * most_segments
            .min((usize::from(u16::MAX) - HEADERS_BYTES) / mss)
            .max(1);
    let length = (waiting - next).min(room).min(longest);
    if length > 0 {
        let last = next + length == waiting;
        // A sliver is not worth a segment while an acknowledgement is to come (RFC 9293, section 3.8.6.2.1).
        if !last && length < mss && next > 0 {
            return None;
        }
        // All but the last are full, so that the peer need not guess what is missing.
        let length = if last || length < mss {
            length
        } else {
            length - length % mss
        };
        return Some((next..next + length, last && fin_waits));
    }
    (next == waiting && fin_waits).then_some((next..next, true))
}

fn slices(out: &VecDeque<u8>, range: Range<usize>) -> [&[u8]; 2] {
    let (first, second) = out.as_slices();
    let split = first.len();
    [
        &first[range.start.min(split)..range.end.min(split)],
        &second[range.start.saturating_sub(split)..range.end.saturating_sub(split)],
    ]
}

fn offload(checksum: bool) -> Offload {
    if checksum {
        Offload::Checksum
    } else {
        Offload::None
    }
}
