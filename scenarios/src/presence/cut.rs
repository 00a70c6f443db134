//! A network cut, or misfits of one kind: whom it strikes and when, as pure functions of the user.
//!
//! It does not know whether they are online.

use super::GRACE_US;
use crate::action::{Misfit, What};
use crate::misfit::{MisfitKind, MisfitSettings};
use crate::people::{Role, RoleKind};
use crate::random::{Keyed, Purpose};
use crate::scenario::Scenario;
use crate::shock::Earthquake;
use crate::timeline::Timeline;

/// How long those who vanished take to come back, by the plan; the run's clock.
const RETURN_US: u64 = 3 * GRACE_US;

/// A network cut, or misfits of one kind, on the run's clock.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// What becomes of those it strikes.
    pub(crate) what: What,
    pub(crate) from_us: u64,
    over_us: u64,
    /// When the network is back, or the misfits are misfits no more.
    pub(crate) until_us: u64,
    /// When the plan counts on its people again.
    pub(crate) back_us: u64,
    pub(crate) share: f64,
    /// Which populations it strikes.
    pub(crate) bands: Vec<bool>,
    choice: Keyed,
    instant: Keyed,
}

impl Cut {
    pub(super) fn new(
        quake: &Earthquake,
        scenario: &Scenario,
        timeline: &Timeline,
        place: u32,
    ) -> Option<Self> {
        let from_us = timeline.run_us(timeline.until_time_of_day(quake.at));
        if quake.cut.0 == 0.0 || from_us >= timeline.end_us {
            return None;
        }
        let over_us = timeline.run_us(quake.cut_over.0);
        let until_us = from_us + over_us + timeline.run_us(quake.cut_for.0);
        Some(Self {
            what: What::Cut { until_us },
            from_us,
            over_us,
            until_us,
            back_us: until_us + timeline.run_us(quake.reconnect_within.0).max(GRACE_US),
            share: quake.cut.0,
            bands: scenario
                .population
                .iter()
                .map(|group| group.region == quake.region)
                .collect(),
            choice: Keyed::new(scenario.seed, Purpose::CutChoice, place),
            instant: Keyed::new(scenario.seed, Purpose::CutInstant, place),
        })
    }

    /// Misfits of one kind; `None` for a flood, which strikes nobody. None lasts beyond the schedule: whoever will read
    /// again has read by then.
    pub(super) fn misfits(
        misfits: &MisfitSettings,
        scenario: &Scenario,
        timeline: &Timeline,
        place: u32,
    ) -> Option<Self> {
        let (from_us, share) = (timeline.run_us(misfits.at.0), misfits.share?.0);
        if from_us >= timeline.end_us {
            return None;
        }
        let over_us = timeline.run_us(misfits.over.0);
        let how = match misfits.kind {
            MisfitKind::HalfOpen => Misfit::HalfOpen,
            MisfitKind::ZeroWindow => Misfit::ZeroWindow,
            MisfitKind::SlowReader => Misfit::SlowReader {
                bytes_a_second: misfits.reads.map_or(0, |reads| reads.0 as u32),
            },
            MisfitKind::Vanishing => Misfit::Vanishing,
            MisfitKind::Rebinding => Misfit::Rebinding,
            MisfitKind::SynFlood => return None,
        };
        let lasting_us = match (misfits.lasting, how) {
            (Some(lasting), _) => timeline.run_us(lasting.0),
            // He learns of it when he next pings.
            (None, Misfit::Rebinding) => scenario.ping_every.0,
            (None, _) => u64::MAX,
        };
        let until_us = match (from_us + over_us).saturating_add(lasting_us) {
            u64::MAX => u64::MAX,
            until_us => until_us.min(timeline.end_us),
        };
        Some(Self {
            what: What::Misbehave { how, until_us },
            from_us,
            over_us,
            until_us,
            back_us: until_us.saturating_add(RETURN_US),
            share,
            bands: vec![true; scenario.population.len()],
            choice: Keyed::new(scenario.seed, Purpose::MisfitChoice, place),
            instant: Keyed::new(scenario.seed, Purpose::MisfitInstant, place),
        })
    }

    /// Whether those it strikes are offline until it is over.
    pub(crate) fn takes_off(&self) -> bool {
        let how = match self.what {
            What::Misbehave { how, .. } => Some(how),
            _ => None,
        };
        how.is_none_or(|how| how == Misfit::Vanishing)
    }

    /// Whether what is sent to the user at an instant, or answered to him, waits for himself: he does not read then.
    pub(crate) fn holds_up(&self, user: u32, at_us: u64) -> bool {
        let reads = self.takes_off()
            || matches!(
                self.what,
                What::Misbehave {
                    how: Misfit::HalfOpen,
                    ..
                }
            )
            || at_us.saturating_add(GRACE_US) < self.from_us
            || at_us >= self.until_us.saturating_add(GRACE_US);
        !reads
            && self.choice.unit(u64::from(user)) < self.share
            // What was on its way to him waits as well.
            && self.instant_us(user) <= at_us.saturating_add(GRACE_US)
    }

    /// Whether the cut would strike that user if he were online.
    pub(crate) fn chooses(&self, user: u32, band: usize) -> bool {
        self.bands.get(band) == Some(&true) && self.choice.unit(u64::from(user)) < self.share
    }

    pub(super) fn strikes(&self, user: u32, role: Role) -> bool {
        matches!(role.kind, RoleKind::Online { .. }) && self.chooses(user, role.band)
    }

    /// The share of a population that it does not choose.
    pub(super) fn spares(&self, band: usize) -> f64 {
        if self.bands.get(band) == Some(&true) {
            1.0 - self.share
        } else {
            1.0
        }
    }

    /// When it would strike that user.
    pub(crate) fn instant_us(&self, user: u32) -> u64 {
        self.from_us + (self.over_us as f64 * self.instant.unit(u64::from(user))) as u64
    }

    /// The share of a population's online people that the plan counts as gone at an instant.
    pub(crate) fn gone(&self, band: usize, at_us: f64) -> f64 {
        let (from_us, back_us) = (self.from_us as f64, self.back_us as f64);
        if !self.takes_off() || self.bands.get(band) != Some(&true) || at_us < from_us || at_us >= back_us {
            return 0.0;
        }
        self.share * ((at_us - from_us) / (self.over_us as f64).max(1.0)).min(1.0)
    }
}
