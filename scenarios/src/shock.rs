//! Shocks: models of what the world does to a messenger.
//!
//! A shock knows shapes over the scenario's clock, in microseconds since its own zero; it does not know rates, users
//! or the run's clock.

pub(crate) mod earthquake;
pub(crate) mod football;

use serde::Serialize;

pub use earthquake::Earthquake;
pub use football::Football;

/// A shock of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Shock {
    /// A match that much of the population follows.
    Football(Football),
    /// An earthquake in one region.
    Earthquake(Earthquake),
}

/// The survival function of a log-normal by its median: 1 at 0, a half at the median, a long tail. What follows a
/// sudden event decays so, since people's delays to react are log-normal.
pub(crate) fn fading(elapsed_us: f64, median_us: f64, sigma: f64) -> f64 {
    if elapsed_us < 0.0 {
        return 0.0;
    }
    if elapsed_us == 0.0 {
        return 1.0;
    }
    0.5 * libm::erfc(libm::log(elapsed_us / median_us) / (sigma * std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fading_jumps_to_one_and_is_half_at_its_median() {
        assert_eq!(fading(-1.0, 10.0, 1.0), 0.0);
        assert_eq!(fading(0.0, 10.0, 1.0), 1.0);
        assert!((fading(10.0, 10.0, 1.0) - 0.5).abs() < 1e-12);
        assert!(fading(100.0, 10.0, 1.0) < 0.02);
    }
}
