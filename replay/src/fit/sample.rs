//! A sample: its quantiles, and the two families that are fitted to it, each with how far off it is.
//!
//! It knows numbers, and neither seconds nor bytes.

use statrs::distribution::{ContinuousCDF, Exp, LogNormal};

/// The quantiles of a sample: every 5 % from the least to the most.
pub(super) const QUANTILES: usize = 21;
/// The most values that are kept: beyond, every other is dropped and from then on every other passed over, and so on.
const VALUES_MAX: usize = 1 << 18;

/// A log-normal distribution by maximum likelihood.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogNormalFit {
    /// Half of the values are below.
    pub median: f64,
    /// The standard deviation of the logarithm.
    pub sigma: f64,
    /// The greatest difference from the sample's distribution function (Kolmogorov and Smirnov), 0 to 1.
    pub distance: f64,
}

/// What was seen of a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their quantiles at even shares, from the least to the most; none where there are no values.
    pub quantiles: Vec<f64>,
    /// Fitted; none where values are alike, or not above 0.
    pub log_normal: Option<LogNormalFit>,
    /// How far off an exponential distribution of the same mean is, which is what a Poisson process has for gaps.
    pub exponential_distance: Option<f64>,
    /// The values, ascending, thinned where there were many.
    values: Vec<f64>,
}

/// Values on their way into a sample.
#[derive(Debug, Default)]
pub(super) struct Values {
    count: u64,
    sum: f64,
    kept: Vec<f64>,
    /// The logarithm of how many are passed over.
    thinned: u32,
}

impl Values {
    pub(super) fn add(&mut self, value: f64) {
        if self.count.is_multiple_of(1 << self.thinned) {
            if self.kept.len() == VALUES_MAX {
                let mut place = 0_usize;
                self.kept.retain(|_| {
                    place += 1;
                    !place.is_multiple_of(2)
                });
                self.thinned += 1;
            }
            self.kept.push(value);
        }
        self.count += 1;
        self.sum += value;
    }

    pub(super) fn finish(mut self) -> Sample {
        self.kept.sort_by(f64::total_cmp);
        let values = self.kept;
        let mean = self.sum / self.count.max(1) as f64;
        Sample {
            count: self.count,
            mean,
            quantiles: even(&values, QUANTILES),
            log_normal: log_normal(&values),
            exponential_distance: Exp::new(1.0 / mean)
                .ok()
                .filter(|_| mean > 0.0 && !values.is_empty())
                .map(|fitted| distance(&values, |value| fitted.cdf(value))),
            values,
        }
    }
}

impl Sample {
    /// Quantiles, every 5 %, where each value counts as much as `weight` says.
    #[must_use]
    pub fn weighted(&self, weight: impl Fn(f64) -> f64) -> Vec<f64> {
        let total: f64 = self.values.iter().map(|value| weight(*value)).sum();
        let (Some(first), Some(last)) = (self.values.first(), self.values.last()) else {
            return Vec::new();
        };
        let mut quantiles = vec![*first];
        let mut reached = 0.0;
        for value in &self.values {
            reached += weight(*value);
            while quantiles.len() < QUANTILES - 1
                && reached >= total * quantiles.len() as f64 / (QUANTILES - 1) as f64
            {
                quantiles.push(*value);
            }
        }
        quantiles.resize(QUANTILES, *last);
        quantiles
    }
}

/// Quantiles at even shares of ascending values, linear between neighbours.
fn even(values: &[f64], count: usize) -> Vec<f64> {
    let Some(most) = values.len().checked_sub(1) else {
        return Vec::new();
    };
    (0..count)
        .map(|place| {
            let at = most as f64 * place as f64 / (count - 1) as f64;
            let below = at as usize;
            let above = (below + 1).min(most);
            values[below] + (values[above] - values[below]) * (at - below as f64)
        })
        .collect()
}

