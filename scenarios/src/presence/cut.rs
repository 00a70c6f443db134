//! A network cut: whom it strikes and when, as pure functions of the user.
//!
//! It does not know whether they are online.

use super::GRACE_US;
use crate::people::{Role, RoleKind};
use crate::random::{Keyed, Purpose};
use crate::scenario::Scenario;
use crate::shock::Earthquake;
use crate::timeline::Timeline;

/// A network cut on the run's clock.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) from_us: u64,
    over_us: u64,
    /// When the network is back.
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
        if self.bands.get(band) != Some(&true) || at_us < from_us || at_us >= back_us {
            return 0.0;
        }
        self.share * ((at_us - from_us) / (self.over_us as f64).max(1.0)).min(1.0)
    }
}
