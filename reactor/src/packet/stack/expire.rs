//! What time brings about: acknowledgements owed, retransmission, probes, the end of patience.
//!
//! It does not read the clock.

use super::Stack;
use crate::packet::block::{Marks, State};
use crate::packet::device::Sink;
use crate::packet::wheel;
use crate::{Closed, Id};

impl Stack {
    /// Does what is due, until a connection ends of it or nothing more is due. Call it until it returns `None`.
    pub(crate) fn expire(&mut self, sink: &mut impl Sink, now_us: u64) -> Option<(Id, Closed)> {
        self.pay_owed(now_us);
        self.misbehave(sink, now_us);
        let tick = wheel::tick(now_us);
        while let Some(index) = self.wheel.next(tick) {
            if self.wheel.settle(index, self.slots.at_mut(index))
                && let Some(ended) = self.timed_out(sink, index)
            {
                return Some(ended);
            }
        }
        None
    }

    /// Acknowledges what nothing came to carry an acknowledgement for in time. It costs one look where nothing is due.
    pub(crate) fn pay_owed(&mut self, now_us: u64) {
        while let Some(&(due_us, index)) = self.owed.front()
            && due_us <= now_us
        {
            self.owed.pop_front();
            let block = self.slots.at_mut(index);
            // Otherwise it was carried, and what is owed now is owed later.
            if block.marks.has(Marks::ACK_OWED) && block.ack_due_ms == (due_us / 1000) as u16 {
                block.marks |= Marks::ACK_NOW;
                self.queue(index);
            }
        }
    }

    /// A connection's timer went off.
    fn timed_out(&mut self, sink: &mut impl Sink, index: u32) -> Option<(Id, Closed)> {
        let options = self.options;
        let block = self.slots.at_mut(index);
        match block.state {
            State::SynSent => {
                if block.retries >= options.syn_retries {
                    return self.lose(index, Closed::TimedOut);
                }
                block.retries += 1;
                self.stats.syn_retries += 1;
                self.queue(index);
                None
            }
            State::FinWait2 => self.lose(index, Closed::TimedOut),
            state if state.is_free() || state == State::HalfOpen => None,
            _ => self.unanswered(sink, index),
        }
    }

    /// What was sent was not acknowledged in time, or the window stays closed.
    fn unanswered(&mut self, sink: &mut impl Sink, index: u32) -> Option<(Id, Closed)> {
        let limit = self.options.retries;
        let block = self.slots.at_mut(index);
        let probes = block.busy.as_ref().map_or(0, |busy| busy.probes);
        // A peer that answers probes may keep its window closed for ever (RFC 9293, section 3.8.6.1), but not once its
        // connection is closed here.
        let hopeless = block.state != State::Open && probes >= limit;
        if block.retries >= limit || hopeless {
            self.reset(sink, index);
            return self.lose(index, Closed::TimedOut);
        }
        block.retries += 1;
        if block.snd_wnd == 0 && block.waiting() > 0 {
            self.probe(sink, index);
            self.queue(index);
            return None;
        }
        let (flight, mss) = (block.snd_max().wrapping_sub(block.snd_una), u32::from(block.mss));
        block.marks.clear(Marks::FIN_SENT);
        if let Some(busy) = &mut block.busy {
            // All that is in flight counts as lost (RFC 5681, section 3.1; RFC 6298, section 5).
            busy.ssthresh = (flight / 2).max(2 * mss);
            busy.cwnd = mss;
            busy.next = 0;
            busy.timed = None;
            busy.recover = None;
            busy.dup_acks = 0;
        }
        self.queue(index);
        None
    }
}
