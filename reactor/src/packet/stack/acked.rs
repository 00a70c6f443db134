//! An acknowledgement's arrival: what it frees, what it says of losses, how far the windows open.
//!
//! It does not know what else is in its segment.

use super::Stack;
use crate::packet::block::{Marks, NEVER, State};
use crate::packet::busy::Busy;
use crate::packet::device::Sink;
use crate::packet::segment::Header;
use crate::packet::wheel;

/// Duplicate acknowledgements that stand for a loss (RFC 5681, section 3.2).
const DUP_ACKS: u8 = 3;
/// The largest congestion window, bytes.
const CWND_MAX: u32 = 16 << 20;

impl Stack {
    /// Takes an acknowledgement and a window in. Returns whether the rest of the segment counts.
    pub(super) fn acknowledged(
        &mut self,
        sink: &mut impl Sink,
        index: u32,
        header: &Header,
        length: u32,
        now_us: u64,
    ) -> bool {
        let block = self.slots.at_mut(index);
        let flight = block.snd_max().wrapping_sub(block.snd_una);
        let acked = header.ack.wrapping_sub(block.snd_una);
        let old = block.snd_una.wrapping_sub(header.ack);
        if acked > flight && old > block.snd_wnd_max {
            // RFC 5961, section 5.2: of something never sent, or of a time long past.
            self.challenge(sink, index, now_us);
            return false;
        }
        if acked > flight {
            return true;
        }
        let window = u32::from(header.window) << block.scale;
        let newer = header.seq.wrapping_sub(block.snd_wl1) as i32;
        let (moved, was_shut) = (window != block.snd_wnd, block.snd_wnd == 0);
        if acked > 0 || newer > 0 || newer == 0 && window > block.snd_wnd {
            block.snd_wnd = window;
            block.snd_wnd_max = block.snd_wnd_max.max(window);
            block.snd_wl1 = header.seq;
        }
        // Only what moves SND.UNA ends a series of attempts (RFC 9293, section 3.8.3; RFC 6298, section 5): a peer that
        // talks and acknowledges nothing is given up. A closed window's probes are answered by any word of it (section
        // 3.8.6.1).
        if acked > 0 || was_shut || block.snd_wnd == 0 {
            block.retries = 0;
        }
        if acked == 0 {
            if flight > 0 && length == 0 && !moved {
                self.duplicate(sink, index);
            }
        } else {
            // FIN is the last number: what waits is all before it.
            let fin = acked as usize > block.waiting();
            self.advance(sink, index, acked, now_us);
            if fin && !self.fin_acknowledged(index, now_us) {
                return false;
            }
        }
        let block = self.slots.at_mut(index);
        if let Some(busy) = &mut block.busy
            && block.snd_wnd > 0
        {
            busy.probes = 0;
        }
        if block.waiting() > 0 {
            self.queue(index);
        }
        true
    }

    /// Something new was acknowledged.
    fn advance(&mut self, sink: &mut impl Sink, index: u32, acked: u32, now_us: u64) {
        let rto_min_ms = self.options.rto_min_ms;
        let block = self.slots.at_mut(index);
        let una = block.snd_una.wrapping_add(acked);
        let (mut resend, bytes) = (false, acked.min(block.waiting() as u32));
        if let Some(busy) = &mut block.busy {
            busy.out.drain(..bytes as usize);
            busy.next = busy.next.saturating_sub(bytes);
            busy.max -= bytes.min(busy.max);
            busy.dup_acks = 0;
            let trip_us = busy
                .timed
                .filter(|(end, _)| una.wrapping_sub(*end) as i32 >= 0)
                .map(|(_, since_us)| now_us.saturating_sub(since_us));
            if trip_us.is_some() {
                busy.timed = None;
            }
            resend = recovering(busy, una, bytes, u32::from(block.mss));
            if let Some(us) = trip_us {
                block.round_trip(us);
            }
        }
        if bytes < acked {
            block.marks.clear(Marks::FIN_WAITS);
            block.marks.clear(Marks::FIN_SENT);
            block.marks.clear(Marks::FIN_EVER);
        }
        block.snd_una = una;
        let due = if block.snd_max() == una {
            NEVER
        } else {
            wheel::tick(now_us + u64::from(block.rto_ms(rto_min_ms)) * 1000) + 1
        };
        self.wheel.set(index, block, due);
        self.lender.settle(&mut block.busy);
        if resend {
            self.resend_first(sink, index);
        }
    }

    /// The peer has our FIN. Returns whether the connection is still one.
    fn fin_acknowledged(&mut self, index: u32, now_us: u64) -> bool {
        let linger_us = self.options.linger_us;
        let block = self.slots.at_mut(index);
        match block.state {
            State::FinWait1 => {
                block.state = State::FinWait2;
                self.wheel.set(index, block, wheel::tick(now_us + linger_us) + 1);
                true
            }
            State::Closing => {
                self.release(index, State::TimeWait);
                false
            }
            State::LastAck => {
                self.release(index, State::Free);
                false
            }
            _ => true,
        }
    }

    /// An acknowledgement that says nothing new while something is in flight (RFC 5681, section 3.2).
    fn duplicate(&mut self, sink: &mut impl Sink, index: u32) {
        let block = self.slots.at_mut(index);
        let (end, mss) = (block.snd_max(), u32::from(block.mss));
        let Some(busy) = &mut block.busy else { return };
        busy.dup_acks = busy.dup_acks.saturating_add(1);
        if busy.recover.is_some() {
            busy.cwnd = (busy.cwnd + mss).min(CWND_MAX);
        } else if busy.dup_acks == DUP_ACKS && busy.max > 0 {
            busy.recover = Some(end);
            busy.ssthresh = (busy.max / 2).max(2 * mss);
            busy.cwnd = busy.ssthresh + u32::from(DUP_ACKS) * mss;
            self.stats.fast_retransmits += 1;
            self.resend_first(sink, index);
        }
    }
}

/// Opens the congestion window for what was acknowledged (RFC 5681, section 3.1), or goes on making a loss good (RFC 6582,
/// section 3.2). Returns whether the next segment is to be sent again.
fn recovering(busy: &mut Busy, una: u32, bytes: u32, mss: u32) -> bool {
    match busy.recover {
        Some(end) if una.wrapping_sub(end) as i32 >= 0 => {
            busy.recover = None;
            busy.cwnd = busy.ssthresh;
            false
        }
        Some(_) => {
            busy.cwnd = busy.cwnd.saturating_sub(bytes).max(mss) + mss;
            !busy.out.is_empty()
        }
        None => {
            let step = if busy.cwnd < busy.ssthresh {
                bytes.min(2 * mss)
            } else {
                (mss * mss / busy.cwnd.max(1)).max(1)
            };
            busy.cwnd = (busy.cwnd + step).min(CWND_MAX);
            false
        }
    }
}
