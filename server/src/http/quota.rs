//! How often each source may ask for something: a bucket that is full again after ten minutes.
//!
//! It does not know what is asked; the instant comes in. A bucket is one instant, that at which it is full again (the generic cell
//! rate algorithm, ITU-T I.371, appendix A), so a source costs an entry of 16 B until then.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use wire::chat::Code;

use crate::source::Source;

/// In which time a source may ask so many times.
pub(crate) const WINDOW_S: u64 = 600;
const WINDOW_US: u64 = WINDOW_S * 1_000_000;
/// Sources remembered at once; beyond, those that are not known are answered as busy.
const SOURCES_MAX: usize = 65_536;
/// How often a full table is looked through for those whose bucket is full again.
const SWEEP_US: u64 = 1_000_000;

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// When each is full again, microseconds.
    full_at_us: HashMap<Source, u64, RandomState>,
    sweep_us: u64,
}

impl Quota {
    /// Takes one of the `most` times that a source may ask in ten minutes; they may come at once.
    ///
    /// # Errors
    /// [`Code::RateLimited`] where it has asked too often, [`Code::Busy`] where there are too many sources.
    pub(super) fn take(&mut self, source: Source, most: u64, now_us: u64) -> Result<(), Code> {
        let known = self.full_at_us.get(&source).copied();
        if known.is_none() && self.full_at_us.len() >= SOURCES_MAX {
            self.sweep(now_us)?;
        }
        let next_us = known.unwrap_or(0).max(now_us) + WINDOW_US / most.max(1);
        if next_us > now_us + WINDOW_US {
            return Err(Code::RateLimited);
        }
        self.full_at_us.insert(source, next_us);
        Ok(())
    }

    /// Forgets those who would start afresh anyhow.
    fn sweep(&mut self, now_us: u64) -> Result<(), Code> {
        if now_us >= self.sweep_us {
            self.sweep_us = now_us + SWEEP_US;
            self.full_at_us.retain(|_, full_at_us| *full_at_us > now_us);
        }
        if self.full_at_us.len() < SOURCES_MAX {
            Ok(())
        } else {
            Err(Code::Busy)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn source(index: u32) -> Source {
        Source::of(Ipv4Addr::from_bits(index).into())
    }

    #[test]
    fn ten_minutes_give_back_what_was_taken() {
        let mut quota = Quota::default();
        let taken = |quota: &mut Quota, now_us| {
            (0..100)
                .filter(|_| quota.take(source(1), 10, now_us).is_ok())
                .count()
        };
        assert_eq!(taken(&mut quota, 0), 10);
        assert_eq!(quota.take(source(1), 10, 0), Err(Code::RateLimited));
        assert_eq!(quota.take(source(2), 10, 0), Ok(()), "another's");
        assert_eq!(taken(&mut quota, WINDOW_US / 10), 1);
        assert_eq!(taken(&mut quota, 2 * WINDOW_US), 10);
    }

    #[test]
    fn so_many_sources_are_remembered_until_their_buckets_are_full() {
        let mut quota = Quota::default();
        let all = SOURCES_MAX as u32;
        for index in 0..all {
            assert_eq!(quota.take(source(index), 2, 0), Ok(()));
        }
        assert_eq!(quota.take(source(all), 2, 0), Err(Code::Busy));
        assert_eq!(quota.take(source(0), 2, 0), Ok(()), "who is known is served");
        let later_us = WINDOW_US / 2;
        assert_eq!(quota.take(source(all), 2, later_us), Ok(()));
        assert_eq!(quota.full_at_us.len(), 2, "all others start afresh");
    }

    proptest! {
        /// However they come: from one bucket no more than twice its worth in a window, and no fewer than would be fair.
        #[test]
        fn no_window_passes_more_than_a_full_bucket_and_its_refill(
            most in 1_u64..50,
            gaps_us in prop::collection::vec(0_u64..WINDOW_US / 20, 1..200),
        ) {
            let mut quota = Quota::default();
            let mut now_us = 0;
            let mut passed = Vec::new();
            for gap_us in gaps_us {
                now_us += gap_us;
                if quota.take(source(1), most, now_us).is_ok() {
                    passed.push(now_us);
                }
            }
            for (place, from_us) in passed.iter().enumerate() {
                let within = passed[place..].iter().filter(|at_us| **at_us < from_us + WINDOW_US);
                prop_assert!(within.count() as u64 <= 2 * most);
            }
            prop_assert!(!passed.is_empty());
        }
    }
}
