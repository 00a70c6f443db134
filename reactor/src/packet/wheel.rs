//! A timer wheel that keeps at most one live entry a connection, and none for one that waits for nothing.
//!
//! It does not know what is due. An entry is a connection's index, 4 bytes; when the connection is really due stands in
//! its block, so putting a timer off, which every message does, moves nothing. An entry that comes up early is put in
//! again; one that its block no longer knows is dropped.

use super::block::{Block, NEVER};

/// The length of a tick, microseconds: the granularity of retransmission (RFC 6298, section 2).
pub(crate) const TICK_US: u64 = 10_000;
/// Ticks around the wheel: what is due later comes up once a round and is put in again.
const BUCKETS: u32 = 1024;
/// Entries a bucket keeps room for once it is emptied.
const KEPT: usize = 1024;

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Vec<Vec<u32>>,
    /// Which buckets have entries.
    filled: [u64; (BUCKETS / 64) as usize],
    /// The tick whose bucket is being worked off; all before it are empty.
    now: u32,
}

/// The tick that a time falls in.
pub(crate) fn tick(at_us: u64) -> u32 {
    (at_us / TICK_US) as u32
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            buckets: vec![Vec::new(); BUCKETS as usize],
            filled: [0; (BUCKETS / 64) as usize],
            now: 0,
        }
    }
}

impl Wheel {
    /// Makes a connection due at a tick, in place of whenever it was due.
    pub(crate) fn set(&mut self, index: u32, block: &mut Block, due: u32) {
        block.due = due;
        if due != NEVER && (block.entry == NEVER || block.entry > due) {
            self.enter(index, block);
        }
    }

    fn enter(&mut self, index: u32, block: &mut Block) {
        let at = block.due.clamp(self.now, self.now + BUCKETS - 1);
        block.entry = at;
        self.buckets[(at % BUCKETS) as usize].push(index);
        self.filled[(at % BUCKETS / 64) as usize] |= 1 << (at % 64);
    }

    /// When to look again at the earliest, microseconds; never, where nothing waits.
    pub(crate) fn due_us(&self) -> u64 {
        let words = self.filled.len() as u32;
        let start = self.now % BUCKETS;
        // The word of `now` is looked at twice: from `now` on first, and whole at the end of the round.
        for nth in 0..=words {
            let word = (start / 64 + nth) % words;
            let mask = if nth == 0 {
                u64::MAX << (start % 64)
            } else {
                u64::MAX
            };
            let bits = self.filled[word as usize] & mask;
            if bits != 0 {
                let bucket = word * 64 + bits.trailing_zeros();
                let ticks = (bucket + BUCKETS - start) % BUCKETS;
                return u64::from(self.now + ticks) * TICK_US;
            }
        }
        u64::MAX
    }

    /// The next connection whose entry is up at a tick. The caller says by [`Wheel::settle`] what became of it.
    pub(crate) fn next(&mut self, now: u32) -> Option<u32> {
        loop {
            let bucket = self.now % BUCKETS;
            if let Some(index) = self.buckets[bucket as usize].pop() {
                return Some(index);
            }
            self.filled[(bucket / 64) as usize] &= !(1 << (bucket % 64));
            self.buckets[bucket as usize].shrink_to(KEPT);
            if self.now >= now {
                return None;
            }
            self.now = self.earliest(now);
        }
    }

    /// The first tick after this one that has entries, but not one that is yet to come.
    fn earliest(&self, now: u32) -> u32 {
        let due = (self.due_us() / TICK_US).min(u64::from(now)) as u32;
        due.max(self.now + 1).min(now)
    }

    /// Whether a connection that came up is due: if not, its entry was stale, or is put in again.
    pub(crate) fn settle(&mut self, index: u32, block: &mut Block) -> bool {
        if block.entry > self.now {
            // Another entry of the block's is to come, or none: this one was overtaken.
            return false;
        }
        block.entry = NEVER;
        if block.due == NEVER {
            return false;
        }
        if block.due > self.now {
            self.enter(index, block);
            return false;
        }
        block.due = NEVER;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of due times: whatever is set, put off, brought forward and called off, each comes up in
        /// its tick or the first one looked at after it, once.
        #[test]
        fn whoever_is_due_comes_up_in_time(
            steps in prop::collection::vec((0_u32..20, prop::option::of(0_u32..5000), 0_u32..40), 1..400),
        ) {
            let mut wheel = Wheel::default();
            let mut blocks: Vec<Block> = (0..20).map(|_| Block::default()).collect();
            let mut model = [NEVER; 20];
            let mut now = 0;
            for (index, due, passes) in steps {
                let due = due.map_or(NEVER, |ticks| now + 1 + ticks);
                wheel.set(index, &mut blocks[index as usize], due);
                model[index as usize] = due;
                let soonest = model.iter().min().copied().unwrap_or(NEVER);
                if soonest != NEVER {
                    prop_assert!(wheel.due_us() <= u64::from(soonest) * TICK_US);
                }
                now += passes;
                let mut came = Vec::new();
                while let Some(index) = wheel.next(now) {
                    if wheel.settle(index, &mut blocks[index as usize]) {
                        came.push(index);
                    }
                }
                came.sort_unstable();
                let expected: Vec<_> = (0..20).filter(|index| model[*index as usize] <= now).collect();
                prop_assert_eq!(&came, &expected);
                came.iter().for_each(|index| model[*index as usize] = NEVER);
            }
        }
    }

    #[test]
    fn an_empty_wheel_is_never_due() {
        let mut wheel = Wheel::default();
        assert_eq!(wheel.next(1_000_000), None);
        assert_eq!(wheel.due_us(), u64::MAX);
        let mut block = Block::default();
        wheel.set(0, &mut block, 1_000_200);
        assert_eq!(wheel.due_us(), 1_000_200 * TICK_US);
    }
}
