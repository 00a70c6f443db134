//! The load: the base and the shocks as parts of one intensity.
//!
//! It knows rates by population; it does not know single users.

use crate::day::{DAY_US, liveliness};
use crate::intensity::Intensity;
use crate::presence::{GRACE_US, Presence};
use crate::scenario::{Arrivals, Scenario};
use crate::shock::Shock;

pub(crate) mod shocks;

use shocks::{SettledShock, settle};

/// Longest and shortest buckets: fine enough for a jump, few enough for a day.
const SHORTEST_BUCKET_US: u64 = 20_000;
const MOST_BUCKETS: u64 = 20_000;
/// Samples of a day when it is integrated.
const DAY_SAMPLES: u64 = 17_280;

/// Where a part's messages come from and go to.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The senders' population.
    pub(crate) band: usize,
    pub(crate) to_away: f64,
    pub(crate) to_groups: f64,
    /// The only populations they go to, if not all.
    pub(crate) into: Option<Vec<usize>>,
    /// Which shock, if any.
    shock: Option<usize>,
}

/// All that is sent.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) messages: Intensity,
    pub(crate) parts: Vec<Part>,
    pub(crate) uploads: Option<Intensity>,
    pub(crate) registrations: Option<Intensity>,
    pub(crate) shocks: Vec<SettledShock>,
    pub(crate) base: Base,
}

/// The base rate by population.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    rate: f64,
    /// Each population's part of it.
    weights: Vec<f64>,
    /// Whether it follows the day, and the factor that makes the busiest minute 1.
    diurnal: Option<f64>,
    day: [f64; 24],
    offsets: Vec<crate::unit::UtcOffset>,
}

impl Base {
    fn new(scenario: &Scenario, presence: &Presence) -> Self {
        let weight = |index: usize| {
            scenario.population[index].sociability.0 * f64::from(presence.people.bands[index].online)
        };
        let sum: f64 = (0..scenario.population.len()).map(weight).sum();
        let weights = (0..scenario.population.len())
            .map(|i| if sum > 0.0 { weight(i) / sum } else { 0.0 })
            .collect();
        let mut day = [0.0; 24];
        for (slot, value) in day.iter_mut().zip(&scenario.messages.day) {
            *slot = *value;
        }
        let mut base = Self {
            rate: scenario.messages.rate.for_connections(scenario.connections.0),
            weights,
            diurnal: None,
            day,
            offsets: scenario.population.iter().map(|group| group.utc_offset).collect(),
        };
        if scenario.messages.arrivals == Arrivals::Diurnal {
            base.diurnal = Some(1.0);
            let minute = DAY_US / 1440;
            let busiest = (0..1440)
                .map(|index| base.shape(index * minute))
                .fold(0.0, f64::max);
            base.diurnal = Some(if busiest > 0.0 { 1.0 / busiest } else { 0.0 });
        }
        base
    }

    /// A population's part of the shape, at an instant of the day.
    fn shape_of(&self, band: usize, utc_us: u64) -> f64 {
        let lively = self.diurnal.map_or(1.0, |norm| {
            norm * liveliness(&self.day, utc_us, self.offsets[band])
        });
        self.weights[band] * lively
    }

    /// The shape of all together: 1 in the busiest minute.
    fn shape(&self, utc_us: u64) -> f64 {
        (0..self.weights.len())
            .map(|band| self.shape_of(band, utc_us))
            .sum()
    }

    /// A population's messages a second of the run's clock, everybody being online.
    pub(crate) fn rate_of(&self, band: usize, utc_us: u64) -> f64 {
        self.rate * self.shape_of(band, utc_us)
    }

    /// All messages a second of the run's clock.
    pub(crate) fn rate(&self, utc_us: u64) -> f64 {
        self.rate * self.shape(utc_us)
    }
}

