//! How well a clock was kept: planned instants beside those at which a capture saw what was sent.
//!
//! It does not know who sent.

use std::path::Path;

use anyhow::ensure;
use replay::Source;
use replay::capture::{Capture, Item};
use serde::{Deserialize, Serialize};

/// What of the schedule is its begin, and its end, for a drift: a tenth.
const PART: usize = 10;

/// How well a clock was kept. Times count from the first that was sent, so that one who begins late is not late ever after.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// How many were sent.
    pub(crate) sent: u64,
    /// Median lateness, microseconds.
    pub(crate) late_p50_us: f64,
    /// The 99th percentile.
    pub(crate) late_p99_us: f64,
    /// The worst.
    pub(crate) worst_us: f64,
    /// The median lateness of the last tenth less that of the first, microseconds.
    pub(crate) drift_us: f64,
    /// From the first to the last, seconds.
    pub(crate) took_s: f64,
    /// The sender's CPU time, seconds.
    pub(crate) cpu_s: f64,
}

impl Kept {
    /// The k-th that was seen beside the k-th that was planned, both in the order of time.
    ///
    /// # Errors
    /// They are not as many.
    pub(super) fn of(planned_ns: &[u64], seen_ns: &[u64], cpu_s: f64) -> anyhow::Result<Self> {
        ensure!(
            planned_ns.len() == seen_ns.len() && !seen_ns.is_empty(),
            "{} were planned, {} were seen",
            planned_ns.len(),
            seen_ns.len()
        );
        let since = |instants: &[u64], at: usize| (instants[at] - instants[0]) as f64;
        let late_us: Vec<f64> = (0..seen_ns.len())
            .map(|at| (since(seen_ns, at) - since(planned_ns, at)) / 1e3)
            .collect();
        let part = (late_us.len() / PART).max(1);
        let median = |part: &[f64]| quantile(part, 0.5);
        Ok(Self {
            sent: seen_ns.len() as u64,
            late_p50_us: median(&late_us),
            late_p99_us: quantile(&late_us, 0.99),
            worst_us: quantile(&late_us, 1.0),
            drift_us: median(&late_us[late_us.len() - part..]) - median(&late_us[..part]),
            took_s: since(seen_ns, seen_ns.len() - 1) / 1e9,
            cpu_s,
        })
    }
}

fn quantile(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}

/// When each packet of a capture passed, nanoseconds since 1970, in order.
///
/// # Errors
/// It is no capture.
pub(super) fn instants(file: &Path) -> anyhow::Result<Vec<u64>> {
    let mut capture = Capture::open(Source::open(file)?)?;
    let mut instants = Vec::new();
    while let Some(item) = capture.item()? {
        if let Item::Packet(packet) = item {
            instants.push(packet.at_ns);
        }
    }
    instants.sort_unstable();
    Ok(instants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_too_slow_drifts() {
        let planned: Vec<u64> = (0..1_000).map(|at| at * 1_000_000).collect();
        let seen: Vec<u64> = planned.iter().map(|at| 5_000 + at + at / 100).collect();
        let kept = Kept::of(&planned, &seen, 1.0).unwrap();
        assert_eq!((kept.sent, kept.worst_us), (1_000, 9_990.0));
        assert!((kept.drift_us - 9_000.0).abs() < 20.0, "{kept:?}");
        assert!(Kept::of(&planned, &seen[1..], 1.0).is_err());
    }
}
