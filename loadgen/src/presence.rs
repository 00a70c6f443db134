//! Since when each user is online: one word a user, written by the user's shard, read by any.
//!
//! It says whether a latency is one: a message to somebody who was away when it was due did not travel that long, it
//! waited. It decides nothing else, so a reader that sees a word late loses one measurement.

use std::sync::atomic::{AtomicU32, Ordering};

/// All users' presence.
#[derive(Debug)]
pub(crate) struct Presence(Box<[AtomicU32]>);

/// Away.
const AWAY: u32 = 0;

impl Presence {
    pub(crate) fn new(users: u32) -> Self {
        Self((0..users).map(|_| AtomicU32::new(AWAY)).collect())
    }

    /// A user's session began, milliseconds on the run's clock.
    pub(crate) fn arrive(&self, user: u32, since_ms: u32) {
        self.set(user, since_ms.max(1));
    }

    /// A user's session ended.
    pub(crate) fn leave(&self, user: u32) {
        self.set(user, AWAY);
    }

    /// When a user's session began, milliseconds on the run's clock; 0 if he is away.
    pub(crate) fn since_ms(&self, user: u32) -> u32 {
        self.0
            .get(user as usize)
            .map_or(AWAY, |since| since.load(Ordering::Relaxed))
    }

    /// Whether a user is online and was so at that instant.
    pub(crate) fn was_online(&self, user: u32, at_us: u64) -> bool {
        let since_ms = self.since_ms(user);
        since_ms != AWAY && u64::from(since_ms) * 1_000 <= at_us
    }

    fn set(&self, user: u32, since_ms: u32) {
        if let Some(since) = self.0.get(user as usize) {
            since.store(since_ms, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn online_counts_from_the_welcome() {
        let presence = Presence::new(2);
        assert!(!presence.was_online(1, 5_000_000));
        presence.arrive(1, 4_000);
        assert!(presence.was_online(1, 4_000_000));
        assert!(!presence.was_online(1, 3_999_999));
        presence.leave(1);
        assert!(!presence.was_online(1, 5_000_000));
    }
}
