//! A segment's arrival (RFC 9293, section 3.10.7; RFC 5961): what it changes, what it is answered, what is heard.
//!
//! It does not know how the application takes what is heard.

use std::ops::Range;

use super::{Heard, Stack};
use crate::packet::block::{Block, Busy, Early, Marks, NEVER, State};
use crate::packet::device::Sink;
use crate::packet::segment::{Flags, Header, Malformed};
use crate::packet::wheel;
use crate::{Closed, Id};

/// Duplicate acknowledgements that stand for a loss (RFC 5681, section 3.2).
const DUP_ACKS: u8 = 3;
/// The largest congestion window, bytes.
const CWND_MAX: u32 = 16 << 20;

impl Stack {
    /// Takes a packet in. Returns what the application is to hear.
    pub(crate) fn input(&mut self, sink: &mut impl Sink, packet: &[u8], now_us: u64) -> Option<Heard> {
        self.stats.segments_in += 1;
        let (header, data) = match Header::parse(packet) {
            Ok(parsed) => parsed,
            Err(Malformed::Checksum) => {
                self.stats.bad_checksums += 1;
                return None;
            }
            Err(Malformed::Foreign) => {
                self.stats.foreign += 1;
                return None;
            }
            Err(Malformed::Short | Malformed::Fragment) => {
                self.stats.malformed += 1;
                return None;
            }
        };
        let Some((index, lane)) = self.options.subnet.slot(header.to.address, header.to.port) else {
            // For a flood's made-up client, or not for a client at all: neither answers.
            self.stats.strays += 1;
            return None;
        };
        let block = self.slots.find(index);
        if block.is_some_and(|block| block.is_mute(lane)) {
            return None;
        }
        let known = block.filter(|block| {
            block.lane() == lane && self.targets.get(usize::from(block.target)) == Some(&header.source)
        });
        match known.map_or(State::Free, |block| block.state) {
            State::HalfOpen => None,
            State::SynSent => self.syn_sent(sink, index, &header, data, now_us),
            State::TimeWait if header.flags.has(Flags::FIN) => {
                self.ack(sink, index);
                None
            }
            State::Free | State::TimeWait => {
                self.stray(sink, &header, length(&header, &data));
                None
            }
            _ => self.synchronized(sink, index, &header, packet, data, now_us),
        }
    }

    fn stray(&mut self, sink: &mut impl Sink, header: &Header, length: u32) {
        self.stats.strays += 1;
        if !header.flags.has(Flags::RST) {
            self.reset_stray(sink, header, length);
        }
    }

    fn syn_sent(
        &mut self,
        sink: &mut impl Sink,
        index: u32,
        header: &Header,
        data: Range<usize>,
        now_us: u64,
    ) -> Option<Heard> {
        let block = self.slots.at(index);
        let acknowledges = header.flags.has(Flags::ACK);
        if acknowledges && header.ack != block.snd_max() {
            // What a peer says that still has a former connection: the RST ends that, and the next SYN is taken.
            self.stray(sink, header, length(header, &data));
            return None;
        }
        if header.flags.has(Flags::RST) {
            self.stats.resets_in += 1;
            return acknowledges.then(|| self.end(index, Closed::Refused)).flatten();
        }
        if !acknowledges || !header.flags.has(Flags::SYN) {
            return None;
        }
        self.open(index, header, now_us);
        Some(Heard {
            opened: true,
            ..nothing(self.slots.id(index))
        })
    }

    fn open(&mut self, index: u32, header: &Header, now_us: u64) {
        let (mss, window) = (self.mss(), self.options.window_bytes);
        let block = self.slots.at_mut(index);
        if block.retries == 0 {
            // The low bits of when the SYN left stand where an acknowledgement's instant will (RFC 6298, section 5.7).
            let since_ms = ((now_us / 1000) as u16).wrapping_sub(block.ack_due_ms);
            block.round_trip(u64::from(since_ms) * 1000);
        }
        block.state = State::Open;
        block.retries = 0;
        block.due = NEVER;
        block.snd_una = header.ack;
        block.rcv_nxt = header.seq.wrapping_add(1);
        block.rcv_edge = block.rcv_nxt.wrapping_add(window.min(u32::from(u16::MAX)));
        block.mss = header.options.mss.unwrap_or(block.mss).clamp(64, mss);
        if let Some(scale) = header.options.scale {
            block.scale = scale;
            block.marks |= Marks::SCALED;
        }
        // A SYN's window is never shifted (RFC 7323, section 2.2).
        block.snd_wnd = u32::from(header.window);
        block.snd_wnd_max = block.snd_wnd;
        block.snd_wl1 = header.seq;
        block.marks |= Marks::ACK_NOW;
        self.stats.opened += 1;
        self.queue(index);
    }

