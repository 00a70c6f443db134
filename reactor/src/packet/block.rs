//! A connection's control block: 64 bytes, its place in the arena and its index included.
//!
//! It knows numbers, not packets. What a connection needs only while something is under way, which at any instant few
//! have, is borrowed: see [`Busy`].

use std::collections::VecDeque;
use std::ops::{BitOrAssign, Range};

use super::subnet::LANES;

/// No tick: nothing is due.
pub(crate) const NEVER: u32 = u32::MAX;
/// Segments' worth of data sent before the first acknowledgement (RFC 6928, section 2).
const INITIAL_WINDOW_SEGMENTS: u32 = 10;
/// The share of a millisecond that round trips are kept in.
const RTT_UNITS_A_MS: u32 = 4;
/// Memory a returned [`Busy`] may keep, bytes: enough for a small message, so that sending one allocates nothing.
const KEPT_BYTES: usize = 1024;
/// [`Busy`]s kept for the next to borrow.
const SPARE_MAX: usize = 8192;

/// Where a connection stands (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody's. What is left in the block is the last tenant's numbers, above which the next one begins.
    #[default]
    Free,
    /// Nobody's either, but a repeated FIN of the last tenant's peer is still acknowledged: a `TIME_WAIT` for nothing.
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

    /// Moves on to the next port. The one left behind stays silent from now on if `mute`.
    pub(crate) fn next_lane(&mut self, mute: bool) {
        self.set_mute(mute);
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
    /// that an acknowledgement the peer delays is no loss; without a sample it is a second (RFC 6298, section 2.1).
    pub(crate) fn rto_ms(&self, min_ms: u32) -> u32 {
        if self.srtt == 0 {
            return 1000;
        }
        u32::from(self.srtt) / RTT_UNITS_A_MS + (u32::from(self.rttvar) * 4 / RTT_UNITS_A_MS).max(min_ms)
    }
}

/// What a connection borrows while bytes of it wait, for the peer or for the rest of their frame.
///
/// The congestion window lives and dies with it, which is what RFC 5681, section 4.1, asks of an idle connection: it
/// begins again with the initial window.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    /// From SND.UNA on: sent and not acknowledged, then not sent.
    pub(crate) out: VecDeque<u8>,
    /// How many of them were sent in this pass; after a timeout it begins again.
    pub(crate) next: u32,
    /// How many of them were ever sent.
    pub(crate) max: u32,
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// A number whose acknowledgement ends a round trip, and when the trip began; none after anything was sent twice.
    pub(crate) timed: Option<(u32, u64)>,
    pub(crate) dup_acks: u8,
    /// Until what number a loss is being made good (RFC 6582, section 3.2).
    pub(crate) recover: Option<u32>,
    /// Probes of a closed window since it was last open.
    pub(crate) probes: u8,
    pub(crate) early: Early,
    /// What the application left of what it was given.
    pub(crate) stash: Vec<u8>,
}

impl Busy {
    /// Whether it may be given back.
    pub(crate) fn is_idle(&self) -> bool {
        self.out.is_empty() && self.early.is_empty() && self.stash.is_empty()
    }

    fn reset(&mut self, mss: u16) {
        self.next = 0;
        self.max = 0;
        self.cwnd = INITIAL_WINDOW_SEGMENTS * u32::from(mss);
        self.ssthresh = u32::MAX;
        self.timed = None;
        self.dup_acks = 0;
        self.recover = None;
        self.probes = 0;
    }
}

/// Segments that came before their turn: a few, within the window, sorted, each byte held once.
///
/// Without them a large window makes one loss cost a whole window sent again; with them, one segment. They are
/// bounded by the window and by their number, and a shard's together by [`Early::SHARD_MAX_BYTES`]; what has no room
/// the peer sends again.
#[derive(Debug, Default)]
pub(crate) struct Early(Vec<(u32, Box<[u8]>)>);

