//! Messages whose second tick may still come: when each was due, how many of its ticks came.
//!
//! It does not know who is online, and so not which ticks are owed. A message is kept until its last tick has come, and
//! no longer than twice [`PATIENCE_US`]: at any rate these are the rate times the latency, 32 bytes each, 0.6 MB a shard for
//! 10,000 messages a second whose ticks take a second. What finds no room is counted by whoever offers it.

use hashbrown::HashMap;
use scenarios::To;

/// How long a message is kept at least, microseconds. A tick that takes longer is as good as none.
const PATIENCE_US: u64 = 60_000_000;
/// Messages kept a shard at most: what a table of a quarter of a million places takes, 8.7 MB.
const KEPT_MAX: usize = 229_376;

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) intended_us: u64,
    pub(super) to: To,
    copies: u16,
    /// Ticks that came.
    pub(super) came: u16,
}

/// Whose message it is, and the low half of its id.
pub(super) type Key = (u32, u32);

/// The messages of a shard, those of one patience apart from those of the one before.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    young: HashMap<Key, Kept>,
    old: HashMap<Key, Kept>,
    turned_us: u64,
}

impl Kept {
    pub(super) fn new(intended_us: u64, to: To, copies: u32) -> Self {
        Self {
            intended_us,
            to,
            copies: copies.min(u32::from(u16::MAX)) as u16,
            came: 0,
        }
    }
}

impl Ticks {
    /// Keeps a message. Returns whether there was room.
    pub(super) fn insert(&mut self, user: u32, id: u64, kept: Kept) -> bool {
        let has_room = self.young.len() + self.old.len() < KEPT_MAX;
        if has_room {
            self.young.insert(key(user, id), kept);
        }
        has_room
    }

    /// A tick came. Returns when its message was due, microseconds on the run's clock; `None` of one that is not kept.
    pub(super) fn came(&mut self, user: u32, id: u64) -> Option<u64> {
        let key = key(user, id);
        let generation = match self.young.contains_key(&key) {
            true => &mut self.young,
            false => &mut self.old,
        };
        let kept = generation.get_mut(&key)?;
        kept.came += 1;
        let intended_us = kept.intended_us;
        if kept.came >= kept.copies {
            generation.remove(&key);
        }
        Some(intended_us)
    }

    /// No tick of the message is owed: it was refused, or somebody left.
    pub(super) fn forget(&mut self, (user, id): Key) {
        if self.young.remove(&(user, id)).is_none() {
            self.old.remove(&(user, id));
        }
    }

    /// Any message that is kept.
    pub(super) fn any(&self) -> Option<(Key, Kept)> {
        let mut all = self.old.iter().chain(&self.young);
        all.next().map(|(key, kept)| (*key, *kept))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// The messages that patience has run out for, which are kept no longer.
    pub(super) fn expire(&mut self, now_us: u64) -> impl Iterator<Item = (Key, Kept)> + use<> {
        let is_over = now_us >= self.turned_us.saturating_add(PATIENCE_US);
        let mut expired = HashMap::new();
        if is_over {
            self.turned_us = now_us;
            expired = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        }
        expired.into_iter()
    }

    /// All that are left.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Key, Kept)> + use<> {
        let old = std::mem::take(&mut self.old);
        old.into_iter().chain(std::mem::take(&mut self.young))
    }
}

/// A key of [`Ticks`].
pub(super) fn key(user: u32, id: u64) -> Key {
    (user, id as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(intended_us: u64) -> Kept {
        Kept::new(intended_us, To::User(9), 1)
    }

    #[test]
    fn a_message_and_its_key_are_32_bytes() {
        assert_eq!(size_of::<(Key, Kept)>(), 32);
    }

    #[test]
    fn the_slowest_of_many_ticks_is_timed_as_the_fastest_is() {
        let mut ticks = Ticks::default();
        for id in 1..=KEPT_MAX as u64 {
            assert!(ticks.insert(3, id, one(100 + id)));
        }
        assert!(!ticks.insert(4, 1, one(7)), "what is kept is not given up for it");
        assert_eq!(ticks.came(3, 1), Some(101));
        assert_eq!(ticks.came(3, 1), None, "it came");
        assert!(ticks.insert(4, 1, one(7)));
        assert_eq!(ticks.came(4, 1), Some(7));
        assert_eq!(ticks.came(4, 2), None);
    }

    #[test]
    fn a_group_message_waits_for_each_of_its_ticks() {
        let mut ticks = Ticks::default();
        ticks.insert(3, 1, Kept::new(50, To::Group(2), 3));
        assert_eq!([ticks.came(3, 1), ticks.came(3, 1)], [Some(50); 2]);
        assert_eq!(ticks.any().unwrap().1.came, 2);
        assert_eq!(ticks.came(3, 1), Some(50));
        assert!(ticks.is_empty());
    }

    #[test]
    fn patience_lasts_at_least_once_and_at_most_twice_its_time() {
        let mut ticks = Ticks::default();
        assert_eq!(ticks.expire(PATIENCE_US).count(), 0);
        ticks.insert(3, 1, one(PATIENCE_US));
        assert_eq!(ticks.expire(2 * PATIENCE_US - 1).count(), 0);
        assert_eq!(ticks.expire(2 * PATIENCE_US).count(), 0);
        ticks.insert(3, 2, one(2 * PATIENCE_US));
        assert_eq!(ticks.came(3, 2), Some(2 * PATIENCE_US));
        let expired: Vec<_> = ticks.expire(3 * PATIENCE_US).map(|(key, _)| key).collect();
        assert_eq!(expired, [(3, 1)]);
        ticks.insert(3, 4, one(0));
        ticks.forget(key(3, 4));
        assert_eq!((ticks.any(), ticks.drain().count()), (None, 0));
    }
}
