//! How fast one connection may send: a token bucket for those who do, nothing for those who are silent.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Buckets kept at once; beyond, the map is emptied, which lets a burst through and bounds the memory.
const BUCKETS_MAX: usize = 8192;

/// Token buckets by connection index.
#[derive(Debug, Default)]
pub(super) struct Limits {
    buckets: HashMap<u32, Bucket, FixedState>,
}

/// Tokens in thousandths.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    milli: u64,
    at_us: u64,
}

impl Limits {
    /// Whether one more message may pass. A second's worth may come at once; 0 a second is no limit.
    pub(super) fn allow(&mut self, index: u32, per_second: u64, now_us: u64) -> bool {
        if per_second == 0 {
            return true;
        }
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&index) {
            self.buckets.clear();
        }
        let full = per_second * 1000;
        let bucket = self.buckets.entry(index).or_insert(Bucket {
            milli: full,
            at_us: now_us,
        });
        let gained = now_us.saturating_sub(bucket.at_us).saturating_mul(per_second) / 1000;
        if gained > 0 {
            bucket.milli = (bucket.milli + gained).min(full);
            bucket.at_us = now_us;
        }
        if bucket.milli < 1000 {
            return false;
        }
        bucket.milli -= 1000;
        true
    }

    pub(super) fn forget(&mut self, index: u32) {
        if !self.buckets.is_empty() {
            self.buckets.remove(&index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_passes_a_seconds_worth() {
        let mut limits = Limits::default();
        let passed = |limits: &mut Limits, now_us| (0..100).filter(|_| limits.allow(1, 10, now_us)).count();
        assert_eq!(passed(&mut limits, 0), 10);
        assert_eq!(passed(&mut limits, 100_000), 1);
        assert_eq!(passed(&mut limits, 10_000_000), 10);
        assert!((0..1000).all(|_| limits.allow(2, 0, 0)));
    }
}
