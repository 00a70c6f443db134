//! What servers handed out, cookies and tokens, to be known again wherever it stands.
//!
//! It keeps no value, only a keyed sum of each.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// The most values; with one more all are forgotten. 16 B each.
const HANDED_MAX: usize = 1 << 16;
/// The shortest value that does not stand somewhere by chance.
const FEWEST_BYTES: usize = 8;

/// Values that were handed out.
#[derive(Debug, Default)]
pub(super) struct Handed {
    keys: RandomState,
    sums: HashSet<u64>,
    forgotten: u64,
}

impl Handed {
    /// A server hands this out.
    pub(super) fn note(&mut self, value: &[u8]) {
        if value.len() < FEWEST_BYTES {
            return;
        }
        if self.sums.len() >= HANDED_MAX {
            self.forgotten += self.sums.len() as u64;
            self.sums.clear();
        }
        self.sums.insert(self.keys.hash_one(value));
    }

    /// Whether it was handed out.
    pub(super) fn has(&self, value: &[u8]) -> bool {
        value.len() >= FEWEST_BYTES && self.sums.contains(&self.keys.hash_one(value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Values that were forgotten for want of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
