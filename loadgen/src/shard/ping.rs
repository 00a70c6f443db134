//! Pings: every connection's once a period, a slice of them at a time. No timer a user.
//!
//! It does not know who was heard of lately: a ping more costs less than knowing.
//!
//! A period has a power of two of slots, and each index of the arena one of them for good. A walk from one end to the other
//! would not do: while connections are made its end runs away from it, and the first would wait for up to twice the period
//! until it comes round again, which is longer than a server may bear silence.

use reactor::Link;
use wire::chat::ClientFrame;

use super::Shard;
use crate::tally::Count;

/// The shortest time between two slots, so that an idle shard sleeps.
const SLOT_MIN_US: u64 = 50_000;
/// Connections visited a turn at most.
const VISITS_A_TURN: u64 = 2_048;
/// Slots looked ahead for one that is anybody's: a shard with few connections wakes in vain once in so many.
const AHEAD: u64 = 32;
/// Odd, and 0.618 of the range: neighbours in the arena are far apart in time, and the slots that have one index more than
/// others are spread evenly.
const STRIDE: u32 = 0x9e37_79b9;

/// Where the walk is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pings {
    /// Slots begun, counted since the clock's begin.
    slot: u64,
    /// Of the last of them, indices visited.
    row: u32,
    token: u32,
}

/// A period's slots.
#[derive(Clone, Copy)]
struct Slots {
    period_us: u64,
    /// A power of two, so that an odd stride is one to one.
    count: u32,
}

impl Slots {
    fn of(period_us: u64) -> Self {
        let most = (period_us / SLOT_MIN_US).clamp(1, 1 << 20) as u32;
        Self {
            period_us: period_us.max(1),
            count: 1 << most.ilog2(),
        }
    }

    /// When a slot begins.
    fn begin_us(self, slot: u64) -> u64 {
        (slot * self.period_us).div_ceil(u64::from(self.count))
    }

    /// The slot of an instant.
    fn at(self, now_us: u64) -> u64 {
        now_us * u64::from(self.count) / self.period_us
    }

    /// The lowest index whose slot it is; the others follow at a distance of `count`.
    fn first(self, slot: u64) -> u32 {
        (slot as u32).wrapping_mul(STRIDE) & (self.count - 1)
    }
}

impl Pings {
    /// When the next slot is due; never, while there is nobody.
    pub(super) fn due_us(&self, extent: u32, period_us: u64) -> u64 {
        if extent == 0 {
            return u64::MAX;
        }
        let slots = Slots::of(period_us);
        // Begun and not ended: at once.
        if self.rest(slots, extent) > 0 {
            return 0;
        }
        let mut ahead = self.slot + 1..self.slot + AHEAD;
        let next = ahead
            .find(|slot| slots.first(*slot) < extent)
            .unwrap_or(self.slot + AHEAD);
        slots.begin_us(next)
    }

    /// Indices of the slot begun that were not visited.
    fn rest(&self, slots: Slots, extent: u32) -> u32 {
        let first = slots.first(self.slot);
        extent
            .saturating_sub(first)
            .div_ceil(slots.count)
            .saturating_sub(self.row)
    }

    /// The next index to visit now, if there is one.
    fn next(&mut self, extent: u32, period_us: u64, now_us: u64) -> Option<u32> {
        let slots = Slots::of(period_us);
        let now = slots.at(now_us);
        // Whoever was away for longer than a period has nothing to catch up with but that.
        let missed = now.saturating_sub(self.slot) > u64::from(slots.count);
        if missed {
            self.slot = now - u64::from(slots.count);
            self.row = 0;
        }
        while self.rest(slots, extent) == 0 {
            if self.slot >= now {
                return None;
            }
            self.slot += 1;
            self.row = 0;
        }
        let index = slots.first(self.slot) + self.row * slots.count;
        self.row += 1;
        Some(index)
    }
}