fn log_normal(values: &[f64]) -> Option<LogNormalFit> {
    if values.len() < 2 || values[0] <= 0.0 {
        return None;
    }
    let count = values.len() as f64;
    let mu = values.iter().map(|value| value.ln()).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value.ln() - mu).powi(2)).sum::<f64>() / count;
    let fitted = LogNormal::new(mu, variance.sqrt())
        .ok()
        .filter(|_| variance > 0.0)?;
    Some(LogNormalFit {
        median: mu.exp(),
        sigma: variance.sqrt(),
        distance: distance(values, |value| fitted.cdf(value)),
    })
}

/// The greatest difference of a distribution function from that of ascending values.
fn distance(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let count = values.len() as f64;
    // Values that are alike are one step: only its foot and its top are on the curve.
    let mut greatest: f64 = 0.0;
    let mut from = 0;
    while from < values.len() {
        let until = from + values[from..].partition_point(|value| *value <= values[from]);
        let expected = cdf(values[from]);
        let (foot, top) = (from as f64 / count, until as f64 / count);
        greatest = greatest.max((expected - foot).abs()).max((top - expected).abs());
        from = until;
    }
    greatest
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;
    use statrs::distribution::ContinuousCDF as _;

    use super::*;

    /// Draws of a distribution by its inverse.
    fn drawn(of: impl Fn(f64) -> f64, count: usize, seed: u64) -> Sample {
        use rand::RngExt as _;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = Values::default();
        (0..count).for_each(|_| values.add(of(rng.random::<f64>())));
        values.finish()
    }

    #[test]
    fn a_log_normal_is_found_again_and_an_exponential_told_from_it() {
        for seed in 1..=5 {
            let truth = LogNormal::new(100f64.ln(), 0.6).unwrap();
            let sample = drawn(|share| truth.inverse_cdf(share.max(1e-12)), 20_000, seed);
            let fitted = sample.log_normal.unwrap();
            assert!(
                (fitted.median / 100.0 - 1.0).abs() < 0.03,
                "seed {seed}: {fitted:?}"
            );
            assert!((fitted.sigma - 0.6).abs() < 0.02, "seed {seed}: {fitted:?}");
            assert!(fitted.distance < 0.02, "seed {seed}: {fitted:?}");
            assert!(sample.exponential_distance.unwrap() > 0.1, "seed {seed}");

            let truth = Exp::new(0.25).unwrap();
            let sample = drawn(|share| truth.inverse_cdf(share), 20_000, seed);
            assert!((sample.mean - 4.0).abs() < 0.15, "seed {seed}: {}", sample.mean);
            assert!(sample.exponential_distance.unwrap() < 0.02, "seed {seed}");
            assert!(
                (sample.quantiles[10] - 4.0 * 2f64.ln()).abs() < 0.15,
                "seed {seed}"
            );
        }
    }

    #[test]
    fn many_values_are_thinned_and_few_are_no_family() {
        let mut values = Values::default();
        (0..2_000_000u32).for_each(|at| values.add(f64::from(at % 1_000)));
        assert!(values.kept.len() <= VALUES_MAX);
        let sample = values.finish();
        assert_eq!(sample.count, 2_000_000);
        assert!(
            (sample.quantiles[10] - 499.5).abs() < 10.0,
            "{:?}",
            sample.quantiles
        );
        assert_eq!(Values::default().finish(), Sample::default());
        let mut alike = Values::default();
        [3.0, 3.0, 3.0].into_iter().for_each(|value| alike.add(value));
        let sample = alike.finish();
        assert_eq!(
            (sample.log_normal, sample.quantiles[0], sample.quantiles[20]),
            (None, 3.0, 3.0)
        );
    }

    #[test]
    fn weights_move_quantiles_to_what_weighs() {
        let sample = drawn(|share| 1.0 + share, 10_000, 3);
        let plain = sample.weighted(|_| 1.0);
        assert!((plain[10] - 1.5).abs() < 0.02, "{plain:?}");
        let heavy = sample.weighted(|value| value);
        // The density x on 1..2 has its median at the root of 2.5.
        assert!((heavy[10] - 2.5f64.sqrt()).abs() < 0.02, "{heavy:?}");
        assert_eq!(
            (heavy.len(), heavy[0], heavy[20]),
            (QUANTILES, sample.quantiles[0], sample.quantiles[20])
        );
    }
}
