//! The day curve: how lively people are by the hour of their own clock.
//!
//! It knows hours; it does not know rates or who the people are.

use crate::unit::UtcOffset;

/// Microseconds of a day.
pub(crate) const DAY_US: u64 = 86_400_000_000;
const HOUR_US: f64 = 3_600e6;

/// Liveliness on each full hour of local time, 1 at the liveliest: nights are quiet, evenings busiest, with a
/// shoulder at noon. A shape of our own, of the kind that messengers' operators and studies of telephone traffic
/// publish; a scenario may give its own (`messages.day`).
pub(crate) const DEFAULT_DAY: [f64; 24] = [
    0.38, 0.22, 0.13, 0.09, 0.08, 0.11, 0.22, 0.42, 0.58, 0.65, 0.68, 0.70, 0.76, 0.74, 0.70, 0.69, 0.72,
    0.79, 0.88, 0.95, 0.99, 1.00, 0.86, 0.60,
];

/// The curve at an instant of the day, in microseconds since midnight UTC, for people at that offset.
pub(crate) fn liveliness(day: &[f64; 24], utc_us: u64, offset: UtcOffset) -> f64 {
    let local_us = (utc_us as f64 + f64::from(offset.0) * 60e6).rem_euclid(DAY_US as f64);
    let hours = local_us / HOUR_US;
    let before = (libm::floor(hours) as usize).min(23);
    let part = hours - before as f64;
    day[before] * (1.0 - part) + day[(before + 1) % 24] * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_through_its_hours_and_wraps_at_midnight() {
        let hour = 3_600_000_000;
        assert_eq!(liveliness(&DEFAULT_DAY, 21 * hour, UtcOffset(0)), 1.0);
        assert_eq!(liveliness(&DEFAULT_DAY, 19 * hour, UtcOffset(120)), 1.0);
        assert_eq!(
            liveliness(&DEFAULT_DAY, hour / 2, UtcOffset(-60)),
            (DEFAULT_DAY[23] + DEFAULT_DAY[0]) / 2.0
        );
        assert_eq!(liveliness(&DEFAULT_DAY, 25 * hour, UtcOffset(0)), DEFAULT_DAY[1]);
    }

    #[test]
    fn its_highest_is_one() {
        assert_eq!(DEFAULT_DAY.iter().copied().fold(0.0, f64::max), 1.0);
    }
}