impl Shard {
    /// Pings the connections whose turn it is.
    pub(super) fn ping<L: Link>(&mut self, link: &mut L, now_us: u64) {
        let extent = self.users.extent();
        let mut bytes = std::mem::take(&mut self.out);
        for _ in 0..VISITS_A_TURN {
            let Some(index) = self.pings.next(extent, self.limits.ping_every_us, now_us) else {
                break;
            };
            let Some((_, user)) = self.users.conn_at(index) else {
                continue;
            };
            if self.users.user(user).is_online() {
                bytes.clear();
                self.pings.token = self.pings.token.wrapping_add(1);
                ClientFrame::Ping {
                    token: self.pings.token,
                }
                .encode(&mut bytes);
                self.push(link, user, &bytes);
                self.tally.add(Count::Pings, 1);
            }
        }
        self.out = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD_US: u64 = 600_000_000;

    /// Visits of an instant.
    fn visited(pings: &mut Pings, extent: u32, period_us: u64, now_us: u64) -> Vec<u32> {
        std::iter::from_fn(|| pings.next(extent, period_us, now_us)).collect()
    }

    #[test]
    fn whenever_a_slot_is_due_time_moves_on() {
        for (extent, period_us) in [
            (1, PERIOD_US),
            (7, 3_000_000),
            (24, 3_000_001),
            (24, 1_000),
            (100_000, PERIOD_US),
        ] {
            let mut pings = Pings::default();
            let (mut now_us, mut visits) = (0, 0);
            for _ in 0..1_000 {
                visits += visited(&mut pings, extent, period_us, now_us).len();
                let due_us = pings.due_us(extent, period_us);
                assert!(due_us > now_us, "{extent} at {now_us}: a loop would spin");
                now_us = due_us;
            }
            assert!(visits > 0);
        }
        assert_eq!(Pings::default().due_us(0, PERIOD_US), u64::MAX);
    }

    #[test]
    fn a_walk_takes_one_period_whatever_the_turns() {
        for turn_us in [1_000, 50_000, 70_001, 400_000] {
            let mut pings = Pings::default();
            visited(&mut pings, 600, 60_000_000, 0);
            let (mut now_us, mut visits) = (0, 0);
            while now_us < 60_000_000 {
                now_us += turn_us;
                visits += visited(&mut pings, 600, 60_000_000, now_us).len();
            }
            assert!(
                (595..=605).contains(&visits),
                "{visits} visits with turns of {turn_us} us"
            );
        }
    }

    /// Three million in 770 s, as a climb makes them: nobody waits for longer than the period, and a slot.
    #[test]
    fn nobody_is_silent_for_longer_than_a_period_while_connections_are_made() {
        const A_SECOND: u64 = 39;
        const ALL: u32 = 30_000;
        let mut pings = Pings::default();
        let mut last_us: Vec<u64> = Vec::new();
        let mut longest_us = 0;
        for now_us in (0..2_000_000_000).step_by(100_000) {
            let extent = (now_us * A_SECOND / 1_000_000).min(ALL.into()) as u32;
            last_us.resize(extent as usize, now_us);
            for index in visited(&mut pings, extent, PERIOD_US, now_us) {
                let since_us = now_us - std::mem::replace(&mut last_us[index as usize], now_us);
                longest_us = longest_us.max(since_us);
            }
        }
        assert_eq!(last_us.len(), ALL as usize);
        assert!(
            (PERIOD_US..PERIOD_US + 200_000).contains(&longest_us),
            "{longest_us}"
        );
        let oldest_us = last_us.iter().min().copied().unwrap_or(0);
        assert!(2_000_000_000 - oldest_us <= PERIOD_US + 200_000, "{oldest_us}");
    }

    #[test]
    fn who_was_away_for_long_visits_everybody_once() {
        let mut pings = Pings::default();
        visited(&mut pings, 600, 60_000_000, 0);
        let mut all = visited(&mut pings, 600, 60_000_000, 86_400_000_000);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 600);
    }
}
