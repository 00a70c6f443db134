//! A connection's control block: 64 bytes, its place in the arena and its index included.
//!
//! It knows numbers, not packets. What a connection needs only while something is under way, which at any instant few
//! have, is borrowed: see [`Busy`].

use std::ops::BitOrAssign;

use super::busy::Busy;
use super::subnet::LANES;

/// No tick: nothing is due.
pub(crate) const NEVER: u32 = u32::MAX;
/// Segments' worth of data sent before the first acknowledgement (RFC 6928, section 2).
const INITIAL_WINDOW_SEGMENTS: u32 = 10;
/// The share of a millisecond that round trips are kept in.
const RTT_UNITS_A_MS: u32 = 4;

/// Where a connection stands (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody's. What is left in the block is the last tenant's numbers, above which the next one begins.
    #[default]
    Free,
    /// Nobody's either, but what the last tenant's peer repeats is still acknowledged: a `TIME_WAIT` for nothing.
    TimeWait,
    /// SYN sent.
    SynSent,
    /// SYN sent, and whatever comes back is ignored: a misfit.
    HalfOpen,
    Open,
    /// Closed by the application; FIN sent or waiting for its turn.
    FinWait1,
    /// The peer has our FIN.
    FinWait2,
    /// Both have sent FIN; ours is not acknowledged.
    Closing,
    /// The peer's FIN came first; ours is not acknowledged.
    LastAck,
}

impl State {
    /// Whether nobody has the slot.
    pub(crate) fn is_free(self) -> bool {
        matches!(self, Self::Free | Self::TimeWait)
    }

    /// Whether an application has it: it is open or opening.
    pub(crate) fn is_held(self) -> bool {
        matches!(self, Self::SynSent | Self::HalfOpen | Self::Open)
    }
}

/// What is so or not so of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// It is among those to be flushed.
    pub(crate) const QUEUED: Self = Self(1);
    /// An acknowledgement goes with the next flush, by itself if need be.
    pub(crate) const ACK_NOW: Self = Self(1 << 1);
    /// An acknowledgement is owed, and waits for something to ride on.
    pub(crate) const ACK_OWED: Self = Self(1 << 2);
    /// FIN follows what waits.
    pub(crate) const FIN_WAITS: Self = Self(1 << 3);
    /// FIN was sent in this pass.
    pub(crate) const FIN_SENT: Self = Self(1 << 4);
    /// FIN was ever sent.
    pub(crate) const FIN_EVER: Self = Self(1 << 5);
    /// The peer shifts its windows and takes ours shifted.
    pub(crate) const SCALED: Self = Self(1 << 6);
    /// No window is offered: a misfit.
    pub(crate) const HELD: Self = Self(1 << 7);
    /// The window moves by allowance only: a misfit.
    pub(crate) const SLOW: Self = Self(1 << 8);
    /// The peer's FIN came.
    pub(crate) const PEER_FIN: Self = Self(1 << 9);
    /// The application has said its last, and listens.
    pub(crate) const FINISHED: Self = Self(1 << 10);
    /// The SYN had to be sent again: until a round trip is known the path counts as slow.
    pub(crate) const SYN_LOST: Self = Self(1 << 11);

    pub(crate) fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) fn clear(&mut self, mark: Self) {
        self.0 &= !mark.0;
    }

    /// Sets it; returns whether it was set before.
    pub(crate) fn replace(&mut self, mark: Self) -> bool {
        let had = self.has(mark);
        *self |= mark;
        had
    }
}

impl BitOrAssign for Marks {
    fn bitor_assign(&mut self, mark: Self) {
        self.0 |= mark.0;
    }
}

/// The variables of RFC 9293, section 3.3.1, that must outlive a moment.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) busy: Option<Box<Busy>>,
    pub(crate) generation: u32,
    pub(crate) next_free: u32,
    pub(crate) snd_una: u32,
    /// The peer's window, bytes, and the sequence number of the segment that last told it.
    pub(crate) snd_wnd: u32,
    pub(crate) snd_wl1: u32,
    pub(crate) snd_wnd_max: u32,
    pub(crate) rcv_nxt: u32,
    /// One more than the last number the peer was allowed.
    pub(crate) rcv_edge: u32,
    /// The tick at which the connection is due for attention, and that of its entry in the wheel, if any.
    pub(crate) due: u32,
    pub(crate) entry: u32,
    /// The millisecond, modulo 65,536, at which the acknowledgement owed is due.
    pub(crate) ack_due_ms: u16,
    /// The most the peer takes in a segment, bytes.
    pub(crate) mss: u16,
    srtt: u16,
    rttvar: u16,
    pub(crate) marks: Marks,
    pub(crate) state: State,
    /// The server, by its place in the table of targets.
    pub(crate) target: u8,
    /// Which of its ports it uses, and, in the upper bits, those that must not answer.
    lanes: u8,
    /// How far the peer's windows are shifted.
    pub(crate) scale: u8,
    /// Sent again without an answer.
    pub(crate) retries: u8,
}

const _: () = assert!(size_of::<Block>() <= 64);

