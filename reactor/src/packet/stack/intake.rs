//! Data and FIN taken in: what is next is heard, what came early is kept, an acknowledgement is owed.
//!
//! It does not know whether a segment is acceptable; it is, by the time it comes here.

use std::ops::Range;

use super::{Heard, OWED_MAX, Stack};
use crate::Closed;
use crate::packet::block::{Marks, State};
use crate::packet::busy::Early;
use crate::packet::device::Sink;
use crate::packet::segment::Header;

impl Stack {
    /// Takes data in: what is next is heard, what came early is kept, and an acknowledgement is owed.
    #[allow(clippy::too_many_arguments)] // all that there is to know of a segment
    pub(super) fn data(
        &mut self,
        sink: &mut impl Sink,
        index: u32,
        header: &Header,
        packet: &[u8],
        data: Range<usize>,
        heard: &mut Heard,
        now_us: u64,
    ) {
        let block = self.slots.at_mut(index);
        let delivers = block.state == State::Open;
        let ahead = header.seq.wrapping_sub(block.rcv_nxt) as i32;
        if ahead > 0 {
            self.stats.out_of_order += 1;
            if delivers {
                self.keep(index, header.seq, &packet[data]);
            }
            // At once and each: three of them tell the peer what is missing (RFC 5681, section 4.2).
            self.ack(sink, index);
            return;
        }
        if block.marks.has(Marks::PEER_FIN) {
            return;
        }
        let fresh = data.start + ahead.unsigned_abs() as usize;
        let end = data.end.min(fresh + block.rcv_wnd() as usize);
        if fresh >= end {
            return;
        }
        let bytes = end - fresh;
        block.rcv_nxt = block.rcv_nxt.wrapping_add(bytes as u32);
        let mut urgent = bytes >= 2 * usize::from(block.mss);
        if delivers {
            heard.data = fresh..end;
            self.stats.bytes_in += bytes as u64;
            urgent |= self.gather(index, heard);
        }
        self.owe(index, urgent, now_us);
    }

    /// Keeps data that came early, if there is room.
    fn keep(&mut self, index: u32, seq: u32, bytes: &[u8]) {
        let rcv_nxt = self.slots.at(index).rcv_nxt;
        let has_room = self.early_bytes + bytes.len() <= Early::SHARD_MAX_BYTES;
        let within =
            (self.slots.at(index).rcv_wnd() as usize).saturating_sub(seq.wrapping_sub(rcv_nxt) as usize);
        let bytes = &bytes[..bytes.len().min(within)];
        let kept = if has_room || self.slots.at(index).busy.is_some() {
            self.busy(index).early.insert(rcv_nxt, seq, bytes, has_room)
        } else {
            None
        };
        self.early_bytes += kept.unwrap_or(0);
        self.stats.early_refused += u64::from(kept.is_none());
    }

    /// Adds what came early and is next now. Returns whether there was any.
    fn gather(&mut self, index: u32, heard: &mut Heard) -> bool {
        let block = self.slots.at_mut(index);
        let Some(busy) = &mut block.busy else {
            return false;
        };
        let filled = !busy.early.is_empty();
        while let Some((bytes, range)) = busy.early.take(block.rcv_nxt) {
            self.early_bytes -= bytes.len();
            if !range.is_empty() {
                block.rcv_nxt = block.rcv_nxt.wrapping_add(range.len() as u32);
                self.stats.bytes_in += range.len() as u64;
                heard.more.push((bytes, range));
            }
        }
        self.lender.settle(&mut block.busy);
        filled
    }

    /// Owes an acknowledgement: by the end of the turn for the second segment (RFC 9293, section 3.8.6.3), for a filled
    /// gap, and where the peer may be waiting for a window; else whenever there is something for it to ride on.
    fn owe(&mut self, index: u32, urgent: bool, now_us: u64) {
        let window = self.options.window_bytes;
        let due_us = now_us + self.options.ack_delay_us;
        let block = self.slots.at_mut(index);
        let window = if block.marks.has(Marks::SCALED) {
            window
        } else {
            window.min(u32::from(u16::MAX))
        };
        if urgent || block.rcv_wnd() < window / 2 || block.marks.has(Marks::ACK_OWED) {
            block.marks |= Marks::ACK_NOW;
            self.queue(index);
            return;
        }
        if self.owed.len() >= OWED_MAX {
            self.stats.owed_refused += 1;
            block.marks |= Marks::ACK_NOW;
            self.queue(index);
            return;
        }
        block.marks |= Marks::ACK_OWED;
        block.ack_due_ms = (due_us / 1000) as u16;
        self.owed.push_back((due_us, index));
    }

    /// The peer's FIN, in its turn. Returns how the connection ended for its application.
    pub(super) fn fin(&mut self, sink: &mut impl Sink, index: u32) -> Option<Closed> {
        let block = self.slots.at_mut(index);
        block.rcv_nxt = block.rcv_nxt.wrapping_add(1);
        block.marks |= Marks::ACK_NOW;
        block.marks |= Marks::PEER_FIN;
        match block.state {
            // It is the application's until it has heard what came before the end.
            State::Open => {
                self.queue(index);
                Some(Closed::Peer)
            }
            State::FinWait1 => {
                block.state = State::Closing;
                self.queue(index);
                None
            }
            State::FinWait2 => {
                self.ack(sink, index);
                self.release(index, State::TimeWait);
                None
            }
            _ => {
                self.queue(index);
                None
            }
        }
    }
}
