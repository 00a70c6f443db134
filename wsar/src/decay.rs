//! Rates that decay over 1, 10 and 100 seconds, so that a moment and its background are seen side by side.
//!
//! It knows no clock: every observation brings its instant. It does not know what is counted.

use std::collections::BTreeMap;

/// Events a second, weighted by `exp(-age / tau)`: what happened one `tau` ago counts 1/e of what happens now.
///
/// Events between two observations are taken as spread evenly over the interval, and the weighting is then exact for
/// an interval of any length, so the result does not depend on how often one looks. The sum of weights is kept
/// beside the weighted sum and divides it: a young rate is the average of what it has seen, not a slow climb from
/// zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    tau_us: f64,
    weighted_per_second: f64,
    weight: f64,
    unspent: u64,
    last_us: u64,
}

impl Rate {
    /// A rate with the time constant `tau_us` (at least 1), which has seen nothing before `start_us`.
    #[must_use]
    pub fn new(tau_us: u64, start_us: u64) -> Self {
        Self {
            tau_us: tau_us.max(1) as f64,
            weighted_per_second: 0.0,
            weight: 0.0,
            unspent: 0,
            last_us: start_us,
        }
    }

    /// Takes in `count` events that happened since the last observation.
    ///
    /// Where no time has passed, or the clock went back, the events wait for the next observation: none is lost and
    /// nothing is divided by zero.
    pub fn observe(&mut self, count: u64, now_us: u64) {
        self.unspent = self.unspent.saturating_add(count);
        let elapsed_us = now_us.saturating_sub(self.last_us) as f64;
        if elapsed_us <= 0.0 {
            return;
        }
        let per_second = self.unspent as f64 * 1e6 / elapsed_us;
        let kept = (-elapsed_us / self.tau_us).exp();
        // 1 - kept, without the cancellation that a short interval would suffer.
        let gained = -(-elapsed_us / self.tau_us).exp_m1();
        self.weighted_per_second = self.weighted_per_second * kept + per_second * gained;
        self.weight = self.weight * kept + gained;
        self.unspent = 0;
        self.last_us = now_us;
    }

    /// Events a second as of the last observation; 0 before the first.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        if self.weight > 0.0 {
            self.weighted_per_second / self.weight
        } else {
            0.0
        }
    }
}

/// One stream of events seen over three spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Decays {
    /// Over a second: the moment.
    pub one: Rate,
    /// Over ten seconds: the trend.
    pub ten: Rate,
    /// Over a hundred seconds: the background.
    pub hundred: Rate,
}

impl Decays {
    /// Three rates that have seen nothing before `start_us`.
    #[must_use]
    pub fn new(start_us: u64) -> Self {
        let over = |tau_s: u64| Rate::new(tau_s * 1_000_000, start_us);
        Self {
            one: over(1),
            ten: over(10),
            hundred: over(100),
        }
    }

    /// Takes in `count` events that happened since the last observation. See [`Rate::observe`].
    pub fn observe(&mut self, count: u64, now_us: u64) {
        self.one.observe(count, now_us);
        self.ten.observe(count, now_us);
        self.hundred.observe(count, now_us);
    }

    /// Writes the three as gauges: `<name>.1s_per_second`, `.10s_per_second`, `.100s_per_second`.
    pub fn write(&self, name: &str, gauges: &mut BTreeMap<String, f64>) {
        for (span, rate) in [("1s", &self.one), ("10s", &self.ten), ("100s", &self.hundred)] {
            gauges.insert(format!("{name}.{span}_per_second"), rate.per_second());
        }
    }
}

/// The decays of a cumulative counter: it takes totals where [`Decays`] takes differences.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    decays: Decays,
    total: u64,
}

impl Meter {
    /// A meter of a counter that stood at `total` at `start_us`.
    #[must_use]
    pub fn new(total: u64, start_us: u64) -> Self {
        Self {
            decays: Decays::new(start_us),
            total,
        }
    }

    /// Takes in the counter's total. One lower than before has started again from zero, as after a restart.
    pub fn observe(&mut self, total: u64, now_us: u64) {
        let count = total.checked_sub(self.total).unwrap_or(total);
        self.total = total;
        self.decays.observe(count, now_us);
    }

    /// The rates.
    #[must_use]
    pub fn decays(&self) -> &Decays {
        &self.decays
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_US: u64 = 1_000_000;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-6 * left.abs().max(right.abs()).max(1e-9)
    }

    #[test]
    fn nothing_seen_is_zero() {
        assert_eq!(Rate::new(SECOND_US, 5).per_second(), 0.0);
    }

