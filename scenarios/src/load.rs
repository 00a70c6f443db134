//! The load: what people send, of the base and because of shocks, and who registers.
//!
//! It knows rates by population; it does not know single users.

use crate::day::{DAY_US, liveliness};
use crate::intensity::Intensity;
use crate::presence::Presence;
use crate::scenario::{Arrivals, Scenario};

mod outgoing;
pub(crate) mod shocks;

pub(crate) use outgoing::{Outgoing, Part};
use outgoing::{Sampler, base_part, parts};
use shocks::{SettledShock, settle};

/// Samples of a day when it is integrated.
const DAY_SAMPLES: u64 = 17_280;

/// All that is sent. A population takes up to 160 kB for its messages, and as much for its uploads.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// By population.
    pub(crate) messages: Vec<Outgoing>,
    /// By population; empty where nobody uploads.
    pub(crate) uploads: Vec<Outgoing>,
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
    /// The messages expected over the whole schedule, without the links of uploads.
    pub(crate) fn expected_messages(&self) -> f64 {
        self.messages.iter().map(|of| of.intensity.total()).sum()
    }

    /// The uploads expected over the whole schedule.
    pub(crate) fn expected_uploads(&self) -> f64 {
        self.uploads.iter().map(|of| of.intensity.total()).sum()
    }

    pub(crate) fn new(scenario: &Scenario, presence: &Presence) -> Self {
        let base = Base::new(scenario, presence);
        let shocks = settle(scenario, presence, &base);
        let bands = scenario.population.len();
        let sampler = Sampler::new(presence, &shocks, bands);
        let messages = (0..bands)
            .map(|band| sampler.outgoing(band, parts(scenario, band), |utc_us| base.rate_of(band, utc_us)));
        // Uploads take the base's shape over time, whatever its height.
        let (base_ref, sampler_ref) = (&base, &sampler);
        let uploads = |rate: f64| {
            (0..bands).map(move |band| {
                sampler_ref.outgoing(band, vec![base_part(scenario)], |utc_us| {
                    if base_ref.rate > 0.0 {
                        rate / base_ref.rate * base_ref.rate_of(band, utc_us)
                    } else {
                        rate * base_ref.weights[band]
                    }
                })
            })
        };
        let connections = scenario.connections.0;
        let media = scenario.media.as_ref();
        let uploads = media.map(|media| uploads(media.rate.for_connections(connections)));
        let registrations = scenario
            .registrations
            .map(|settings| sampler.registrations(settings.rate.for_connections(connections)));
        let messages = messages.collect();
        let uploads = uploads.into_iter().flatten().collect();
        Self {
            messages,
            uploads,
            registrations,
            shocks,
            base,
        }
    }
}

/// The mean of a function of the instant of the day, in microseconds since the start of the schedule.
pub(crate) fn day_mean(value: impl Fn(f64) -> f64) -> f64 {
    let step = DAY_US as f64 / DAY_SAMPLES as f64;
    (0..DAY_SAMPLES)
        .map(|index| value((index as f64 + 0.5) * step))
        .sum::<f64>()
        / DAY_SAMPLES as f64
}
