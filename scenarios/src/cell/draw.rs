//! Draws of senders and recipients.
//!
//! By rejection: a candidate costs a few tens of nanoseconds and is nearly always right. Where people take breaks the first one
//! counts, and nothing is sent if he is away: so everybody has his own Poisson process, whoever else is there.

use super::walk::{Roster, Walk};
use crate::action::To;
use crate::load::{Outgoing, Part};
use crate::plan::Inner;
use crate::presence::GRACE_US;
use crate::random::Stream;

/// Candidates before the cell's roster is searched in order.
const TRIES: usize = 32;
/// How far that search goes.
const SEARCHED: usize = 512;
/// Senders drawn until one is in a group that exists by now.
const GROUP_TRIES: usize = 12;

/// Who there is to send: a cell's people at an instant.
pub(super) struct Senders<'a> {
    plan: &'a Inner,
    roster: &'a Roster,
    connects: &'a Walk,
    at_us: u64,
}

impl<'a> Senders<'a> {
    /// Those of a roster; `connects` has passed those who have connected.
    pub(super) fn new(plan: &'a Inner, roster: &'a Roster, connects: &'a Walk, at_us: u64) -> Self {
        Self {
            plan,
            roster,
            connects,
            at_us,
        }
    }

    /// A sender and a recipient, if the plan has any for an arrival of that population.
    pub(super) fn message(
        &self,
        band: usize,
        outgoing: &Outgoing,
        part: &Part,
        stream: &mut Stream,
    ) -> Option<(u32, To)> {
        let (plan, at_us) = (self.plan, self.at_us);
        let kind = stream.unit();
        let mut user = self.sender(band, outgoing, stream)?;
        if kind < part.to_away
            && let Some(to) = away(plan, part, at_us, stream)
        {
            return Some((user, To::User(to)));
        }
        if kind >= part.to_away && kind < part.to_away + part.to_groups {
            for _ in 0..GROUP_TRIES {
                if let Some(group) = group_of(plan, user, at_us, stream) {
                    return Some((user, To::Group(group)));
                }
                user = self.anybody(band, stream)?;
            }
        }
        let to = online(plan, user, part, at_us, stream)?;
        Some((user, To::User(to)))
    }

    /// Who of a population sends what has arrived for it, if anybody does.
    pub(super) fn sender(&self, band: usize, outgoing: &Outgoing, stream: &mut Stream) -> Option<u32> {
        if !outgoing.is_thinned() {
            return self.anybody(band, stream);
        }
        let users = &self.roster.bands[band];
        let user = *users.get(stream.below(users.len() as u64) as usize)?;
        self.is_settled(user).then_some(user)
    }

    /// A user of the cell, of that population if it has one online, who is online then.
    fn anybody(&self, band: usize, stream: &mut Stream) -> Option<u32> {
        let bands = &self.roster.bands;
        let users = bands[band].get(..self.connects.passed(band))?;
        for _ in 0..TRIES.min(users.len() * 4) {
            let user = users[stream.below(users.len() as u64) as usize];
            if self.is_settled(user) {
                return Some(user);
            }
        }
        // Small populations may have nobody online in some cells; then another population sends for them.
        let others = (0..bands.len()).map(|index| (band + index) % bands.len());
        others
            .filter_map(|band| bands[band].get(..self.connects.passed(band)))
            .find_map(|users| {
                let start = stream.below(users.len() as u64) as usize;
                let from_there = users.iter().cycle().skip(start).take(users.len().min(SEARCHED));
                from_there.copied().find(|user| self.is_settled(*user))
            })
    }

    fn is_settled(&self, user: u32) -> bool {
        let session = self.plan.presence.session(user, self.at_us);
        session.is_some_and(|session| session.is_settled(self.at_us))
    }
}

/// Somebody who is online then, other than the sender.
pub(super) fn online(plan: &Inner, sender: u32, part: &Part, at_us: u64, stream: &mut Stream) -> Option<u32> {
    let presence = &plan.presence;
    let people = &presence.people;
    let connected = presence.connected(at_us.saturating_sub(GRACE_US));
    for _ in 0..TRIES {
        let number = match &part.into {
            None if connected == 0 => return None,
            None => presence.by_rank(stream.below(connected.into()) as u32),
            Some(bands) => {
                let ranges = bands.iter().map(|band| people.bands[*band].online_numbers());
                pick(ranges, stream)?
            }
        };
        let user = people.online_user(number);
        let is_settled = presence
            .session(user, at_us)
            .is_some_and(|session| session.is_settled(at_us));
        if user != sender && is_settled {
            return Some(user);
        }
    }
    None
}

/// Somebody who is away then and stays so until the drain.
fn away(plan: &Inner, part: &Part, at_us: u64, stream: &mut Stream) -> Option<u32> {
    let presence = &plan.presence;
    let people = &presence.people;
    for _ in 0..TRIES {
        let number = match &part.into {
            None if people.away == 0 => return None,
            None => stream.below(people.away.into()) as u32,
            Some(bands) => {
                let ranges = bands.iter().map(|band| {
                    let band = &people.bands[*band];
                    band.first_away..band.first_away + band.away
                });
                pick(ranges, stream)?
            }
        };
        let user = people.away_user(number);
        // Only in a drain that goes on sending can he be back already.
        if at_us < presence.timeline.drain_us || presence.session(user, at_us).is_none() {
            return Some(user);
        }
    }
    None
}

/// A group of the user that exists by then.
fn group_of(plan: &Inner, user: u32, at_us: u64, stream: &mut Stream) -> Option<u32> {
    let groups = crate::Groups {
        book: &plan.groups,
        presence: &plan.presence,
    };
    let count = groups.of(user).count() as u64;
    let group = groups.of(user).nth(stream.below(count.max(1)) as usize)?;
    groups
        .ready_us(group)
        .is_some_and(|ready_us| ready_us <= at_us)
        .then_some(group)
}

/// A number uniform over several ranges.
fn pick(ranges: impl Iterator<Item = std::ops::Range<u32>> + Clone, stream: &mut Stream) -> Option<u32> {
    let total: u64 = ranges
        .clone()
        .map(|range| u64::from(range.end - range.start))
        .sum();
    if total == 0 {
        return None;
    }
    let mut left = stream.below(total) as u32;
    for range in ranges {
        let length = range.end - range.start;
        if left < length {
            return Some(range.start + left);
        }
        left -= length;
    }
    None
}
