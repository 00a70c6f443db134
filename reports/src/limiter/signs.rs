//! Signs: what samples of a stretch of a run show, second by second.
//!
//! It knows counters, gauges and histograms; it does not know what they are signs of.

use record::{Run, Sample, name};

use super::IN_A_ROW;
use crate::series::{Points, seconds};

/// The samples between two instants, each with the one before it.
pub(super) struct Signs<'a> {
    pub(super) from_s: f64,
    pub(super) until_s: f64,
    pairs: Vec<(Option<&'a Sample>, &'a Sample)>,
}

impl<'a> Signs<'a> {
    pub(super) fn between(run: &'a Run, from_s: f64, until_s: f64) -> Self {
        let before = std::iter::once(None).chain(run.samples.iter().map(Some));
        let pairs = before.zip(&run.samples).filter(|(_, sample)| {
            let at_s = seconds(sample);
            from_s < at_s && at_s <= until_s
        });
        Self {
            from_s,
            until_s,
            pairs: pairs.collect(),
        }
    }

    /// A counter's steps: when, how long, how much. One that was never seen before started at 0.
    pub(super) fn steps(&self, counter: &str) -> Vec<(f64, f64, u64)> {
        self.pairs
            .iter()
            .filter_map(|(before, sample)| {
                let value = *sample.counters.get(counter)?;
                let earlier = before
                    .and_then(|before| before.counters.get(counter))
                    .copied()
                    .unwrap_or(0);
                let from_s = before.map_or(0.0, seconds);
                // Where it fell, whoever counts began anew.
                let grown = value.checked_sub(earlier).unwrap_or(value);
                Some((seconds(sample), seconds(sample) - from_s, grown))
            })
            .collect()
    }

    /// When a counter grew first, and by how much in all; nothing where it did not.
    pub(super) fn growth(&self, counter: &str) -> Option<(f64, u64)> {
        let steps = self.steps(counter);
        let (first_s, ..) = *steps.iter().find(|(.., grown)| *grown > 0)?;
        Some((first_s, steps.iter().map(|(.., grown)| grown).sum()))
    }

    pub(super) fn gauge(&self, gauge: &str) -> Points {
        self.pairs
            .iter()
            .filter_map(|(_, sample)| Some((seconds(sample), *sample.gauges.get(gauge)?)))
            .collect()
    }

    /// One gauge as a share of another.
    pub(super) fn ratio(&self, part: &str, whole: &str) -> Points {
        let both = |(_, sample): &(Option<&Sample>, &'a Sample)| {
            let whole = sample.gauges.get(whole).filter(|whole| **whole > 0.0)?;
            Some((seconds(sample), sample.gauges.get(part)? / whole))
        };
        self.pairs.iter().filter_map(both).collect()
    }

    /// The first second whose 99th percentile of lag is over a limit, and that lag, milliseconds.
    pub(super) fn lag(&self, limit_ms: f64) -> Option<(f64, f64)> {
        self.pairs.iter().find_map(|(_, sample)| {
            let lag_ms = sample
                .histograms
                .get(name::latency::SCHEDULE_LAG)?
                .percentiles_ms()
                .p99;
            (lag_ms > limit_ms).then_some((seconds(sample), lag_ms))
        })
    }

    pub(super) fn highest(points: &Points) -> Option<(f64, f64)> {
        points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Since when points have stood at a limit for several in a row.
    pub(super) fn in_a_row(points: &Points, limit: f64) -> Option<f64> {
        let full = |window: &&[(f64, f64)]| window.iter().all(|(_, value)| *value >= limit);
        points.windows(IN_A_ROW).find(full).map(|window| window[0].0)
    }
}

/// Half sentences that were found, with the earliest of their instants.
pub(super) fn joined<const N: usize>(parts: [Option<(f64, String)>; N]) -> Option<(f64, String)> {
    let found: Vec<(f64, String)> = parts.into_iter().flatten().collect();
    let since_s = found.iter().map(|(at_s, _)| *at_s).reduce(f64::min)?;
    let told: Vec<String> = found.into_iter().map(|(_, told)| told).collect();
    Some((since_s, told.join(", ")))
}

/// With a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
