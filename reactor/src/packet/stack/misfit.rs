//! Peers as they should not be: vanishing, half-open, with a closed or a slow window, behind another address, flooding.
//!
//! A misfit costs what another connection costs; slow readers and floods are walked, at most [`SLOW_MAX`] and
//! [`FLOODS_MAX`] of them.

use std::net::SocketAddrV4;

use super::Stack;
use crate::packet::block::{Marks, State};
use crate::packet::device::Sink;
use crate::packet::segment::{End, Flags, Header, Options};
use crate::{Closed, Id};

/// How often slow readers read and floods flood, microseconds.
const STEP_US: u64 = 20_000;
/// Slow readers of a shard.
const SLOW_MAX: usize = 65_536;
/// Floods of a shard.
const FLOODS_MAX: usize = 16;
/// SYNs of all floods a step at most, so that connections are served in between.
const SYNS_A_STEP: u64 = 2_000;

/// A shard's slow readers and floods.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    slow: Vec<Slow>,
    floods: Vec<Flood>,
    step_us: u64,
}

#[derive(Debug)]
struct Slow {
    id: Id,
    bytes_a_second: u32,
    /// What it may read by now, in millionths of a byte; none before its first step, which may have been due for long.
    allowance: Option<u64>,
}

#[derive(Debug)]
struct Flood {
    to: End,
    syns_a_second: u32,
    left: u64,
    /// SYNs due by now, in millionths.
    due: u64,
}

impl Misfits {
    pub(super) fn due_us(&self) -> u64 {
        if self.slow.is_empty() && self.floods.is_empty() {
            u64::MAX
        } else {
            self.step_us + STEP_US
        }
    }
}

impl Stack {
    /// Sends a SYN and answers nothing from then on. Nothing is heard of it; it lasts until it is closed.
    pub(crate) fn half_open(&mut self, to: SocketAddrV4) -> Result<Id, Closed> {
        self.begin(to, State::HalfOpen)
    }

    /// Forgets a connection without a word; whatever still comes for it is not answered either. Returns whether there
    /// was one, as all of these do.
    pub(crate) fn vanish(&mut self, id: Id) -> bool {
        let block = self.slots.get_mut(id).filter(|block| block.state.is_held());
        let Some(block) = block else { return false };
        block.set_mute(true);
        self.held -= 1;
        self.release(id.index, State::Free);
        true
    }

    /// Offers no window from now on, or offers one again. What is under way to a window just closed is dropped.
    pub(crate) fn hold_window(&mut self, id: Id, held: bool) -> bool {
        let block = self.slots.get_mut(id).filter(|block| block.state == State::Open);
        let Some(block) = block else { return false };
        if held {
            block.marks |= Marks::HELD;
        } else {
            block.marks.clear(Marks::HELD);
        }
        block.marks |= Marks::ACK_NOW;
        self.queue(id.index);
        true
    }

    /// Reads so many bytes a second from now on, or as fast as it can if 0. Returns whether it does: there is a
    /// bound on slow readers.
    pub(crate) fn read_slowly(&mut self, id: Id, bytes_a_second: u32) -> bool {
        let Some(block) = self.slots.get_mut(id).filter(|block| block.state == State::Open) else {
            return false;
        };
        let slow = &mut self.misfits.slow;
        slow.retain(|slow| slow.id != id);
        if bytes_a_second == 0 {
            block.marks.clear(Marks::SLOW);
            block.marks |= Marks::ACK_NOW;
            self.queue(id.index);
        } else if slow.len() < SLOW_MAX {
            block.marks |= Marks::SLOW;
            slow.push(Slow {
                id,
                bytes_a_second,
                allowance: None,
            });
        } else {
            return false;
        }
        true
    }

    /// Goes on from another port, as behind a NAT that forgot: the old port is silent, and the peer knows no
    /// connection from the new one.
    pub(crate) fn rebind(&mut self, id: Id) -> bool {
        let block = self.slots.get_mut(id).filter(|block| block.state == State::Open);
        let Some(block) = block else { return false };
        block.next_lane(true);
        true
    }

    /// Sends SYNs from made-up clients that answer nothing: so many a second, so many in all. Returns whether there was
    /// room for one more flood.
    pub(crate) fn flood(&mut self, to: SocketAddrV4, syns_a_second: u32, total: u64) -> bool {
        let has_room = self.misfits.floods.len() < FLOODS_MAX;
        if has_room {
            self.misfits.floods.push(Flood {
                to: End {
                    address: to.ip().to_bits(),
                    port: to.port(),
                },
                syns_a_second,
                left: total,
                due: 0,
            });
        }
        has_room
    }

    /// Lets slow readers read and floods flood.
    pub(super) fn misbehave(&mut self, sink: &mut impl Sink, now_us: u64) {
        if now_us < self.misfits.due_us() {
            return;
        }
        // After a rest no more than a step's worth is made up for.
        let since_us = now_us.saturating_sub(self.misfits.step_us).min(10 * STEP_US);
        self.misfits.step_us = now_us;
        let mut misfits = std::mem::take(&mut self.misfits);
        misfits.slow.retain_mut(|slow| self.read_on(slow, since_us));
        let mut budget = SYNS_A_STEP;
        misfits.floods.retain_mut(|flood| {
            flood.due += u64::from(flood.syns_a_second) * since_us;
            let syns = (flood.due / 1_000_000).min(flood.left).min(budget);
            flood.due -= syns * 1_000_000;
            flood.left -= syns;
            budget -= syns;
            (0..syns).for_each(|_| self.made_up_syn(sink, flood.to));
            flood.left > 0
        });
        self.misfits = misfits;
    }

    /// Moves a slow reader's window on. Returns whether it still is one.
    fn read_on(&mut self, slow: &mut Slow, since_us: u64) -> bool {
        let limit = self.options.window_bytes;
        let Some(block) = self
            .slots
            .get_mut(slow.id)
            .filter(|block| block.state == State::Open)
        else {
            return false;
        };
        let Some(allowance) = &mut slow.allowance else {
            slow.allowance = Some(0);
            return true;
        };
        *allowance += u64::from(slow.bytes_a_second) * since_us;
        // A window shifted to nothing would tell of nothing: it moves by whole kilobytes, or when it has shut.
        let bytes = (*allowance / 1_000_000) as u32;
        let room = limit.saturating_sub(block.rcv_wnd());
        if bytes >= 1024 && room > 0 {
            *allowance %= 1_000_000;
            block.rcv_edge = block.rcv_edge.wrapping_add(bytes.min(room));
            block.marks |= Marks::ACK_NOW;
            self.queue(slow.id.index);
        } else if room == 0 {
            *allowance = 0;
        }
        true
    }

    fn made_up_syn(&mut self, sink: &mut impl Sink, to: End) {
        let (address, port) = self.options.subnet.stranger(self.random.next());
        let header = Header {
            source: End { address, port },
            to,
            seq: self.random.next() as u32,
            ack: 0,
            flags: Flags::SYN,
            window: u16::MAX,
            options: Options {
                mss: Some(self.mss()),
                scale: Some(self.scale()),
            },
        };
        self.stats.flood_syns += 1;
        self.write(sink, &header);
    }
}