impl Early {
    const PIECES_MAX: usize = 256;
    /// Bytes that all connections of a shard may hold at once.
    pub(crate) const SHARD_MAX_BYTES: usize = 64 << 20;

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Keeps a segment's bytes, but for those it has. `seq` is not before RCV.NXT, `rcv_nxt`. Returns how many it took.
    pub(crate) fn insert(&mut self, rcv_nxt: u32, seq: u32, bytes: &[u8]) -> usize {
        let offset = |seq: u32| seq.wrapping_sub(rcv_nxt);
        let at = self.0.partition_point(|(other, _)| offset(*other) < offset(seq));
        let had = at.checked_sub(1).map_or(0, |before| {
            let (other, bytes) = &self.0[before];
            (offset(*other) + bytes.len() as u32).saturating_sub(offset(seq)) as usize
        });
        // What follows is cut off where the next piece begins; the rest of it comes again if it is needed.
        let room = self.0.get(at).map_or(bytes.len(), |(other, _)| {
            ((offset(*other) - offset(seq)) as usize).min(bytes.len())
        });
        let Some(bytes) = bytes.get(had..room).filter(|bytes| !bytes.is_empty()) else {
            return 0;
        };
        if self.0.len() >= Self::PIECES_MAX {
            return 0;
        }
        self.0.insert(at, (seq.wrapping_add(had as u32), bytes.into()));
        bytes.len()
    }

    /// The first piece, if its turn has come, and the part of it that is new.
    pub(crate) fn take(&mut self, rcv_nxt: u32) -> Option<(Box<[u8]>, Range<usize>)> {
        let (seq, bytes) = self.0.first()?;
        let old = rcv_nxt.wrapping_sub(*seq) as i32;
        if old < 0 {
            return None;
        }
        let start = (old as usize).min(bytes.len());
        let (_, bytes) = self.0.remove(0);
        let end = bytes.len();
        Some((bytes, start..end))
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

/// Where [`Busy`]s are borrowed and given back, so that nothing is allocated for a small message.
#[derive(Debug, Default)]
#[allow(clippy::vec_box)] // a block holds a thin pointer, and what is behind it moves between blocks as it is
pub(crate) struct Lender {
    spare: Vec<Box<Busy>>,
}

impl Lender {
    /// A connection's own, borrowed if it has none.
    pub(crate) fn of<'a>(&mut self, busy: &'a mut Option<Box<Busy>>, mss: u16) -> &'a mut Busy {
        busy.get_or_insert_with(|| {
            let mut busy = self.spare.pop().unwrap_or_default();
            busy.reset(mss);
            busy
        })
    }

    /// Takes one back if it is idle.
    pub(crate) fn settle(&mut self, busy: &mut Option<Box<Busy>>) {
        if busy.as_ref().is_some_and(|busy| busy.is_idle()) {
            self.take_back(busy);
        }
    }

    /// Takes one back with whatever is in it.
    pub(crate) fn take_back(&mut self, busy: &mut Option<Box<Busy>>) {
        if let Some(mut busy) = busy.take()
            && self.spare.len() < SPARE_MAX
        {
            busy.out.clear();
            busy.out.shrink_to(KEPT_BYTES);
            busy.stash.clear();
            busy.stash.shrink_to(KEPT_BYTES);
            busy.early.clear();
            self.spare.push(busy);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        /// However a stream is cut and shuffled, it is put together again.
        #[test]
        fn early_segments_come_out_in_order(
            base: u32,
            cuts in prop::collection::vec((0_usize..2000, 1_usize..300), 1..200),
        ) {
            let stream: Vec<u8> = (0..2300_u32).map(|at| (at * 7) as u8).collect();
            let (mut early, mut got) = (Early::default(), Vec::new());
            for (start, length) in cuts.into_iter().chain((0..2300).step_by(100).map(|at| (at, 100))) {
                let rcv_nxt = base.wrapping_add(got.len() as u32);
                if start > got.len() {
                    early.insert(rcv_nxt, base.wrapping_add(start as u32), &stream[start..start + length]);
                } else if start + length > got.len() {
                    // What is next is never early.
                    got.extend_from_slice(&stream[got.len()..start + length]);
                }
                while let Some((bytes, range)) = early.take(base.wrapping_add(got.len() as u32)) {
                    got.extend_from_slice(&bytes[range]);
                }
                prop_assert_eq!(&got[..], &stream[..got.len()]);
            }
            prop_assert_eq!(got.len(), 2300);
            prop_assert!(early.is_empty());
        }
    }
}
