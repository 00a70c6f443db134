//! How much of a population its breaks leave: of those who would be there, the share that neither is on a break nor just going
//! or coming.
//!
//! It counts people; it does not know what they send.

use super::{GRACE_US, Presence};
use crate::people::RoleKind;
use crate::scenario::PhaseKind;

/// Instants at which they are counted, evenly over the schedule.
const INSTANTS: usize = 1_024;
/// How many people are asked; where there are more, every so many-th. Each takes about 5 us, and twenty times that who is cut off.
const ASKED: u32 = 8_192;
const ASKED_OF_CUTS: u32 = 2_048;

/// What a population's breaks leave of it, over the schedule.
#[derive(Clone, Debug)]
pub(crate) struct LeftByBreaks {
    step_us: f64,
    /// In the middle of each step.
    shares: Vec<f64>,
}

impl LeftByBreaks {
    /// The share at an instant: 1 while all are there who were expected, 0 while nobody is.
    pub(crate) fn share(&self, at_us: f64) -> f64 {
        let step = ((at_us / self.step_us) as usize).min(self.shares.len() - 1);
        self.shares[step]
    }
}

impl Presence {
    /// What a population's breaks leave of it, if it takes any.
    pub(crate) fn left_by_breaks(&self, index: usize) -> Option<LeftByBreaks> {
        let band = self.people.bands.get(index).filter(|band| band.breakers > 0)?;
        let step_us = (self.timeline.end_us as f64 / INSTANTS as f64).max(1.0);
        let instants: Vec<u64> = (0..INSTANTS)
            .map(|step| ((step as f64 + 0.5) * step_us) as u64)
            .collect();
        // Those who take breaks are the first of their population, and the others are there as expected: all of them where
        // nobody is cut off nor leaves while others still send.
        let (of, most) = if self.takes_off_whoever_stays() {
            (band.online, ASKED_OF_CUTS)
        } else {
            (band.breakers, ASKED)
        };
        let asked = of.min(most);
        let mut counts = vec![0u32; INSTANTS];
        for place in 0..u64::from(asked) {
            let place = place * u64::from(of) / u64::from(asked);
            self.count_settled(band.first_online + place as u32, &instants, &mut counts);
        }
        let (asked, part) = (f64::from(asked), f64::from(of) / f64::from(band.online));
        let share = |(count, at_us): (u32, &u64)| {
            let at_us = *at_us as f64;
            let expected = self.timeline.connected(at_us - GRACE_US as f64) * self.left_by_cuts(index, at_us);
            // Before one of them has come none is missed.
            if expected * asked < 1.0 {
                return 1.0;
            }
            let missing = part * (expected - f64::from(count) / asked);
            (1.0 - missing / expected).max(0.0)
        };
        let shares = counts.into_iter().zip(&instants).map(share).collect();
        Some(LeftByBreaks { step_us, shares })
    }

    /// Whether others are gone at times than those who take breaks.
    fn takes_off_whoever_stays(&self) -> bool {
        let mut phases = self.timeline.phases.iter();
        let sends_to_the_end = phases.any(|phase| phase.kind == PhaseKind::Drain && phase.load > 0.0);
        !self.cuts.is_empty() || (self.leaving > 0 && sends_to_the_end)
    }

    /// Adds one to each instant at which the online user of that number is settled.
    fn count_settled(&self, number: u32, instants: &[u64], counts: &mut [u32]) {
        let user = self.people.online_user(number);
        let role = self.people.role(user);
        let takes = matches!(role.kind, RoleKind::Online { breaks: true, .. });
        let is_cut = self.is_ever_cut(user, role.band);
        let breaks = (takes && !is_cut).then(|| self.breaks(user, role.band)).flatten();
        let connect_us = self.connect_us(number);
        let only = self.session_as(user, role, connect_us, None);
        let first = instants.partition_point(|at_us| *at_us < connect_us);
        for (count, at_us) in counts.iter_mut().zip(instants).skip(first) {
            let session = match &breaks {
                Some(breaks) => breaks.session(connect_us, *at_us),
                None if is_cut => self.session_as(user, role, *at_us, None),
                None => only,
            };
            *count += u32::from(session.is_some_and(|session| session.is_settled(*at_us)));
        }
    }
}
