//! An earthquake: a step of messages, a cut of the region's network, and aftershocks.
//!
//! It does not know who lives in the region.

use serde::Serialize;

use super::fading;
use crate::random::{Purpose, Stream};
use crate::unit::{Factor, Share, Span, TimeOfDay};

const HOUR_US: f64 = 3_600e6;
/// Width of the decays, as the sigma of the log-normal.
const SIGMA: f64 = 1.0;
/// More aftershocks than this cannot be told apart on any plot; the model's parameters allow far more.
const MOST_AFTERSHOCKS: usize = 1_000;

/// An earthquake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Earthquake {
    /// Its name on the plots.
    pub name: String,
    /// When it strikes.
    pub at: TimeOfDay,
    /// The region it strikes.
    pub region: String,
    /// Messages added in the region at once, as a multiple of its own base rate.
    pub step: Factor,
    /// Median of the log-normal decay of the step, and of each aftershock's.
    pub decay: Span,
    /// Messages sent into the region from elsewhere, for each that the shock adds in it.
    pub into: Factor,
    /// Share of the region's connections that the network drops.
    pub cut: Share,
    /// Over how long the drops spread.
    pub cut_over: Span,
    /// How long the network stays away.
    pub cut_for: Span,
    /// How long after that the plan takes reconnects to last; it plans nothing for those people until then.
    pub reconnect_within: Span,
    /// Omori-Utsu K: aftershocks an hour, one hour after the main shock if c is small.
    pub omori_k: f64,
    /// Omori-Utsu c.
    pub omori_c: Span,
    /// Omori-Utsu p.
    pub omori_p: f64,
    /// Mean size of an aftershock's jump, relative to the main shock's.
    pub aftershock: Factor,
}

/// An earthquake whose aftershocks are settled; instants in microseconds since the main shock.
#[derive(Clone, Debug)]
pub(crate) struct Quake {
    decay_us: f64,
    /// Instants and sizes relative to the main shock, which is the first.
    shocks: Vec<(f64, f64)>,
    name: String,
}

impl Earthquake {
    /// Settles the aftershocks within the time that is left.
    pub(crate) fn settle(&self, seed: u64, place: u32, left_us: f64) -> Quake {
        let mut stream = Stream::new(seed, Purpose::Shock, place);
        let omori = Omori {
            k: self.omori_k,
            c_h: self.omori_c.0 as f64 / HOUR_US,
            p: self.omori_p,
        };
        let mut shocks = vec![(0.0, 1.0)];
        for hours in omori.draw(left_us / HOUR_US, &mut stream) {
            // Few aftershocks are felt strongly and many hardly: an exponential size.
            shocks.push((hours * HOUR_US, self.aftershock.0 * stream.exponential()));
        }
        Quake {
            decay_us: self.decay.0 as f64,
            shocks,
            name: self.name.clone(),
        }
    }
}

impl Quake {
    /// How lively the shocks so far make people, 1 at the main shock.
    pub(crate) fn weight(&self, since_main_us: f64) -> f64 {
        let felt = |(at_us, size): &(f64, f64)| size * fading(since_main_us - at_us, self.decay_us, SIGMA);
        self.shocks.iter().map(felt).sum()
    }

    /// What deserves a mark: since the main shock, name, detail.
    pub(crate) fn marks(&self) -> Vec<(f64, &'static str, String)> {
        let mark = |(index, (at_us, size)): (usize, &(f64, f64))| match index {
            0 => (*at_us, "earthquake", self.name.clone()),
            _ => (
                *at_us,
                "aftershock",
                format!("{}: {:.0}% of the main shock", self.name, size * 100.0),
            ),
        };
        self.shocks.iter().enumerate().map(mark).collect()
    }
}

/// The modified Omori law n(t) = K / (c + t)^p, in hours (Utsu, 1961; Utsu, Ogata and Matsu'ura, *The Centenary of
/// the Omori Formula for a Decay Law of Aftershock Activity*, Journal of Physics of the Earth 43, 1995, section 2).
#[derive(Clone, Copy, Debug)]
struct Omori {
    k: f64,
    c_h: f64,
    p: f64,
}

impl Omori {
    /// Expected aftershocks up to `t` hours.
    fn expected(&self, t_h: f64) -> f64 {
        if (self.p - 1.0).abs() < 1e-9 {
            return self.k * libm::log(1.0 + t_h / self.c_h);
        }
        let power = |x: f64| libm::pow(x, 1.0 - self.p);
        self.k * (power(self.c_h) - power(self.c_h + t_h)) / (self.p - 1.0)
    }

    /// The time by which `n` aftershocks are expected; infinite if never.
    fn time_of(&self, n: f64) -> f64 {
        if self.k == 0.0 {
            return f64::INFINITY;
        }
        if (self.p - 1.0).abs() < 1e-9 {
            return self.c_h * (libm::exp(n / self.k) - 1.0);
        }
        let base = libm::pow(self.c_h, 1.0 - self.p) - n * (self.p - 1.0) / self.k;
        if base <= 0.0 {
            f64::INFINITY
        } else {
            libm::pow(base, 1.0 / (1.0 - self.p)) - self.c_h
        }
    }

    /// Instants in hours: a unit Poisson process sent through the inverse of the expectation.
    fn draw(&self, until_h: f64, stream: &mut Stream) -> Vec<f64> {
        let mut instants = Vec::new();
        let mut expected = stream.exponential();
        while expected < self.expected(until_h.max(0.0)) && instants.len() < MOST_AFTERSHOCKS {
            instants.push(self.time_of(expected));
            expected += stream.exponential();
        }
        instants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expectation_is_the_integral_of_the_law_and_inverts() {
        for p in [0.8, 1.0, 1.1, 1.5] {
            let omori = Omori { k: 30.0, c_h: 0.1, p };
            let steps = 200_000;
            let width = 5.0 / f64::from(steps);
            let sum: f64 = (0..steps)
                .map(|step| width * omori.k / libm::pow(omori.c_h + (f64::from(step) + 0.5) * width, p))
                .sum();
            assert!((omori.expected(5.0) / sum - 1.0).abs() < 1e-6, "p {p}");
            assert!((omori.time_of(omori.expected(2.0)) - 2.0).abs() < 1e-9, "p {p}");
        }
    }

    #[test]
    fn counts_follow_omori() {
        let omori = Omori {
            k: 12.0,
            c_h: 0.2,
            p: 1.1,
        };
        let seeds = 400;
        let (mut early, mut late) = (0.0, 0.0);
        for seed in 0..seeds {
            let instants = omori.draw(5.0, &mut Stream::new(seed, Purpose::Shock, 0));
            early += instants.iter().filter(|t| **t < 1.0).count() as f64;
            late += instants.iter().filter(|t| **t >= 1.0).count() as f64;
        }
        // Poisson counts: five standard deviations around the expectation.
        for (count, expected) in [
            (early, omori.expected(1.0) * seeds as f64),
            (late, (omori.expected(5.0) - omori.expected(1.0)) * seeds as f64),
        ] {
            assert!(
                (count - expected).abs() < 5.0 * expected.sqrt(),
                "{count} of {expected}"
            );
        }
    }
}
