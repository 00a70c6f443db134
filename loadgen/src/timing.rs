//! Latencies: what was measured, on its way from shards into one set of histograms.
//!
//! Shards keep no histogram of their own (a dozen of them, seven each, would outweigh their users): they hand over
//! eight bytes a measurement, in batches.

use record::name::latency as name;
use record::{Histogram, Sample};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Connect,
    Login,
    Accepted,
    Delivery,
    Tick,
    ScheduleLag,
}

const METRICS: usize = Metric::ScheduleLag as usize + 1;

/// Their names in a sample, in the order of [`Metric`].
const NAMES: [&str; METRICS] = [
    name::CONNECT,
    name::LOGIN,
    name::ACCEPTED,
    name::DELIVERY,
    name::TICK,
    name::SCHEDULE_LAG,
];

/// One measurement; 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) metric: Metric,
    us: u32,
}

impl Timing {
    /// From the intended instant to now. More than an hour is one hour to a histogram anyway.
    pub(crate) fn since(metric: Metric, intended_us: u64, now_us: u64) -> Self {
        Self {
            metric,
            us: now_us.saturating_sub(intended_us).min(u64::from(u32::MAX)) as u32,
        }
    }
}

/// A histogram a metric.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histograms([Histogram; METRICS]);

impl Histograms {
    pub(crate) fn record(&mut self, timing: Timing) {
        self.0[timing.metric as usize].record(u64::from(timing.us));
    }

    /// Merges them into a sample's, and begins new ones.
    pub(crate) fn move_into(&mut self, sample: &mut Sample) {
        for (name, histogram) in NAMES.into_iter().zip(&mut self.0) {
            if histogram.count() > 0 {
                sample
                    .histograms
                    .entry(name.to_owned())
                    .or_default()
                    .merge(histogram);
                histogram.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_land_under_their_names_once() {
        let mut histograms = Histograms::default();
        histograms.record(Timing::since(Metric::Tick, 2_000, 3_500));
        histograms.record(Timing::since(Metric::ScheduleLag, 5_000, 3_500));
        let mut sample = Sample::default();
        histograms.move_into(&mut sample);
        histograms.move_into(&mut sample);
        let seen: Vec<_> = sample
            .histograms
            .iter()
            .map(|(name, values)| (name.as_str(), values.count(), values.max_us()))
            .collect();
        assert_eq!(seen, [(name::SCHEDULE_LAG, 1, 1), (name::TICK, 1, 1_500)]);
        assert_eq!(size_of::<Timing>(), 8);
    }
}
