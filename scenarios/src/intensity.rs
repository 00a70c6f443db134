//! A piecewise-constant intensity over the run's clock, its integral, and the arrivals it makes.
//!
//! It knows rates and instants; it does not know senders or what arrives.

use crate::random::Stream;

/// Arrivals a second over time, as a mixture of parts, constant within each bucket.
#[derive(Clone, Debug)]
pub(crate) struct Intensity {
    pub(crate) bucket_us: f64,
    /// Expected arrivals up to the start of each bucket, and to the end of the last.
    pub(crate) expected: Vec<f64>,
    /// For each bucket the cumulated share of each part; the last of a row is 1.
    mixes: Vec<f32>,
    parts: usize,
}

impl Intensity {
    /// Samples `rates(at_us, &mut per_second_of_each_part)` in the middle of each bucket.
    pub(crate) fn sample(end_us: u64, buckets: usize, parts: usize, rates: impl Fn(f64, &mut [f64])) -> Self {
        let bucket_us = end_us as f64 / buckets as f64;
        let mut expected = Vec::with_capacity(buckets + 1);
        let mut mixes = Vec::with_capacity(buckets * parts);
        let mut total = 0.0;
        let mut row = vec![0.0; parts];
        expected.push(0.0);
        for bucket in 0..buckets {
            row.fill(0.0);
            rates((bucket as f64 + 0.5) * bucket_us, &mut row);
            let sum: f64 = row.iter().sum();
            total += sum * bucket_us / 1e6;
            expected.push(total);
            let mut passed = 0.0;
            for rate in &row {
                passed += rate;
                mixes.push(if sum > 0.0 { (passed / sum) as f32 } else { 1.0 });
            }
        }
        Self {
            bucket_us,
            expected,
            mixes,
            parts,
        }
    }

    fn buckets(&self) -> usize {
        self.expected.len() - 1
    }

    /// All that is expected.
    pub(crate) fn total(&self) -> f64 {
        self.expected[self.buckets()]
    }

    /// The share of each part in a bucket.
    pub(crate) fn shares(&self, bucket: usize) -> impl Iterator<Item = f64> {
        let row = &self.mixes[bucket * self.parts..(bucket + 1) * self.parts];
        row.iter().scan(0.0f32, |before, passed| {
            let share = f64::from(passed - *before);
            *before = *passed;
            Some(share)
        })
    }

    /// The part that an arrival in a bucket belongs to, by a uniform.
    fn part(&self, bucket: usize, unit: f64) -> usize {
        let row = &self.mixes[bucket * self.parts..(bucket + 1) * self.parts];
        row.iter()
            .position(|passed| unit < f64::from(*passed))
            .unwrap_or(self.parts - 1)
    }
}

/// The arrivals of one population in one cell: a cursor that sends a process of unit rate through the inverse of the integral, which
/// is exact for any intensity (time rescaling: Daley and Vere-Jones, *An Introduction to the Theory of Point
/// Processes*, volume I, 2003, theorem 7.4.I).
pub(crate) struct ArrivalCursor {
    /// The cell's share of the whole.
    weight: f64,
    even: bool,
    passed: f64,
    bucket: usize,
}

impl ArrivalCursor {
    /// With a phase they are evenly spaced, the first after that part of a step; else they are Poisson.
    pub(crate) fn new(weight: f64, even_phase: Option<f64>, stream: &mut Stream) -> Self {
        let first = even_phase.unwrap_or_else(|| stream.exponential());
        Self {
            weight,
            even: even_phase.is_some(),
            passed: first / weight,
            bucket: 0,
        }
    }

    /// The instant of the arrival that is due, microseconds; `None` after the last.
    pub(crate) fn due(&mut self, intensity: &Intensity) -> Option<u64> {
        if self.weight <= 0.0 {
            return None;
        }
        while *intensity.expected.get(self.bucket + 1)? <= self.passed {
            self.bucket += 1;
        }
        let [from, until] = [
            intensity.expected[self.bucket],
            intensity.expected[self.bucket + 1],
        ];
        let part = (self.passed - from) / (until - from);
        Some(((self.bucket as f64 + part) * intensity.bucket_us) as u64)
    }

