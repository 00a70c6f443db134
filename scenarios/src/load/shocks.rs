//! Shocks in messages a second: their models' shapes with the amplitudes solved.
//!
//! It knows rates by population; it does not know single users.

use super::{Base, day_mean};
use crate::day::DAY_US;
use crate::presence::Presence;
use crate::scenario::Scenario;
use crate::shock::Shock;
use crate::shock::earthquake::Quake;
use crate::shock::football::Match;

/// A shock with nothing left open.
#[derive(Clone, Debug)]
pub(crate) struct SettledShock {
    pub(crate) name: String,
    /// Its zero, scenario's microseconds since the start of the schedule.
    pub(crate) at_us: f64,
    shape: Shape,
    /// Messages a second of the run's clock at weight 1, by sending population: those sent at large.
    rates: Vec<f64>,
    /// Likewise, those sent into the region from elsewhere.
    rates_into: Vec<f64>,
}

#[derive(Clone, Debug)]
enum Shape {
    Match(Match),
    Quake(Quake),
}

impl SettledShock {
    /// Messages a second of the run's clock that a population sends because of it.
    pub(crate) fn rate(&self, band: usize, into: bool, scenario_us: f64) -> f64 {
        let rates = if into { &self.rates_into } else { &self.rates };
        if rates[band] == 0.0 {
            0.0
        } else {
            rates[band] * self.weight(scenario_us)
        }
    }

    /// All of them.
    pub(crate) fn total_rate(&self, scenario_us: f64) -> f64 {
        self.rates.iter().chain(&self.rates_into).sum::<f64>() * self.weight(scenario_us)
    }

    /// Marks: scenario's microseconds since the start of the schedule, name, detail.
    pub(crate) fn marks(&self) -> Vec<(f64, &'static str, String)> {
        let mut marks = match &self.shape {
            Shape::Match(shape) => shape.marks(),
            Shape::Quake(shape) => shape.marks(),
        };
        for mark in &mut marks {
            mark.0 += self.at_us;
        }
        marks
    }

    fn weight(&self, scenario_us: f64) -> f64 {
        let since_us = scenario_us - self.at_us;
        match &self.shape {
            Shape::Match(shape) => shape.weight(since_us),
            Shape::Quake(shape) => shape.weight(since_us),
        }
    }
}

/// Settles every shock of a scenario, each against the base alone.
pub(super) fn settle(scenario: &Scenario, presence: &Presence, base: &Base) -> Vec<SettledShock> {
    let timeline = &presence.timeline;
    let bands = scenario.population.len();
    let start_us = scenario.clock.start.0;
    let sending =
        |band: usize| scenario.population[band].sociability.0 * f64::from(presence.people.bands[band].online);
    // What a population sends of a whole, by its weight among those who take part.
    let spread = |whole: f64, takes_part: &dyn Fn(usize) -> bool| -> Vec<f64> {
        let sum: f64 = (0..bands).filter(|band| takes_part(*band)).map(sending).sum();
        let part = |band| {
            if sum > 0.0 && takes_part(band) {
                whole * sending(band) / sum
            } else {
                0.0
            }
        };
        (0..bands).map(part).collect()
    };
    let shock = |(place, shock): (u32, &Shock)| match shock {
        Shock::Football(football) => {
            let at_us = timeline.until_time_of_day(football.at) as f64;
            let shape = football.settle(scenario.seed, place);
            // The match's messages M and the day's other ones D: M / (D + M) is the share asked for.
            let day = day_mean(|scenario_us| base.rate(start_us + scenario_us as u64));
            let weight = day_mean(|scenario_us| shape.weight(scenario_us - at_us));
            let share = football.share_of_day.0;
            let amplitude = if weight > 0.0 {
                share / (1.0 - share) * day / weight
            } else {
                0.0
            };
            let follows = |band: usize| football.audience.contains(&scenario.population[band].name);
            SettledShock {
                name: football.name.clone(),
                at_us,
                shape: Shape::Match(shape),
                rates: spread(amplitude, &follows),
                rates_into: vec![0.0; bands],
            }
        }
        Shock::Earthquake(quake) => {
            let at_us = timeline.until_time_of_day(quake.at) as f64;
            let left_us = timeline.scenario_us(timeline.end_us as f64) - at_us;
            let struck = |band: usize| scenario.population[band].region == quake.region;
            let region: f64 = (0..bands)
                .filter(|band| struck(*band))
                .map(|band| base.rate_of(band, (start_us + at_us as u64) % DAY_US))
                .sum();
            SettledShock {
                name: quake.name.clone(),
                at_us,
                shape: Shape::Quake(quake.settle(scenario.seed, place, left_us)),
                rates: spread(quake.step.0 * region, &struck),
                rates_into: spread(quake.into.0 * quake.step.0 * region, &|band| !struck(band)),
            }
        }
    };
    (0u32..).zip(&scenario.shock).map(shock).collect()
}
