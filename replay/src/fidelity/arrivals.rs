//! The gaps between sends as expected and as made, and how alike the two distributions are.
//!
//! It reads no clock.

use statrs::stats_tests::NaNPolicy;
use statrs::stats_tests::ks_test::{KSTwoSampleAlternativeMethod, ks_twosample};

/// Gaps kept at most; beyond, every other one is dropped and every other one taken from then on.
const GAPS_MAX: usize = 1 << 16;
/// Gaps that differ by less are alike, for [`Likeness::distance_beyond`]: what a kernel may add to any of them.
const ALIKE_S: f64 = 100e-6;

/// Below this the Kolmogorov distribution is less than 1e-12.
const CERTAIN: f64 = 0.2;

/// Gaps between sends of a shard, expected and made, in seconds: every one of a short replay, a regular sample of a long.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    expected_s: Vec<f64>,
    made_s: Vec<f64>,
    last_ns: Option<(u64, u64)>,
    seen: u64,
    /// One in 2 to the power of this many is kept.
    thinning: u32,
}

/// How alike two distributions of gaps are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// Gaps compared, of each.
    pub gaps: u64,
    /// The greatest difference of the two distribution functions (two-sample Kolmogorov-Smirnov statistic), 0 to 1.
    pub distance: f64,
    /// The chance of at least that distance between two samples of one distribution (asymptotic).
    pub p_value: f64,
    /// The same distance where gaps that differ by less than 100 µs count as equal: a plan on a grid is a step, and any
    /// jitter at all would make its plain distance large.
    pub distance_beyond: f64,
}

impl Arrivals {
    /// A send was due and made, nanoseconds of one clock: the gap is from the send before it.
    pub fn send(&mut self, due_ns: u64, made_ns: u64) {
        if let Some((last_due_ns, last_made_ns)) = self.last_ns.replace((due_ns, made_ns)) {
            let gap_ns = (
                due_ns.saturating_sub(last_due_ns),
                made_ns.saturating_sub(last_made_ns),
            );
            self.gap(gap_ns.0, gap_ns.1);
        }
    }

    /// A gap of whatever sends belong together, nanoseconds.
    pub fn gap(&mut self, expected_ns: u64, made_ns: u64) {
        self.seen += 1;
        if !self.seen.is_multiple_of(1 << self.thinning) {
            return;
        }
        self.expected_s.push(expected_ns as f64 / 1e9);
        self.made_s.push(made_ns as f64 / 1e9);
        if self.expected_s.len() >= GAPS_MAX {
            self.thin(self.thinning + 1);
        }
    }

    /// Keeps one in 2 to the power of `thinning`.
    fn thin(&mut self, thinning: u32) {
        let more = 1 << (thinning - self.thinning);
        for gaps in [&mut self.expected_s, &mut self.made_s] {
            *gaps = gaps.iter().copied().skip(more - 1).step_by(more).collect();
        }
        self.thinning = thinning;
    }

    /// Adds another shard's. Where one kept fewer of its gaps than the other, so does the other: each stands for as many.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        let thinning = self.thinning.max(other.thinning);
        self.thin(thinning);
        other.thin(thinning);
        self.expected_s.append(&mut other.expected_s);
        self.made_s.append(&mut other.made_s);
        self.seen += other.seen;
    }

    /// Compares the two; nothing where there are no two gaps.
    #[must_use]
    pub fn likeness(&self) -> Option<Likeness> {
        if self.expected_s.len() < 2 {
            return None;
        }
        let sorted = |gaps: &[f64]| {
            let mut gaps = gaps.to_vec();
            gaps.sort_by(f64::total_cmp);
            gaps
        };
        let (planned, made) = (sorted(&self.expected_s), sorted(&self.made_s));
        let distance = distance_beyond(&planned, &made, 0.0);
        let forgiving = distance_beyond(&planned, &made, ALIKE_S);
        Some(Likeness {
            gaps: self.expected_s.len() as u64,
            distance,
            p_value: p_value(planned, made, distance)?,
            distance_beyond: forgiving,
        })
    }
}

/// The chance of at least that distance between two samples of one distribution.
fn p_value(planned: Vec<f64>, made: Vec<f64>, distance: f64) -> Option<f64> {
    // The asymptotic series converges ever slower towards 0, and never at it; there the chance is 1 to all digits.
    if distance * (planned.len() as f64 / 2.0).sqrt() < CERTAIN {
        return Some(1.0);
    }
    let method = KSTwoSampleAlternativeMethod::TwoSidedAsymptotic;
    let (_, p_value) = ks_twosample(planned, made, method, NaNPolicy::Error).ok()?;
    Some(p_value.clamp(0.0, 1.0))
}

