//! goose's figures as the run folder wants them.
//!
//! It does not know what was asked of the server.

use std::sync::atomic::Ordering;

use goose::metrics::GooseMetrics;
use record::{Histogram, Storm};

use super::people::Ground;
use super::{StormFault, StormOutcome, StormRequests};

/// The most errors told.
const ERRORS_MAX: usize = 16;

/// The figures of a storm that ended.
pub(super) fn outcome(metrics: &GooseMetrics, ground: &Ground) -> StormOutcome {
    let mut response = Histogram::new();
    let mut requests: Vec<StormRequests> = Vec::new();
    for aggregate in metrics.requests.values() {
        let (succeeded, failures) = (aggregate.success_count as u64, aggregate.fail_count as u64);
        requests.push(StormRequests {
            name: aggregate.path.clone(),
            requests: succeeded + failures,
            failures,
        });
        let slowest_us = aggregate.raw_data.maximum_time_us;
        for (&fastest_us, &count) in &aggregate.raw_data.times_us {
            let us = middle_us(fastest_us).min(slowest_us);
            (0..count).for_each(|_| response.record(us));
        }
    }
    requests.sort_by(|left, right| left.name.cmp(&right.name));
    let mut errors: Vec<StormFault> = metrics
        .errors
        .values()
        .map(|error| StormFault {
            error: error.error.clone(),
            count: error.occurrences as u64,
        })
        .collect();
    errors.sort_by(|left, right| {
        right
            .count
            .cmp(&left.count)
            .then_with(|| left.error.cmp(&right.error))
    });
    errors.truncate(ERRORS_MAX);
    StormOutcome {
        storm: Storm {
            requests: requests.iter().map(|named| named.requests).sum(),
            failures: requests.iter().map(|named| named.failures).sum(),
            registrations: ground.registrations.load(Ordering::Relaxed),
            response_ms: response.percentiles_ms(),
        },
        pins_missing: ground.pins_missing.load(Ordering::Relaxed),
        requests,
        errors,
    }
}

/// The middle of a bucket of goose's response times by the bucket's fastest time. goose counts each microsecond below
/// 128 apart and splits each power of two above into 64 (the documentation of its `TimeBuckets`).
fn middle_us(fastest_us: u64) -> u64 {
    if fastest_us < 128 {
        return fastest_us;
    }
    let width_us = 1u64 << (fastest_us.ilog2() - 6);
    fastest_us + width_us / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_buckets_middle_is_within_a_hundredth_of_its_start(power in 7u32..36, place in 0u64..64) {
            let fastest_us = (1u64 << power) + place * (1 << (power - 6));
            let middle = middle_us(fastest_us);
            prop_assert!(middle >= fastest_us && (middle - fastest_us) * 100 <= fastest_us);
            prop_assert!(middle < fastest_us + (1 << (power - 6)));
        }

        #[test]
        fn short_times_are_exact(us in 0u64..128) {
            prop_assert_eq!(middle_us(us), us);
        }
    }
}
