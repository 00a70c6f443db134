//! What a connection borrows while something of it is under way, and who lends it.
//!
//! It does not know what a segment is.

use std::collections::VecDeque;
use std::ops::Range;

use super::block::Block;

/// Memory a returned [`Busy`] may keep, bytes: enough for a small message, so that sending one allocates nothing.
const KEPT_BYTES: usize = 1024;
/// [`Busy`]s kept for the next to borrow.
const SPARE_MAX: usize = 8192;

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

    fn reset(&mut self, window_bytes: u32) {
        self.next = 0;
        self.max = 0;
        self.cwnd = window_bytes;
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

    /// Keeps a segment's bytes, but for those it has. `seq` is not before RCV.NXT, `rcv_nxt`. Returns how many were new
    /// and are kept; `None` if some were and there is no room for them, here or in the shard.
    pub(crate) fn insert(&mut self, rcv_nxt: u32, seq: u32, bytes: &[u8], has_room: bool) -> Option<usize> {
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
            return Some(0);
        };
        if !has_room || self.0.len() >= Self::PIECES_MAX {
            return None;
        }
        self.0.insert(at, (seq.wrapping_add(had as u32), bytes.into()));
        Some(bytes.len())
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
    pub(crate) fn of<'a>(&mut self, block: &'a mut Block) -> &'a mut Busy {
        let window_bytes = block.initial_window();
        block.busy.get_or_insert_with(|| {
            let mut busy = self.spare.pop().unwrap_or_default();
            busy.reset(window_bytes);
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
                    early.insert(rcv_nxt, base.wrapping_add(start as u32), &stream[start..start + length], true);
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