/// The greatest difference of two distribution functions where a shift of up to `alike` is forgiven; both ascending.
fn distance_beyond(left: &[f64], right: &[f64], alike: f64) -> f64 {
    // The share of `of` that is at most `value`.
    let share = |of: &[f64], value: f64| of.partition_point(|gap| *gap <= value) as f64 / of.len() as f64;
    let beyond = |one: &[f64], other: &[f64]| {
        one.iter()
            .map(|value| share(one, *value) - share(other, *value + alike))
            .fold(0.0, f64::max)
    };
    beyond(left, right).max(beyond(right, left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(gaps: &[(u64, u64)]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        let (mut due_ns, mut made_ns) = (0, 0);
        arrivals.send(0, 0);
        for (planned_ns, gap_ns) in gaps {
            due_ns += planned_ns;
            made_ns += gap_ns;
            arrivals.send(due_ns, made_ns);
        }
        arrivals
    }

    #[test]
    fn a_replay_that_keeps_its_gaps_is_alike_and_one_that_bunches_is_not() {
        let kept = of(&(0..1_000)
            .map(|at| (1_000_000 + at, 1_000_000 + at))
            .collect::<Vec<_>>());
        let likeness = kept.likeness().unwrap();
        assert_eq!(
            (likeness.distance, likeness.distance_beyond, likeness.gaps),
            (0.0, 0.0, 1_000)
        );
        assert!(likeness.p_value > 0.99, "{likeness:?}");

        let bunched: Vec<_> = (0..1_000)
            .map(|at| (1_000_000, if at % 10 == 0 { 10_000_000 } else { 0 }))
            .collect();
        let likeness = of(&bunched).likeness().unwrap();
        assert!(
            likeness.distance > 0.8 && likeness.distance_beyond > 0.8,
            "{likeness:?}"
        );
        assert!(likeness.p_value < 1e-6, "{likeness:?}");
    }

    /// Sends of a driver that oversleeps: what falls due in the last `stalls_ns` of each tenth of a second is made at its end.
    fn stalled(gaps_ns: &[u64], stalls_ns: u64) -> Likeness {
        const EVERY_NS: u64 = 100_000_000;
        let mut arrivals = Arrivals::default();
        let mut due_ns = 0;
        for gap_ns in gaps_ns {
            due_ns += gap_ns;
            let left_ns = EVERY_NS - due_ns % EVERY_NS;
            let made_ns = if left_ns <= stalls_ns {
                due_ns + left_ns
            } else {
                due_ns
            };
            arrivals.send(due_ns, made_ns);
        }
        arrivals.likeness().unwrap()
    }

    #[test]
    fn a_shard_with_few_sends_counts_for_no_more_than_they_are() {
        let busy = of(&vec![(1_000, 1_000); 3 * GAPS_MAX]);
        let quiet = of(&vec![(9_000, 9_000); 3 * GAPS_MAX / 10]);
        for (mut one, other) in [(busy.clone(), &quiet), (quiet.clone(), &busy)] {
            one.merge(other);
            let rare = one.expected_s.iter().filter(|gap| **gap > 5e-6).count();
            let share = rare as f64 / one.expected_s.len() as f64;
            assert!((share - 1.0 / 11.0).abs() < 0.01, "{share}");
            assert_eq!(one.expected_s.len(), one.made_s.len());
            assert_eq!(one.seen, 33 * GAPS_MAX as u64 / 10);
        }
    }

    #[test]
    fn jitter_below_the_kernels_is_forgiven_in_the_second_distance_only() {
        let jittered: Vec<_> = (0..1_000u64)
            .map(|at| (1_000_000, 1_000_000 - 20_000 + 40_000 * (at % 2)))
            .collect();
        let likeness = of(&jittered).likeness().unwrap();
        assert!(likeness.distance > 0.4, "{likeness:?}");
        assert_eq!(likeness.distance_beyond, 0.0);
    }

    #[test]
    fn a_long_replay_is_thinned_and_stays_representative() {
        let mut arrivals = Arrivals::default();
        for at in 0..1_000_000u64 {
            arrivals.send(at * 1_000, at * 1_000 + (at % 7));
        }
        assert!(arrivals.expected_s.len() < GAPS_MAX && arrivals.expected_s.len() >= GAPS_MAX / 4);
        assert_eq!(arrivals.expected_s.len(), arrivals.made_s.len());
        assert_eq!(arrivals.likeness().unwrap().distance_beyond, 0.0);
    }

    proptest! {
        /// On a clock of its own: whatever the rhythm, a driver that stalls is further off than one that does not, and the
        /// further the longer.
        #[test]
        fn behind_a_stalled_driver_the_distance_is_larger(
            gaps_ns in prop::collection::vec(500_000u64..5_000_000, 400..800),
            stalls_ns in 20_000_000u64..40_000_000,
        ) {
            let kept = stalled(&gaps_ns, 0);
            prop_assert_eq!((kept.distance, kept.distance_beyond), (0.0, 0.0));
            let (short, long) = (stalled(&gaps_ns, stalls_ns), stalled(&gaps_ns, 2 * stalls_ns));
            for (less, more) in [(&kept, &short), (&short, &long)] {
                prop_assert!(less.distance < more.distance, "{:?} {:?}", less, more);
                prop_assert!(less.distance_beyond < more.distance_beyond, "{:?} {:?}", less, more);
                prop_assert!(less.p_value >= more.p_value, "{:?} {:?}", less, more);
            }
            prop_assert!(long.distance <= 1.0);
        }

        /// Without forgiveness the second distance is the first.
        #[test]
        fn the_two_distances_agree_where_nothing_is_forgiven(
            left in prop::collection::vec(0u32..50, 2..100),
            right in prop::collection::vec(0u32..50, 2..100),
        ) {
            let sorted = |gaps: Vec<u32>| {
                let mut gaps: Vec<f64> = gaps.into_iter().map(f64::from).collect();
                gaps.sort_by(f64::total_cmp);
                gaps
            };
            let (left, right) = (sorted(left), sorted(right));
            prop_assume!(distance_beyond(&left, &right, 0.0) > 0.0);
            let (by_statrs, _) = ks_twosample(
                left.clone(), right.clone(), KSTwoSampleAlternativeMethod::TwoSidedAsymptotic, NaNPolicy::Error,
            ).unwrap();
            prop_assert!((distance_beyond(&left, &right, 0.0) - by_statrs).abs() < 1e-9);
        }
    }
}