    fn synchronized(
        &mut self,
        sink: &mut impl Sink,
        index: u32,
        header: &Header,
        packet: &[u8],
        data: Range<usize>,
        now_us: u64,
    ) -> Option<Heard> {
        let block = self.slots.at(index);
        let length = length(header, &data);
        let acceptable = is_acceptable(block, header.seq, length);
        if header.flags.has(Flags::RST) {
            return self.reset_heard(sink, index, header, acceptable, now_us);
        }
        if header.flags.has(Flags::SYN) {
            self.challenge(sink, index, now_us);
            return None;
        }
        if !header.flags.has(Flags::ACK) {
            return None;
        }
        if !acceptable {
            self.stats.out_of_window += 1;
            // A closed window takes no data, but what comes at its edge is an answer all the same.
            if block.rcv_wnd() == 0 && header.seq == block.rcv_nxt {
                self.acknowledged(sink, index, header, length, now_us);
            }
            if !self.slots.at(index).state.is_free() {
                self.ack(sink, index);
            }
            return None;
        }
        if !self.acknowledged(sink, index, header, length, now_us) {
            return None;
        }
        let mut heard = nothing(self.slots.id(index));
        if !data.is_empty() {
            self.data(sink, index, header, packet, data, &mut heard, now_us);
        }
        let block = self.slots.at(index);
        let fin_at = header.seq.wrapping_add(length.wrapping_sub(1));
        if header.flags.has(Flags::FIN) && block.rcv_nxt == fin_at {
            heard.ended = self.fin(sink, index);
        }
        let is_something = !heard.data.is_empty() || !heard.more.is_empty() || heard.ended.is_some();
        is_something.then_some(heard)
    }

    /// RFC 5961, section 3.2: a RST counts only exactly where the next byte is due.
    fn reset_heard(
        &mut self,
        sink: &mut impl Sink,
        index: u32,
        header: &Header,
        acceptable: bool,
        now_us: u64,
    ) -> Option<Heard> {
        if header.seq == self.slots.at(index).rcv_nxt {
            self.stats.resets_in += 1;
            return self.end(index, Closed::Reset);
        }
        if acceptable {
            self.challenge(sink, index, now_us);
        }
        None
    }

    fn end(&mut self, index: u32, why: Closed) -> Option<Heard> {
        self.lose(index, why).map(|(id, why)| Heard {
            ended: Some(why),
            ..nothing(id)
        })
    }

    /// Asks a peer to prove what it said (RFC 5961), so many times a second at most (section 7).
    fn challenge(&mut self, sink: &mut impl Sink, index: u32, now_us: u64) {
        let second = now_us / 1_000_000;
        if self.challenges.0 != second {
            self.challenges = (second, 0);
        }
        self.stats.challenge_acks += 1;
        if self.challenges.1 < self.options.challenge_acks_a_second {
            self.challenges.1 += 1;
            self.ack(sink, index);
        } else {
            self.stats.challenge_acks_withheld += 1;
        }
    }

    /// Takes an acknowledgement and a window in. Returns whether the rest of the segment counts.
    fn acknowledged(
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
        let moved = window != block.snd_wnd;
        if acked > 0 || newer > 0 || newer == 0 && window > block.snd_wnd {
            block.snd_wnd = window;
            block.snd_wnd_max = block.snd_wnd_max.max(window);
            block.snd_wl1 = header.seq;
        }
        block.retries = 0;
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

    /// Takes data in: what is next is heard, what came early is kept, and an acknowledgement is owed.
    #[allow(clippy::too_many_arguments)] // all that there is to know of a segment
    fn data(
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
        let kept = if has_room {
            self.busy(index).early.insert(rcv_nxt, seq, bytes)
        } else {
            0
        };
        self.early_bytes += kept;
        self.stats.early_refused += u64::from(kept == 0);
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
        block.marks |= Marks::ACK_OWED;
        block.ack_due_ms = (due_us / 1000) as u16;
        self.owed.push_back((due_us, index));
    }

    /// The peer's FIN, in its turn. Returns how the connection ended for its application.
    fn fin(&mut self, sink: &mut impl Sink, index: u32) -> Option<Closed> {
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

/// How many numbers a segment takes.
fn length(header: &Header, data: &Range<usize>) -> u32 {
    data.len() as u32 + u32::from(header.flags.has(Flags::SYN)) + u32::from(header.flags.has(Flags::FIN))
}

fn nothing(id: Id) -> Heard {
    Heard {
        id,
        opened: false,
        data: 0..0,
        more: Vec::new(),
        ended: None,
    }
}

/// RFC 9293, section 3.4, table 6.
fn is_acceptable(block: &Block, seq: u32, length: u32) -> bool {
    let (window, offset) = (block.rcv_wnd(), seq.wrapping_sub(block.rcv_nxt));
    let last = offset.wrapping_add(length.saturating_sub(1));
    match (length, window) {
        (0, 0) => offset == 0,
        (_, 0) => false,
        (0, _) => offset < window,
        _ => offset < window || last < window,
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
