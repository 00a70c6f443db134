//! Counters that a shard keeps for itself and the sampler sums.
//!
//! They know no name and no registry: whoever owns a shard names what it counts when it writes a sample.
//!
//! Each cell has **one writer**, the shard's thread, and any number of readers. So adding is a plain load and a plain
//! store: no locked instruction, no cache line wrested from another core. That is why a cell must not be shared by
//! writers: two of them would lose counts (nothing worse: it is an atomic, no torn value and no undefined
//! behaviour). Readers see each cell exactly but a set of cells at slightly different instants; a sample a second
//! does not mind.
//!
//! Put a shard's cells together in one struct and the struct in an [`Apart`]: the shard's counters then share lines
//! with each other, which is good, and with no other shard's, which is the point.
//!
//! ```
//! use wsar::{Apart, Counter, HighWater};
//!
//! #[derive(Default)]
//! struct ShardCounters {
//!     frames: Counter,
//!     longest_turn_us: HighWater,
//! }
//!
//! let shards: Vec<Apart<ShardCounters>> = (0..2).map(|_| Apart::default()).collect();
//! shards[0].frames.add(3);
//! shards[1].frames.add(4);
//! assert_eq!(shards.iter().map(|shard| shard.frames.total()).sum::<u64>(), 7);
//! ```

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A count that only grows. One writer, many readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `count`. Only the cell's one writer may call this: another's additions in the same instant would be lost.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// What was added so far.
    #[inline]
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A level that rises and falls, never below zero. One writer, many readers.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// A gauge at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Sets the level. For the one writer.
    #[inline]
    pub fn set(&self, level: u64) {
        self.0.store(level, Relaxed);
    }

    /// Raises the level. For the one writer.
    #[inline]
    pub fn add(&self, count: u64) {
        self.set(self.level().saturating_add(count));
    }

    /// Lowers the level, not below zero. For the one writer.
    #[inline]
    pub fn sub(&self, count: u64) {
        self.set(self.level().saturating_sub(count));
    }

    /// The level.
    #[inline]
    #[must_use]
    pub fn level(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The highest value met. One writer, many readers.
///
/// It is not reset by reading: a reader that wrote would be a second writer.
#[derive(Debug, Default)]
pub struct HighWater(AtomicU64);

impl HighWater {
    /// A mark at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Lifts the mark to `value` where it is lower. For the one writer.
    #[inline]
    pub fn raise(&self, value: u64) {
        // The store is skipped when nothing changes: the line stays shared with whoever reads it.
        if value > self.mark() {
            self.0.store(value, Relaxed);
        }
    }

    /// The highest value so far.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Keeps what it holds on cache lines of its own: 64 bytes, the line of x86-64 and of most ARM servers.
///
/// Meant for a shard's whole set of cells, not for single ones: a line holds eight cells.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Apart<T>(pub T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_count_apart_lose_nothing() {
        const ADDITIONS: u64 = 100_000;
        let shards: Vec<Apart<Counter>> = (0..4).map(|_| Apart::default()).collect();
        let sum = || shards.iter().map(|shard| shard.total()).sum::<u64>();
        std::thread::scope(|scope| {
            for shard in &shards {
                scope.spawn(|| (0..ADDITIONS).for_each(|_| shard.add(2)));
            }
            let mut last = 0;
            for _ in 0..1_000 {
                let now = sum();
                assert!(now >= last, "a reader never sees a count fall");
                last = now;
            }
        });
        assert_eq!(sum(), 4 * 2 * ADDITIONS);
    }

    #[test]
    fn a_gauge_stops_at_zero() {
        let gauge = Gauge::new();
        gauge.add(5);
        gauge.sub(3);
        assert_eq!(gauge.level(), 2);
        gauge.sub(3);
        assert_eq!(gauge.level(), 0);
        gauge.set(9);
        assert_eq!(gauge.level(), 9);
    }

    #[test]
    fn a_mark_only_rises() {
        let mark = HighWater::new();
        [3, 9, 4].iter().for_each(|&value| mark.raise(value));
        assert_eq!(mark.mark(), 9);
    }

    #[test]
    fn neighbours_share_no_line() {
        let pair = [Apart(Counter::new()), Apart(Counter::new())];
        let address = |index: usize| std::ptr::from_ref(&pair[index]).addr();
        assert_eq!(address(0) % 64, 0);
        assert_eq!(address(1) - address(0), 64);
    }
}
