//! The bound on what waits for slow readers, all shards together: who goes where it is passed.
//!
//! It knows bytes, not what they say. Nothing is shared but gauges: each shard finds out for itself how much of the excess is its
//! to cut. Below its part of the bound it looks at none of the others, and a turn costs two multiplications.

use std::sync::Arc;

use reactor::Acceptor;
use wire::chat::Code;

use super::ServerShard;
use crate::figures::ShardFigures;

/// Where the bound is passed, so much of it is made free, so that the next byte does not pass it again.
const FREED_PART: u64 = 8;

impl ServerShard {
    /// Cuts off the slowest readers while more waits than the bound says, and resets those that have been cut off and still
    /// take nothing while as much again waits for them.
    pub(super) fn bound_unread<L: Acceptor>(&mut self, link: &mut L) {
        let max = self.parts.knobs.unread_total_max_bytes();
        let shards = self.parts.others.len() as u64;
        let stats = link.sockets().stats();
        if stats.unread_bytes.saturating_mul(shards) > max {
            let others = self.others().map(|shard| shard.unread_bytes.level());
            let excess_bytes = excess(stats.unread_bytes, others, max);
            self.cut_slowest(link, excess_bytes);
        }
        if stats.leaving_bytes.saturating_mul(shards) > max {
            let others = self.others().map(|shard| shard.leaving_bytes.level());
            if stats.leaving_bytes + others.sum::<u64>() > max {
                let reset = link.sockets().reset_leaving();
                self.parts.figures.leavers_reset.add(u64::from(reset));
            }
        }
    }

    /// The figures of the other shards, as they were published last.
    fn others(&self) -> impl Iterator<Item = &ShardFigures> + Clone {
        let (all, own) = (&self.parts.others, usize::from(self.parts.index));
        all[..own].iter().chain(&all[own + 1..]).map(Arc::as_ref)
    }

    fn cut_slowest<L: Acceptor>(&mut self, link: &mut L, bytes: u64) {
        if bytes == 0 {
            return;
        }
        for (id, unread_bytes) in link.sockets().slowest(bytes) {
            let figures = &self.parts.figures;
            figures.slow_readers_cut.add(1);
            figures.readers_cut_for_all.add(1);
            figures.bytes_cut_for_all.add(unread_bytes);
            self.dismiss(link, id, Code::SlowReader);
        }
    }
}

/// How many bytes a shard with `own` has to cut, beside others with theirs. Those with at least the mean share the excess by what
/// they have: one of them there always is, and a shard with a few bytes gives nobody up for another's.
fn excess(own: u64, others: impl Iterator<Item = u64> + Clone, max: u64) -> u64 {
    let (count, total) = others
        .clone()
        .fold((1, own), |(count, total), level| (count + 1, total + level));
    if total <= max || own * count < total {
        return 0;
    }
    let heavy = own + others.filter(|level| level * count >= total).sum::<u64>();
    let excess_bytes = total - (max - max / FREED_PART);
    let part = u128::from(excess_bytes) * u128::from(own) / u128::from(heavy);
    u64::try_from(part).unwrap_or(own).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_shard_cuts_down_to_seven_eighths() {
        let alone = |own| excess(own, std::iter::empty(), 800);
        assert_eq!((alone(800), alone(801), alone(1_600)), (0, 101, 900));
    }

    #[test]
    fn who_has_little_cuts_nobody_off() {
        assert_eq!(excess(10, [900].into_iter(), 800), 0);
        assert_eq!(excess(900, [10].into_iter(), 800), 210);
    }

    proptest! {
        /// Whatever each has: they cut nothing below the bound, and above it what is too much, but for rounding.
        #[test]
        fn all_together_cut_the_excess(levels in prop::collection::vec(0_u64..1 << 30, 1..20), max in 8_u64..1 << 32) {
            let cut: u64 = (0..levels.len())
                .map(|at| {
                    let others = levels.iter().enumerate().filter(move |(place, _)| *place != at);
                    excess(levels[at], others.map(|(_, level)| *level), max)
                })
                .sum();
            let total: u64 = levels.iter().sum();
            if total <= max {
                prop_assert_eq!(cut, 0);
            } else {
                let too_much = total - (max - max / FREED_PART);
                let shards = levels.len() as u64;
                prop_assert!(cut.abs_diff(too_much) <= shards, "{cut} of {too_much}");
            }
        }
    }
}
