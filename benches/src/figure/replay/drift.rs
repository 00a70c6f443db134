//! Whether a replay's clock runs away: how late its sends are at the end, beside the begin.
//!
//! It knows a run folder's samples; what ran is none of its business.

use std::path::Path;

use anyhow::Context as _;
use record::{Histogram, Run, Sample};

/// The part of a run that is its begin, and its end: a tenth.
const PART: usize = 10;

/// The medians of the lateness of a run's first and last tenth, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drift {
    begin_us: u64,
    end_us: u64,
}

impl Drift {
    /// Of a run's folder.
    ///
    /// # Errors
    /// It cannot be read, or nothing was sent.
    pub(super) fn of(folder: &Path) -> anyhow::Result<Self> {
        let run = Run::read(folder)?;
        Self::between(&run.samples).context("too few sends to tell a drift")
    }

    /// The schedule is fixed: a clock that ran away shows as lateness that grows.
    pub(super) fn us(self) -> i64 {
        self.end_us.cast_signed() - self.begin_us.cast_signed()
    }

    fn between(samples: &[Sample]) -> Option<Self> {
        let seconds: Vec<&Histogram> = samples
            .iter()
            .filter_map(|sample| sample.histograms.get(record::name::replay::LATENESS))
            .filter(|seconds| seconds.count() > 0)
            .collect();
        let part = (seconds.len() / PART).max(1);
        Some(Self {
            begin_us: median_us(seconds.get(..part)?),
            end_us: median_us(&seconds[seconds.len() - part..]),
        })
    }
}

fn median_us(seconds: &[&Histogram]) -> u64 {
    let mut whole = Histogram::new();
    seconds.iter().for_each(|second| whole.merge(second));
    whole.quantile_us(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(late_us: u64) -> Sample {
        let mut histogram = Histogram::new();
        histogram.record(late_us);
        Sample {
            histograms: [(record::name::replay::LATENESS.to_owned(), histogram)].into(),
            ..Sample::default()
        }
    }

    #[test]
    fn lateness_that_grows_is_a_drift() {
        let samples: Vec<Sample> = (0..100).map(|second| sample(10 + second)).collect();
        let drift = Drift::between(&samples).unwrap();
        assert_eq!((drift.begin_us, drift.end_us, drift.us()), (14, 104, 90));
        assert_eq!(Drift::between(&[Sample::default()]), None);
    }
}
