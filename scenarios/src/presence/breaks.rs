//! The breaks of one user: when he goes away in the hold and when he is back.
//!
//! It does not know why he is online otherwise.

use super::Session;

/// The breaks of one user: away from `first_us` for `away_us`, again every `period_us`, none from `last` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaks {
    pub(super) first_us: u64,
    pub(super) away_us: u64,
    pub(super) period_us: u64,
    pub(super) last: u64,
    pub(super) back_by_us: u64,
}

impl Breaks {
    fn window(&self, index: u64) -> (u64, u64) {
        let from_us = self.first_us + index * self.period_us;
        (from_us, (from_us + self.away_us).min(self.back_by_us))
    }

    /// The time online that contains the instant, for one who connected then.
    pub(super) fn session(&self, connect_us: u64, at_us: u64) -> Option<Session> {
        let Some(passed_us) = at_us.checked_sub(self.first_us) else {
            return Some(Session {
                from_us: connect_us,
                until_us: self.first_us,
            });
        };
        let index = (passed_us / self.period_us).min(self.last);
        let (_, back_us) = self.window(index);
        let until_us = if index < self.last {
            self.window(index + 1).0
        } else {
            u64::MAX
        };
        (back_us <= at_us).then_some(Session {
            from_us: back_us,
            until_us,
        })
    }

    /// The next change from an instant on: when, and whether it is the leaving.
    pub(super) fn next_change(&self, from_us: u64) -> Option<(u64, bool)> {
        let index = from_us.saturating_sub(self.first_us) / self.period_us;
        for index in index.min(self.last)..=self.last.min(index + 1) {
            let (leave_us, back_us) = self.window(index);
            if from_us <= leave_us {
                return Some((leave_us, true));
            }
            if from_us <= back_us {
                return Some((back_us, false));
            }
        }
        None
    }
}
