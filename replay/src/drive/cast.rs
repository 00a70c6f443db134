//! Who is driven when: sessions times clones times loops, in the order of their starts.
//!
//! It knows sessions by their places and instants; it drives nothing, and never writes the list down: a cursor a clone
//! (24 B) is all there is, however many starts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// How often a recording is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clones {
    /// How many run through it side by side, each as another person.
    pub count: u32,
    /// Over how long their beginnings are spread, nanoseconds of recorded time.
    pub spread_ns: u64,
    /// How many times each does so, one after the other, every time as another person.
    pub loops: u32,
}

impl Default for Clones {
    fn default() -> Self {
        Self {
            count: 1,
            spread_ns: 0,
            loops: 1,
        }
    }
}

/// A driven session's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// When, on the line of recorded time, nanoseconds.
    pub(super) at_ns: u64,
    /// Which session: its place among the picked.
    pub(super) place: u32,
    /// As whom: numbered over clones and loops.
    pub(super) person: u32,
}

/// The picked sessions' beginnings, and how long the whole takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Score {
    /// When each opened, nanoseconds after the first, ascending.
    pub(super) opened_ns: Vec<u64>,
    /// After how long a loop begins again.
    pub(super) period_ns: u64,
}

/// The starts of one shard, in the order of time.
#[derive(Debug)]
pub(super) struct Starts {
    score: Arc<Score>,
    clones: Clones,
    /// Every clone's next: when, who, which loop, which place.
    cursors: BinaryHeap<Reverse<(u64, u32, u32, u32)>>,
    shard: u32,
    shards: u32,
}

impl Starts {
    /// Those of one shard of several.
    pub(super) fn new(score: Arc<Score>, clones: Clones, shard: u32, shards: u32) -> Self {
        let mut starts = Self {
            cursors: BinaryHeap::with_capacity(clones.count as usize),
            score,
            clones,
            shard,
            shards,
        };
        (0..clones.count).for_each(|clone| starts.seek(clone, 0, 0));
        starts
    }

    /// When the next one is.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.cursors.peek().map(|Reverse((at_ns, ..))| *at_ns)
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<Start> {
        let Reverse((at_ns, clone, turn, place)) = self.cursors.pop()?;
        self.seek(clone, turn, place + 1);
        Some(Start {
            at_ns,
            place,
            person: turn * self.clones.count + clone,
        })
    }

    /// Puts a clone's cursor on this shard's next session, from a place on.
    fn seek(&mut self, clone: u32, turn: u32, place: u32) {
        let (mut turn, mut place) = (turn, place);
        let places = self.score.opened_ns.len() as u32;
        if places == 0 {
            return;
        }
        loop {
            // The next place that is this shard's: clones begin at different shards, so that few sessions spread, too.
            let behind = (place + clone) % self.shards;
            place += (self.shards + self.shard - behind) % self.shards;
            if place < places {
                break;
            }
            (turn, place) = (turn + 1, 0);
            if turn >= self.clones.loops || places <= self.first_of(clone) {
                return;
            }
        }
        let offset_ns = self.clones.spread_ns as u128 * u128::from(clone) / u128::from(self.clones.count);
        // A capture's clock may jump by whatever fits into its stamps; at the highest speed nobody waits for it.
        let at_ns = self.score.opened_ns[place as usize]
            .saturating_add(offset_ns as u64)
            .saturating_add(u64::from(turn).saturating_mul(self.score.period_ns));
        self.cursors.push(Reverse((at_ns, clone, turn, place)));
    }

    /// A clone's first place on this shard.
    fn first_of(&self, clone: u32) -> u32 {
        (self.shards + self.shard - clone % self.shards) % self.shards
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over all shards, every session of every person begins once, and each shard's in the order of time.
        #[test]
        fn everybody_begins_once_and_in_order(
            gaps in prop::collection::vec(0u64..1_000, 0..20),
            count in 1u32..12,
            loops in 1u32..4,
            spread_ns in 0u64..10_000,
            shards in 1u32..6,
        ) {
            let opened_ns: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let places = opened_ns.len();
            let score = Arc::new(Score { opened_ns, period_ns: 20_000 });
            let clones = Clones { count, spread_ns, loops };
            let mut seen = HashSet::new();
            for shard in 0..shards {
                let mut starts = Starts::new(Arc::clone(&score), clones, shard, shards);
                let mut before_ns = 0;
                while let Some(next_ns) = starts.next_ns() {
                    let start = starts.take().unwrap();
                    prop_assert_eq!(start.at_ns, next_ns);
                    prop_assert!(start.at_ns >= before_ns);
                    before_ns = start.at_ns;
                    prop_assert!(seen.insert((start.place, start.person)), "twice: {start:?}");
                }
            }
            prop_assert_eq!(seen.len(), places * (count * loops) as usize);
        }
    }

    #[test]
    fn clones_are_spread_evenly_and_are_different_people() {
        let score = Arc::new(Score {
            opened_ns: vec![0],
            period_ns: 100,
        });
        let clones = Clones {
            count: 4,
            spread_ns: 40,
            loops: 2,
        };
        let mut starts = Starts::new(score, clones, 0, 1);
        let all: Vec<(u64, u32)> = std::iter::from_fn(|| starts.take())
            .map(|start| (start.at_ns, start.person))
            .collect();
        let expected = [
            (0, 0),
            (10, 1),
            (20, 2),
            (30, 3),
            (100, 4),
            (110, 5),
            (120, 6),
            (130, 7),
        ];
        assert_eq!(all, expected);
    }
}
