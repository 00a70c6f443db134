//! Pings: a walk over the connections that takes one period, a slice at a time. No timer a user.
//!
//! It does not know who was heard of lately: a ping more costs less than knowing.

use reactor::Link;
use wire::chat::ClientFrame;

use super::Shard;

/// The shortest time between two slices, so that an idle shard sleeps.
const SLICE_US: u64 = 50_000;
/// Connections visited a turn at most.
const VISITS_A_TURN: u64 = 2_048;

/// Where the walk is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pings {
    next: u32,
    slice_us: u64,
    token: u32,
}

impl Pings {
    /// When the next slice is due; never, while there is nobody.
    pub(super) fn due_us(&self, extent: u32, period_us: u64) -> u64 {
        if extent == 0 {
            return u64::MAX;
        }
        // Rounded up: a moment earlier nobody's turn would have come, and the loop would spin until it had.
        self.slice_us + period_us.div_ceil(u64::from(extent)).max(SLICE_US)
    }

    /// How many connections of `extent` are to be visited now.
    fn visits(&mut self, extent: u32, period_us: u64, now_us: u64) -> u64 {
        if extent == 0 {
            self.slice_us = now_us;
        }
        let since_us = now_us.saturating_sub(self.slice_us).min(period_us);
        if since_us < SLICE_US {
            return 0;
        }
        let visits = (u64::from(extent) * since_us / period_us.max(1)).min(VISITS_A_TURN);
        if visits > 0 {
            // What was rounded down is kept as time not yet walked.
            let walked_us = if visits == VISITS_A_TURN {
                since_us
            } else {
                visits * period_us / u64::from(extent)
            };
            self.slice_us = now_us - since_us + walked_us;
        }
        visits
    }
}

impl Shard {
    /// Pings the connections whose turn it is.
    pub(super) fn ping<L: Link>(&mut self, link: &mut L, now_us: u64) {
        let extent = self.users.extent();
        let visits = self.pings.visits(extent, self.limits.ping_every_us, now_us);
        if visits == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.out);
        for _ in 0..visits {
            let index = self.pings.next;
            self.pings.next = (index + 1) % extent;
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
            }
        }
        self.out = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whenever_a_slice_is_due_somebodys_turn_has_come() {
        for (extent, period_us) in [
            (1, 600_000_000),
            (7, 3_000_000),
            (24, 3_000_001),
            (100_000, 600_000_000),
        ] {
            let mut pings = Pings::default();
            for _ in 0..100 {
                let due_us = pings.due_us(extent, period_us);
                assert!(pings.visits(extent, period_us, due_us) > 0);
                assert!(pings.due_us(extent, period_us) > due_us);
            }
        }
    }

    #[test]
    fn a_walk_takes_one_period_whatever_the_turns() {
        for turn_us in [1_000, 50_000, 70_001, 400_000] {
            let mut pings = Pings {
                slice_us: 1_000_000,
                ..Pings::default()
            };
            let (mut now_us, mut visits) = (1_000_000, 0);
            while now_us < 1_000_000 + 60_000_000 {
                now_us += turn_us;
                visits += pings.visits(600, 60_000_000, now_us);
            }
            assert!(
                (595..=605).contains(&visits),
                "{visits} visits with turns of {turn_us} us"
            );
        }
    }
}