    #[test]
    fn silence_halves_a_settled_rate_in_tau_times_ln_2() {
        let mut rate = Rate::new(10 * SECOND_US, 0);
        rate.observe(1_000_000, 1_000 * SECOND_US);
        assert!(near(rate.per_second(), 1_000.0));
        let half_life_us = (10.0 * SECOND_US as f64 * std::f64::consts::LN_2).round() as u64;
        rate.observe(0, 1_000 * SECOND_US + half_life_us);
        assert!(near(rate.per_second(), 500.0), "{}", rate.per_second());
    }

    #[test]
    fn events_without_time_wait_for_it() {
        let mut rate = Rate::new(SECOND_US, SECOND_US);
        rate.observe(30, SECOND_US);
        rate.observe(30, 0);
        assert_eq!(rate.per_second(), 0.0);
        rate.observe(40, 2 * SECOND_US);
        assert!(near(rate.per_second(), 100.0));
    }

    #[test]
    fn a_burst_shows_in_the_moment_before_the_background() {
        let mut decays = Decays::new(0);
        for second in 1..=300 {
            decays.observe(100, second * SECOND_US);
        }
        decays.observe(10_000, 301 * SECOND_US);
        assert!(decays.one.per_second() > 6_000.0);
        assert!((900.0..1_200.0).contains(&decays.ten.per_second()));
        assert!((190.0..210.0).contains(&decays.hundred.per_second()));
        let mut gauges = BTreeMap::new();
        decays.write("server.bytes_in", &mut gauges);
        assert_eq!(gauges["server.bytes_in.10s_per_second"], decays.ten.per_second());
        assert_eq!(gauges.len(), 3);
    }

    #[test]
    fn a_meter_survives_a_restart_of_its_counter() {
        let mut meter = Meter::new(1_000, 0);
        meter.observe(1_050, SECOND_US);
        assert!(near(meter.decays().one.per_second(), 50.0));
        meter.observe(50, 2 * SECOND_US);
        assert!(near(meter.decays().one.per_second(), 50.0));
    }

    proptest! {
        #[test]
        fn a_constant_rate_is_itself_from_the_first_observation(
            per_step in 1u64..1_000, step_us in 1u64..5_000_000, steps in 1u64..200, tau_us in 1_000u64..100_000_000,
        ) {
            let mut rate = Rate::new(tau_us, 7);
            for step in 1..=steps {
                rate.observe(per_step, 7 + step * step_us);
                let expected = per_step as f64 * 1e6 / step_us as f64;
                prop_assert!(near(rate.per_second(), expected), "{} for {expected}", rate.per_second());
            }
        }

        #[test]
        fn how_often_one_looks_does_not_matter(
            // Stretches of even traffic: events a microstep, length in microsteps, and pieces to look at it in.
            stretches in prop::collection::vec((0u64..50, 1u64..40, 1u64..40), 1..20),
            tau_us in 10_000u64..100_000_000,
        ) {
            const MICROSTEP_US: u64 = 10_000;
            let (mut coarse, mut fine) = (Rate::new(tau_us, 0), Rate::new(tau_us, 0));
            let mut now = 0;
            for (events, length, piece) in stretches {
                let mut done = 0;
                while done < length {
                    let steps = piece.min(length - done);
                    done += steps;
                    fine.observe(events * steps, (now + done) * MICROSTEP_US);
                }
                now += length;
                coarse.observe(events * length, now * MICROSTEP_US);
                prop_assert!(near(coarse.per_second(), fine.per_second()));
            }
        }

        #[test]
        fn a_new_level_is_approached_as_the_exponential_says(
            before in 0u64..10_000, after in 0u64..10_000, seconds in 1u64..60,
        ) {
            let mut rate = Rate::new(10 * SECOND_US, 0);
            rate.observe(before * 10_000, 10_000 * SECOND_US);
            rate.observe(after * seconds, (10_000 + seconds) * SECOND_US);
            let left = (-(seconds as f64) / 10.0).exp();
            let expected = after as f64 + (before as f64 - after as f64) * left;
            prop_assert!((rate.per_second() - expected).abs() < 1e-6 * 10_000.0);
        }

        #[test]
        fn any_observations_give_a_finite_rate(
            observations in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20), tau_us in any::<u64>(),
        ) {
            let mut rate = Rate::new(tau_us, 0);
            for (count, now_us) in observations {
                rate.observe(count, now_us);
                prop_assert!(rate.per_second().is_finite() && rate.per_second() >= 0.0);
            }
        }
    }
}