impl Default for Block {
    fn default() -> Self {
        Self {
            busy: None,
            generation: 0,
            next_free: NEVER,
            snd_una: 0,
            snd_wnd: 0,
            snd_wl1: 0,
            snd_wnd_max: 0,
            rcv_nxt: 0,
            rcv_edge: 0,
            due: NEVER,
            entry: NEVER,
            ack_due_ms: 0,
            mss: 0,
            srtt: 0,
            rttvar: 0,
            marks: Marks::default(),
            state: State::Free,
            target: 0,
            lanes: 0,
            scale: 0,
            retries: 0,
        }
    }
}

impl Block {
    /// Makes it a new connection's that will send `isn` first. The lane moves on; numbers that outlive tenants stay.
    pub(crate) fn begin(&mut self, state: State, target: u8, isn: u32) {
        *self = Self {
            generation: self.generation,
            entry: self.entry,
            lanes: self.lanes,
            // A block just freed may still be in line for a flush: nothing else is left of its marks.
            marks: self.marks,
            snd_una: isn,
            state,
            target,
            // What RFC 9293, section 3.7.1, says to assume of an IPv4 peer that does not say.
            mss: 536,
            ..Self::default()
        };
        self.next_lane(false);
    }

    pub(crate) fn lane(&self) -> u8 {
        self.lanes % LANES
    }

    /// Moves on to the next port. The one left behind is silent from now on if `mute`, and stays so if it was.
    pub(crate) fn next_lane(&mut self, mute: bool) {
        if mute {
            self.set_mute(true);
        }
        let lane = (self.lane() + 1) % LANES;
        self.lanes = self.lanes & !(LANES - 1) & !(1 << (4 + lane)) | lane;
    }

    /// Whether nothing that comes for a lane is answered.
    pub(crate) fn is_mute(&self, lane: u8) -> bool {
        self.lanes & 1 << (4 + lane % LANES) != 0
    }

    pub(crate) fn set_mute(&mut self, mute: bool) {
        let bit = 1 << (4 + self.lane());
        self.lanes = self.lanes & !bit | if mute { bit } else { 0 };
    }

    /// One more than the last number ever sent.
    pub(crate) fn snd_max(&self) -> u32 {
        let data = self.busy.as_ref().map_or(0, |busy| busy.max);
        // SYN and FIN take a number each.
        let one = self.marks.has(Marks::FIN_EVER) || matches!(self.state, State::SynSent | State::HalfOpen);
        self.snd_una.wrapping_add(data + u32::from(one))
    }

    /// RCV.WND: what the peer may still send, bytes.
    pub(crate) fn rcv_wnd(&self) -> u32 {
        self.rcv_edge.wrapping_sub(self.rcv_nxt)
    }

    /// Bytes that wait to be sent or acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.out.len())
    }

    /// Bytes that may be sent before the first acknowledgement (RFC 6928, section 2): a segment's worth where the SYN was
    /// lost and nothing is known since (RFC 5681, section 3.1).
    pub(crate) fn initial_window(&self) -> u32 {
        let slow = self.srtt == 0 && self.marks.has(Marks::SYN_LOST);
        u32::from(self.mss) * if slow { 1 } else { INITIAL_WINDOW_SEGMENTS }
    }

    /// Takes a round trip into account (RFC 6298, section 2).
    pub(crate) fn round_trip(&mut self, us: u64) {
        let sample = (us * u64::from(RTT_UNITS_A_MS) / 1000).min(u64::from(u16::MAX)) as i32;
        let (srtt, rttvar) = (i32::from(self.srtt), i32::from(self.rttvar));
        let (srtt, rttvar) = if srtt == 0 {
            (sample, sample / 2)
        } else {
            let rttvar = rttvar + ((srtt - sample).abs() - rttvar) / 4;
            (srtt + (sample - srtt) / 8, rttvar)
        };
        // Zero stands for no sample yet.
        (self.srtt, self.rttvar) = (srtt.max(1) as u16, rttvar as u16);
    }

    /// The retransmission timeout before it backs off, milliseconds. The variance counts for at least `min_ms`, so
    /// that an acknowledgement the peer delays is no loss; without a sample it is a second, or three once a SYN was lost
    /// (RFC 6298, sections 2.1 and 5.7).
    pub(crate) fn rto_ms(&self, min_ms: u32) -> u32 {
        if self.srtt == 0 {
            return if self.marks.has(Marks::SYN_LOST) {
                3000
            } else {
                1000
            };
        }
        u32::from(self.srtt) / RTT_UNITS_A_MS + (u32::from(self.rttvar) * 4 / RTT_UNITS_A_MS).max(min_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_64_bytes() {
        assert_eq!(size_of::<Block>(), 64);
    }

    #[test]
    fn lanes_take_turns_and_a_mute_one_speaks_when_its_turn_comes_again() {
        let mut block = Block::default();
        block.begin(State::SynSent, 0, 0);
        let first = block.lane();
        block.next_lane(true);
        assert!(block.is_mute(first) && !block.is_mute(block.lane()));
        for _ in 1..LANES {
            block.next_lane(false);
        }
        assert_eq!(block.lane(), first);
        assert!(!block.is_mute(first));
    }

    #[test]
    fn the_timeout_follows_round_trips_and_stays_above_its_minimum() {
        let mut block = Block::default();
        assert_eq!(block.rto_ms(200), 1000);
        (0..50).for_each(|_| block.round_trip(100));
        assert_eq!(block.rto_ms(200), 200);
        (0..100).for_each(|_| block.round_trip(300_000));
        assert!((450..=700).contains(&block.rto_ms(200)), "{}", block.rto_ms(200));
    }
}