    /// Moves on to the next.
    pub(crate) fn advance(&mut self, stream: &mut Stream) {
        self.passed += if self.even { 1.0 } else { stream.exponential() } / self.weight;
    }

    /// The part of the mixture that the arrival belongs to.
    pub(crate) fn part(&self, intensity: &Intensity, unit: f64) -> usize {
        intensity.part(self.bucket, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    /// A ramp, a rest without arrivals, and a step.
    fn uneven() -> Intensity {
        Intensity::sample(10_000_000, 1_000, 2, |at_us, rates| {
            rates[0] = if at_us < 5e6 { at_us / 1e6 * 400.0 } else { 0.0 };
            rates[1] = if at_us > 7e6 { 3_000.0 } else { 0.0 };
        })
    }

    /// What is expected up to an instant.
    fn expected_until(intensity: &Intensity, at_us: u64) -> f64 {
        let place = at_us as f64 / intensity.bucket_us;
        let bucket = place as usize;
        let [from, until] = [intensity.expected[bucket], intensity.expected[bucket + 1]];
        from + (until - from) * (place - bucket as f64)
    }

    fn arrivals(intensity: &Intensity, even: bool, seed: u64) -> Vec<u64> {
        let mut stream = Stream::new(seed, Purpose::Messages, 0);
        let mut cursor = ArrivalCursor::new(1.0, even.then_some(0.5), &mut stream);
        let mut instants = Vec::new();
        while let Some(at_us) = cursor.due(intensity) {
            instants.push(at_us);
            cursor.advance(&mut stream);
        }
        instants
    }

    #[test]
    fn rescaled_gaps_are_exponential_by_kolmogorov_and_smirnov() {
        let intensity = uneven();
        let instants = arrivals(&intensity, false, 11);
        let times: Vec<f64> = instants
            .iter()
            .map(|at_us| expected_until(&intensity, *at_us))
            .collect();
        let mut gaps: Vec<f64> = times
            .windows(2)
            .map(|pair| 1.0 - (-(pair[1] - pair[0])).exp())
            .collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(rank, gap)| {
                (gap - rank as f64 / n)
                    .abs()
                    .max((gap - (rank as f64 + 1.0) / n).abs())
            })
            .fold(0.0, f64::max);
        // The critical value at 0.1 %.
        assert!(distance < 1.95 / n.sqrt(), "{distance} of {n}");
    }

    #[test]
    fn counts_are_poisson_with_the_intensity_as_their_mean() {
        let intensity = uneven();
        let counts: Vec<f64> = (0..300)
            .map(|seed| arrivals(&intensity, false, seed).len() as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / 300.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 299.0;
        assert!(
            (mean - intensity.total()).abs() < 4.0 * (intensity.total() / 300.0).sqrt(),
            "{mean}"
        );
        // 299 * variance / mean is chi-square with 299 degrees of freedom for Poisson counts.
        use statrs::distribution::{ChiSquared, ContinuousCDF};
        let p = ChiSquared::new(299.0).unwrap().cdf(299.0 * variance / mean);
        assert!(
            (0.0005..0.9995).contains(&p),
            "variance {variance} of mean {mean}: p {p}"
        );
    }

    #[test]
    fn even_arrivals_keep_their_step_and_the_rest_stays_empty() {
        let intensity = uneven();
        let instants = arrivals(&intensity, true, 1);
        assert_eq!(instants.len(), intensity.total().round() as usize);
        assert!(
            !instants
                .iter()
                .any(|at_us| (5_010_000..6_990_000).contains(at_us))
        );
        let late: Vec<u64> = instants
            .iter()
            .copied()
            .filter(|at_us| *at_us > 7_100_000)
            .collect();
        assert!(late.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(333) <= 1));
    }
}
