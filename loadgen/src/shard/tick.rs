//! When messages whose second tick may still come were due: a small table that forgets the oldest.
//!
//! It is a sample by design: a tick that comes after its message was overwritten is counted elsewhere, and not timed.

/// Messages remembered a shard: 64 KB, and seconds of a shard's traffic at the rates of a full swarm.
const SLOTS: usize = 4_096;

/// The intended instants of recent messages.
#[derive(Debug)]
pub(super) struct Ticks(Box<[(u64, u64)]>);

impl Default for Ticks {
    fn default() -> Self {
        Self(vec![(0, 0); SLOTS].into_boxed_slice())
    }
}

impl Ticks {
    pub(super) fn insert(&mut self, user: u32, id: u64, intended_us: u64) {
        let key = key(user, id);
        self.0[slot(key)] = (key, intended_us);
    }

    /// When the message was due, microseconds on the run's clock.
    pub(super) fn intended_us(&self, user: u32, id: u64) -> Option<u64> {
        let key = key(user, id);
        let (kept, intended_us) = self.0[slot(key)];
        (kept == key).then_some(intended_us)
    }
}

fn key(user: u32, id: u64) -> u64 {
    // Ids begin at 1, so no key is 0.
    u64::from(user) << 32 | id & 0xffff_ffff
}

fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_messages_are_found_and_no_other() {
        let mut ticks = Ticks::default();
        assert_eq!(ticks.intended_us(0, 1), None);
        (1..=2_u64).for_each(|id| ticks.insert(3, id, 100 + id));
        assert_eq!(
            (ticks.intended_us(3, 1), ticks.intended_us(3, 2)),
            (Some(101), Some(102))
        );
        assert_eq!(ticks.intended_us(4, 1), None);
    }
}
