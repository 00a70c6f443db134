//! Second ticks: how long each took, and which of those that are owed did not come.
//!
//! It does not know what the server does. A tick is owed where sender and recipient have both been online since the message
//! was due, and read: nothing of the message, its acknowledgement or its tick can then have been lost with a connection. Of
//! a message to a group it is known how many ticks came, not whose, so the count of those missing errs in the server's
//! favour. A server that has sent a shard no tick at all sends none, and owes none.

use wire::chat::Number;

use super::Shard;
use super::tick::{Kept, Key};
use crate::tally::Count;
use crate::timing::{Metric, Timing};

impl Shard {
    pub(super) fn second_tick(&mut self, user: u32, id: u64, by: Number, now_us: u64) {
        self.tally.add(Count::Ticks, 1);
        let Some(intended_us) = self.ticks.came(user, id) else {
            return;
        };
        let both = self.is_timed(user, intended_us)
            && self
                .population
                .user(by)
                .is_some_and(|by| self.is_timed(by, intended_us));
        if both {
            self.report
                .timing(Timing::since(Metric::Tick, intended_us, now_us));
        }
    }

    /// Whether what was due at an instant could come to a user at once: he has been online since, and reads.
    pub(super) fn is_timed(&self, user: u32, intended_us: u64) -> bool {
        let at_us = intended_us.saturating_sub(self.begin_us);
        self.presence.was_online(user, intended_us) && self.members.reads(user, at_us)
    }

    /// Counts the ticks that patience has run out for.
    pub(super) fn expire_ticks(&mut self, now_us: u64) {
        let expired = self.ticks.expire(now_us);
        self.miss(expired, now_us);
    }

    /// Counts the ticks that have not come by the end.
    pub(super) fn end_ticks(&mut self, now_us: u64) {
        let left = self.ticks.drain();
        self.miss(left, now_us);
    }

    /// Whether a tick is owed that may yet come. What is not owed is forgotten, so all calls together look at each
    /// message once.
    pub(super) fn awaits_tick(&mut self, now_us: u64) -> bool {
        while let Some((key, kept)) = self.ticks.any() {
            if self.owed(key, &kept, now_us) > 0 {
                return true;
            }
            self.ticks.forget(key);
        }
        false
    }

    fn miss(&mut self, messages: impl Iterator<Item = (Key, Kept)>, now_us: u64) {
        let missing = messages.map(|(key, kept)| self.owed(key, &kept, now_us)).sum();
        self.tally.add(Count::TicksMissing, missing);
    }

    /// How many ticks of a message are owed and have not come, at least.
    fn owed(&self, (user, _): Key, kept: &Kept, now_us: u64) -> u64 {
        let now_at_us = now_us.saturating_sub(self.begin_us);
        let is_there = |user| self.is_timed(user, kept.intended_us) && self.members.reads(user, now_at_us);
        if self.tally.of(Count::Ticks) == 0 || !is_there(user) {
            return 0;
        }
        let mut there = 0;
        self.members.each_recipient(user, kept.to, &mut |recipient| {
            there += u64::from(is_there(recipient))
        });
        there.saturating_sub(u64::from(kept.came))
    }
}
