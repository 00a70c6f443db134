//! What one population sends: the base and the shocks as parts of one intensity, over the run's clock.
//!
//! It knows how many of its people are there; it does not know who.

use super::shocks::SettledShock;
use crate::intensity::Intensity;
use crate::presence::{GRACE_US, LeftByBreaks, Presence};
use crate::scenario::Scenario;
use crate::shock::Shock;

/// Longest and shortest buckets: fine enough for a jump, few enough for a day.
const SHORTEST_BUCKET_US: u64 = 20_000;
const MOST_BUCKETS: u64 = 20_000;
/// What the people of one population send: base and shocks as parts of one intensity.
///
/// One each, since a cell has its own share of every population: of a common intensity, people would send the more the
/// fewer of their population their cell has.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) intensity: Intensity,
    pub(crate) parts: Vec<Part>,
    /// Where people take breaks, what all of them would send if each went on at the rate of those who are there. Cells
    /// draw from this, and from whoever is away nothing comes.
    unthinned: Option<Intensity>,
}

impl Outgoing {
    /// What cells draw from.
    pub(crate) fn arrivals(&self) -> &Intensity {
        self.unthinned.as_ref().unwrap_or(&self.intensity)
    }

    /// Whether what is drawn for somebody who is away falls out.
    pub(crate) fn is_thinned(&self) -> bool {
        self.unthinned.is_some()
    }
}

/// Where a part of a population's messages goes.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) to_away: f64,
    pub(crate) to_groups: f64,
    /// The only populations they go to, if not all.
    pub(crate) into: Option<Vec<usize>>,
    /// Which shock, if any.
    shock: Option<usize>,
}

/// What intensities are sampled from.
pub(super) struct Sampler<'a> {
    presence: &'a Presence,
    shocks: &'a [SettledShock],
    buckets: usize,
    /// By population.
    breaks: Vec<Option<LeftByBreaks>>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(presence: &'a Presence, shocks: &'a [SettledShock], bands: usize) -> Self {
        let buckets = presence.timeline.end_us / SHORTEST_BUCKET_US;
        let breaks = (0..bands).map(|band| presence.left_by_breaks(band));
        Self {
            presence,
            shocks,
            buckets: buckets.clamp(1, MOST_BUCKETS) as usize,
            breaks: breaks.collect(),
        }
    }

    /// What a population sends in these parts; `base_rate` is its own at an instant of the day, messages a second.
    pub(super) fn outgoing(&self, band: usize, parts: Vec<Part>, base_rate: impl Fn(u64) -> f64) -> Outgoing {
        let timeline = &self.presence.timeline;
        let sample = |present: &dyn Fn(f64) -> f64| {
            Intensity::sample(timeline.end_us, self.buckets, parts.len(), |at_us, rates| {
                let (utc_us, scenario_us) = (timeline.utc_us(at_us), timeline.scenario_us(at_us));
                let open = self.open(at_us) * present(at_us);
                for (part, rate) in parts.iter().zip(rates) {
                    let full = match part.shock {
                        None => base_rate(utc_us),
                        Some(shock) => self.shocks[shock].rate(band, part.into.is_some(), scenario_us),
                    };
                    *rate = full * open;
                }
            })
        };
        // Those whom a cut took off send nothing.
        let expected = |at_us: f64| self.connected(at_us) * self.presence.left_by_cuts(band, at_us);
        let Some(breaks) = &self.breaks[band] else {
            let intensity = sample(&expected);
            return Outgoing {
                intensity,
                parts,
                unthinned: None,
            };
        };
        // While nobody is there at all, nothing is due.
        let due = |at_us: f64, rate: f64| if breaks.share(at_us) > 0.0 { rate } else { 0.0 };
        let intensity = sample(&|at_us| due(at_us, expected(at_us)));
        let unthinned = sample(&|at_us| due(at_us, 1.0 / breaks.share(at_us)));
        Outgoing {
            intensity,
            parts,
            unthinned: Some(unthinned),
        }
    }

    /// Registrations, so many a second while all are connected.
    pub(super) fn registrations(&self, rate: f64) -> Intensity {
        Intensity::sample(self.presence.timeline.end_us, self.buckets, 1, |at_us, rates| {
            rates[0] = rate * self.open(at_us) * self.connected(at_us);
        })
    }

    /// The phase's share of the load.
    fn open(&self, at_us: f64) -> f64 {
        self.presence
            .timeline
            .phase_at(at_us)
            .map_or(0.0, |phase| phase.load)
    }

    /// The share of those who may send: who has just connected does not, so the load follows the connections by the grace.
    fn connected(&self, at_us: f64) -> f64 {
        self.presence.timeline.connected(at_us - GRACE_US as f64)
    }
}

/// A population's parts in order: the base, then each shock.
pub(super) fn parts(scenario: &Scenario, band: usize) -> Vec<Part> {
    let base = base_part(scenario);
    let mut parts = vec![base.clone()];
    for (index, shock) in scenario.shock.iter().enumerate() {
        match shock {
            Shock::Football(football) => {
                if football.audience.contains(&scenario.population[band].name) {
                    let to_groups = football.to_groups.0;
                    parts.push(Part {
                        to_away: base.to_away.min(1.0 - to_groups),
                        to_groups,
                        into: None,
                        shock: Some(index),
                    });
                }
            }
            Shock::Earthquake(quake) => {
                let struck = |band: &usize| scenario.population[*band].region == quake.region;
                parts.push(if struck(&band) {
                    Part {
                        shock: Some(index),
                        ..base.clone()
                    }
                } else {
                    Part {
                        to_away: base.to_away,
                        to_groups: 0.0,
                        into: Some((0..scenario.population.len()).filter(struck).collect()),
                        shock: Some(index),
                    }
                });
            }
        }
    }
    parts
}

pub(super) fn base_part(scenario: &Scenario) -> Part {
    Part {
        to_away: scenario.messages.to_away.0,
        to_groups: scenario.messages.to_groups.0,
        into: None,
        shock: None,
    }
}
