//! A segment's arrival (RFC 9293, section 3.10.7; RFC 5961): what it changes, what it is answered, what is heard.
//!
//! It does not know how the application takes what is heard.

use std::ops::Range;

use super::{Heard, Stack};
use crate::packet::block::{Block, Marks, NEVER, State};
use crate::packet::device::Sink;
use crate::packet::segment::{Flags, Header, Malformed};
use crate::{Closed, Id};

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
        let known =
            block.filter(|block| block.lane() == lane && self.targets.end(block.target) == header.source);
        match known.map_or(State::Free, |block| block.state) {
            State::HalfOpen => None,
            State::SynSent => self.syn_sent(sink, index, &header, data, now_us),
            State::TimeWait => {
                self.time_wait(sink, index, &header, length(&header, &data), now_us);
                None
            }
            State::Free => {
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

    /// A segment of the last tenant's peer (RFC 9293, section 3.10.7.4): whatever it repeats, FIN or data, it did not
    /// hear the acknowledgement of. A RST is ignored (RFC 1337, section 3), and so is a bare acknowledgement in its turn,
    /// or two ends in TIME-WAIT would answer each other.
    fn time_wait(&mut self, sink: &mut impl Sink, index: u32, header: &Header, length: u32, now_us: u64) {
        let in_turn = header.seq == self.slots.at(index).rcv_nxt;
        if header.flags.has(Flags::SYN) {
            self.challenge(sink, index, now_us);
        } else if !(header.flags.has(Flags::RST) || in_turn && length == 0) {
            self.ack(sink, index);
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
            // The low bits of when the SYN left stand where an acknowledgement's instant will. One that was sent again
            // times nothing (RFC 6298, section 3).
            let since_ms = ((now_us / 1000) as u16).wrapping_sub(block.ack_due_ms);
            block.round_trip(u64::from(since_ms) * 1000);
        } else {
            block.marks |= Marks::SYN_LOST;
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
    pub(super) fn challenge(&mut self, sink: &mut impl Sink, index: u32, now_us: u64) {
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