impl Load {
    pub(crate) fn new(scenario: &Scenario, presence: &Presence) -> Self {
        let base = Base::new(scenario, presence);
        let shocks = settle(scenario, presence, &base);
        let bands = scenario.population.len();
        let parts = parts(scenario, bands);
        let end_us = presence.timeline.end_us;
        let buckets = (end_us / SHORTEST_BUCKET_US).clamp(1, MOST_BUCKETS) as usize;
        let timeline = &presence.timeline;
        // Who has just connected does not send yet, so the load follows the connections by the grace.
        let open = |at_us: f64| {
            let load = timeline.phase_at(at_us).map_or(0.0, |phase| phase.load);
            load * timeline.connected(at_us - GRACE_US as f64)
        };
        // Those whom a cut took off send nothing.
        let there = |band: usize, at_us: f64| {
            presence
                .cuts
                .iter()
                .map(|cut| 1.0 - cut.gone(band, at_us))
                .product::<f64>()
        };
        let sample = |parts: &[Part], scale: f64| {
            Intensity::sample(end_us, buckets, parts.len(), |at_us, rates| {
                let utc_us = timeline.utc_us(at_us);
                let scenario_us = timeline.scenario_us(at_us);
                for (part, rate) in parts.iter().zip(rates) {
                    let full = match part.shock {
                        None => scale * base.rate_of(part.band, utc_us),
                        Some(shock) => shocks[shock].rate(part.band, part.into.is_some(), scenario_us),
                    };
                    *rate = full * open(at_us) * there(part.band, at_us);
                }
            })
        };
        let base_parts: Vec<Part> = parts
            .iter()
            .filter(|part| part.shock.is_none())
            .cloned()
            .collect();
        let media = scenario
            .media
            .as_ref()
            .map(|media| media.rate.for_connections(scenario.connections.0));
        let registrations = scenario
            .registrations
            .map(|settings| settings.rate.for_connections(scenario.connections.0));
        // Uploads take the base's shape over time, whatever its height.
        let uploads = media.map(|rate| {
            if base.rate > 0.0 {
                sample(&base_parts, rate / base.rate)
            } else {
                Intensity::sample(end_us, buckets, bands, |at_us, rates| {
                    for (band, slot) in rates.iter_mut().enumerate() {
                        *slot = rate * base.weights[band] * open(at_us);
                    }
                })
            }
        });
        let registrations = registrations
            .map(|rate| Intensity::sample(end_us, buckets, 1, |at_us, rates| rates[0] = rate * open(at_us)));
        Self {
            messages: sample(&parts, 1.0),
            parts,
            uploads,
            registrations,
            shocks,
            base,
        }
    }
}

/// The parts in order: the base by population, then each shock by population, then what goes into its region.
fn parts(scenario: &Scenario, bands: usize) -> Vec<Part> {
    let (to_away, to_groups) = (scenario.messages.to_away.0, scenario.messages.to_groups.0);
    let mut parts: Vec<Part> = (0..bands)
        .map(|band| Part {
            band,
            to_away,
            to_groups,
            into: None,
            shock: None,
        })
        .collect();
    for (index, shock) in scenario.shock.iter().enumerate() {
        match shock {
            Shock::Football(football) => {
                for band in 0..bands {
                    if football.audience.contains(&scenario.population[band].name) {
                        let to_groups = football.to_groups.0;
                        let to_away = to_away.min(1.0 - to_groups);
                        parts.push(Part {
                            band,
                            to_away,
                            to_groups,
                            into: None,
                            shock: Some(index),
                        });
                    }
                }
            }
            Shock::Earthquake(quake) => {
                let struck = |band: &usize| scenario.population[*band].region == quake.region;
                let region: Vec<usize> = (0..bands).filter(struck).collect();
                for band in 0..bands {
                    if struck(&band) {
                        parts.push(Part {
                            band,
                            to_away,
                            to_groups,
                            into: None,
                            shock: Some(index),
                        });
                    } else {
                        let into = Some(region.clone());
                        parts.push(Part {
                            band,
                            to_away,
                            to_groups: 0.0,
                            into,
                            shock: Some(index),
                        });
                    }
                }
            }
        }
    }
    parts
}

/// The mean of a function of the instant of the day, in microseconds since the start of the schedule.
pub(crate) fn day_mean(value: impl Fn(f64) -> f64) -> f64 {
    let step = DAY_US as f64 / DAY_SAMPLES as f64;
    (0..DAY_SAMPLES)
        .map(|index| value((index as f64 + 0.5) * step))
        .sum::<f64>()
        / DAY_SAMPLES as f64
}
