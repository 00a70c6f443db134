//! The people of a plan beside those whom its populations were fitted to: how long messages are, how they follow each other,
//! how long people stay.
//!
//! It reads the plan as a driver would, a cell at a time, and no more of it than a comparison needs.

use std::collections::HashMap;

use record::{Beside, BesideFigure};
use serde::{Deserialize, Serialize};

use crate::action::What;
use crate::distribution::Distribution;
use crate::plan::Plan;
use crate::unit::{Bytes, Span};

/// Sends that are enough to compare.
const SENDS_ENOUGH: u64 = 100_000;
/// Steps from the least to the most.
const STEPS: usize = 20;

/// What was observed of people; nothing follows from it but the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedPeople {
    /// Lengths of their messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Distribution<Bytes>>,
    /// From one message to the same person's next, on one connection; the run's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Distribution<Span>>,
    /// Lengths of their connections; the scenario's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stays: Option<Distribution<Span>>,
}

/// What a plan has of one population, in the units of the record.
#[derive(Debug, Default)]
struct Drawn {
    bytes: Vec<f64>,
    gaps_ms: Vec<f64>,
    stays_ms: Vec<f64>,
}

/// One user on the way through a plan.
#[derive(Clone, Copy, Debug, Default)]
struct Passing {
    sent_us: Option<u64>,
    /// When he came back from a break; nothing for who came in the ramp, who leaves in the midst of a stay.
    came_us: Option<u64>,
}

impl Plan {
    /// Each population that has something observed, beside what the plan makes of it.
    #[must_use]
    pub fn beside(&self) -> Vec<Beside> {
        let scenario = self.scenario();
        if scenario.population.iter().all(|group| group.observed.is_none()) {
            return Vec::new();
        }
        let mut drawn: HashMap<&str, Drawn> = HashMap::new();
        let mut sends = 0;
        for cell in 0..self.cells() {
            sends += self.draw(cell, &mut drawn);
            if sends >= SENDS_ENOUGH {
                break;
            }
        }
        let nothing = Drawn::default();
        let mut beside = Vec::new();
        for group in &scenario.population {
            let Some(observed) = &group.observed else { continue };
            let drawn = drawn.get(group.name.as_str()).unwrap_or(&nothing);
            let scale = scenario.clock.time_scale;
            let rows = [
                (
                    BesideFigure::Bytes,
                    observed.bytes.map(|of| steps(&of, 1.0)),
                    &drawn.bytes,
                ),
                (
                    BesideFigure::Gaps,
                    observed.gaps.map(|of| steps(&of, 1e-3)),
                    &drawn.gaps_ms,
                ),
                (
                    BesideFigure::Stays,
                    observed.stays.map(|of| steps(&of, 1e-3 / scale)),
                    &drawn.stays_ms,
                ),
            ];
            let row = |(figure, observed, planned): (_, Option<Vec<f64>>, &Vec<f64>)| {
                Some(compared(&group.name, figure, observed?, planned))
            };
            beside.extend(rows.into_iter().filter_map(row));
        }
        beside
    }

    /// Goes through a cell. Returns how many sends it has.
    fn draw<'a>(&'a self, cell: u32, drawn: &mut HashMap<&'a str, Drawn>) -> u64 {
        let hold_us = self.hold_us();
        let mut passing: HashMap<u32, Passing> = HashMap::new();
        let mut sends = 0;
        for action in self.actions([cell]) {
            if action.at_us >= hold_us.end {
                break;
            }
            let one = passing.entry(action.user).or_default();
            match action.what {
                What::Connect => {
                    *one = Passing {
                        sent_us: None,
                        came_us: (action.at_us >= hold_us.start).then_some(action.at_us),
                    };
                }
                What::Disconnect => {
                    if let Some(came_us) = one.came_us.take() {
                        let drawn = drawn.entry(&self.profile(action.user).name).or_default();
                        drawn.stays_ms.push((action.at_us - came_us) as f64 / 1e3);
                    }
                    one.sent_us = None;
                }
                What::Send {
                    bytes, media: false, ..
                } if action.at_us >= hold_us.start => {
                    sends += 1;
                    let drawn = drawn.entry(&self.profile(action.user).name).or_default();
                    drawn.bytes.push(f64::from(bytes));
                    if let Some(before_us) = one.sent_us.replace(action.at_us) {
                        drawn.gaps_ms.push((action.at_us - before_us) as f64 / 1e3);
                    }
                }
                _ => {}
            }
        }
        sends
    }
}

/// A distribution's quantiles, in another unit.
fn steps<T: crate::distribution::Whole>(of: &Distribution<T>, scale: f64) -> Vec<f64> {
    (0..=STEPS)
        .map(|step| of.below(step as f64 / STEPS as f64) as f64 * scale)
        .collect()
}

fn compared(population: &str, figure: BesideFigure, observed: Vec<f64>, planned: &[f64]) -> Beside {
    let mut planned = planned.to_vec();
    planned.sort_by(f64::total_cmp);
    let most = planned.len().saturating_sub(1);
    Beside {
        population: population.to_owned(),
        figure,
        count: planned.len() as u64,
        distance: distance(&observed, &planned),
        planned: match planned.len() {
            0 => Vec::new(),
            _ => (0..=STEPS).map(|step| planned[most * step / STEPS]).collect(),
        },
        observed,
    }
}

/// The greatest difference of the distribution functions: of quantiles at even shares, and of ascending values.
fn distance(quantiles: &[f64], values: &[f64]) -> f64 {
    if values.is_empty() {
        return 1.0;
    }
    let share_of = |value: f64| {
        let above = quantiles.partition_point(|quantile| *quantile <= value);
        let last = quantiles.len() - 1;
        match above {
            0 => 0.0,
            above if above > last => 1.0,
            above => {
                let (low, high) = (quantiles[above - 1], quantiles[above]);
                (above as f64 - 1.0 + (value - low) / (high - low)) / last as f64
            }
        }
    };
    let count = values.len() as f64;
    let mut greatest: f64 = 0.0;
    for quantile in quantiles {
        // Between two values that are alike the curve of quantiles steps, and only its top is known.
        let share = values.partition_point(|value| value <= quantile) as f64 / count;
        let before = values.partition_point(|value| value < quantile) as f64 / count;
        let expected = share_of(*quantile);
        if expected > share {
            greatest = greatest.max(expected - share);
        } else if expected < before {
            greatest = greatest.max(before - expected);
        }
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_nothing_for_the_same_and_the_whole_for_strangers() {
        let quantiles: Vec<f64> = (0..=STEPS).map(|step| step as f64).collect();
        let same: Vec<f64> = (0..=2_000).map(|at| f64::from(at) / 100.0).collect();
        assert!(distance(&quantiles, &same) < 0.002);
        assert_eq!(distance(&quantiles, &[100.0, 200.0]), 1.0);
        let half: Vec<f64> = same.iter().map(|value| value / 2.0).collect();
        assert!((distance(&quantiles, &half) - 0.5).abs() < 0.03);
        assert_eq!(distance(&[7.0; STEPS + 1], &[7.0; 50]), 0.0);
    }
}
