//! When what was recorded is due: a line from the capture's time to the clock's.
//!
//! It reads no clock and does not sleep: instants come in and go out as nanoseconds. It does not know what is due.
//!
//! An instant is computed from a fixed anchor, `anchor + (at - origin) / speed`, never from the one before it, so that no
//! oversleep is carried on. A change of speed moves the anchor to the instant of the change: there both lines meet, and
//! time does not jump.

mod margin;

use std::fmt;

pub use margin::{Margin, Rest};

/// How many times faster than recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times.
    Times(Factor),
    /// Nothing waits for its time, only for what must come before it.
    Max,
}

/// A speed from 0.1 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor(f64);

/// A speed that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: expected a number from {SLOWEST} to {FASTEST}, or max")]
pub struct SpeedError(String);

/// The slowest speed.
const SLOWEST: f64 = 0.1;
/// The fastest.
const FASTEST: f64 = 100.0;

impl Speed {
    /// As recorded.
    pub const RECORDED: Self = Self::Times(Factor(1.0));

    /// The factor, where there is one.
    #[must_use]
    pub fn factor(self) -> Option<f64> {
        match self {
            Self::Times(Factor(factor)) => Some(factor),
            Self::Max => None,
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
            Ok(factor) if (SLOWEST..=FASTEST).contains(&factor) => Ok(Self::Times(Factor(factor))),
            _ => Err(SpeedError(text.to_owned())),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(Factor(factor)) => write!(f, "{factor}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// A line from recorded time to the clock's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// An instant of the clock, nanoseconds.
    anchor_ns: u64,
    /// The recorded instant that falls on it, nanoseconds.
    origin_ns: u64,
    speed: Speed,
}

impl Pace {
    /// The recorded instant `origin_ns` falls on the clock's `anchor_ns`.
    #[must_use]
    pub fn new(anchor_ns: u64, origin_ns: u64, speed: Speed) -> Self {
        Self {
            anchor_ns,
            origin_ns,
            speed,
        }
    }

    /// The speed.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// When a recorded instant is due, by the clock. What lies before the origin is due with it.
    #[must_use]
    pub fn due_ns(&self, recorded_ns: u64) -> u64 {
        match self.speed {
            Speed::Max => self.anchor_ns,
            Speed::Times(Factor(factor)) => {
                let since_ns = recorded_ns.saturating_sub(self.origin_ns);
                // A double holds whole nanoseconds up to 2^53, a hundred days.
                self.anchor_ns.saturating_add((since_ns as f64 / factor) as u64)
            }
        }
    }

    /// Which recorded instant it is by the clock: what is recorded up to there is due. At the highest speed, all is.
    #[must_use]
    pub fn recorded_ns(&self, now_ns: u64) -> u64 {
        match self.speed {
            Speed::Max => u64::MAX,
            Speed::Times(Factor(factor)) => {
                let since_ns = now_ns.saturating_sub(self.anchor_ns);
                self.origin_ns.saturating_add((since_ns as f64 * factor) as u64)
            }
        }
    }

    /// Goes on at another speed from now on. `reached_ns` is how far the recording has come, which only the caller knows
    /// where nothing waited for its time.
    pub fn change(&mut self, now_ns: u64, reached_ns: u64, speed: Speed) {
        self.origin_ns = match self.speed {
            Speed::Max => reached_ns,
            Speed::Times(_) => self.recorded_ns(now_ns),
        };
        self.anchor_ns = self.anchor_ns.max(now_ns);
        self.speed = speed;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    fn times(factor: f64) -> Speed {
        factor.to_string().parse().unwrap()
    }

    /// A clock that oversleeps, and jumps forward as one does whose machine was stopped.
    struct Clock {
        now_ns: u64,
        rng: StdRng,
        /// Slept too long in all.
        overslept_ns: u64,
        jumped_ns: u64,
    }

    impl Clock {
        fn sleep(&mut self, ns: u64) {
            let over_ns = match self.rng.random_range(0..1_000) {
                0 => self.rng.random_range(0..20_000_000),
                1..50 => self.rng.random_range(0..500_000),
                _ => self.rng.random_range(0..80_000),
            };
            self.overslept_ns += over_ns;
            self.now_ns += ns + over_ns;
            if self.rng.random_ratio(1, 50_000) {
                let step_ns = self.rng.random_range(0..2_000_000_000);
                self.jumped_ns += step_ns;
                self.now_ns += step_ns;
            }
        }
    }

    /// Waits for an instant as the driver does.
    fn await_due(clock: &mut Clock, margin: &mut Margin, due_ns: u64) {
        loop {
            match margin.rest(clock.now_ns, due_ns) {
                Rest::Over => return,
                Rest::Spin => clock.now_ns += 40,
                Rest::Sleep { ns } => {
                    let until_ns = clock.now_ns + ns;
                    clock.sleep(ns);
                    margin.woke(until_ns, clock.now_ns);
                }
            }
        }
    }

    #[test]
    fn an_hour_of_oversleeps_and_clock_steps_does_not_drift() {
        for seed in 0..4 {
            let rng = StdRng::seed_from_u64(seed);
            let mut clock = Clock {
                now_ns: 7_000_000_000,
                rng,
                overslept_ns: 0,
                jumped_ns: 0,
            };
            let pace = Pace::new(clock.now_ns, 0, Speed::RECORDED);
            let mut margin = Margin::default();
            let mut gaps = StdRng::seed_from_u64(seed + 100);
            let (mut at_ns, mut late_ns) = (0, Vec::new());
            while at_ns < HOUR_NS {
                let due_ns = pace.due_ns(at_ns);
                await_due(&mut clock, &mut margin, due_ns);
                late_ns.push(clock.now_ns - due_ns);
                at_ns += gaps.random_range(100_000..20_000_000);
            }
            assert!(
                clock.overslept_ns > 3_000_000_000,
                "seed {seed}: nothing was injected"
            );
            assert!(
                clock.jumped_ns > 1_000_000_000,
                "seed {seed}: no step was injected"
            );
            let last = late_ns.len() - 1_000;
            // Drift: the least lateness at the end, which no single oversleep explains.
            let drift_ns = late_ns[last..].iter().min().copied().unwrap();
            assert!(
                drift_ns < 1_000_000,
                "seed {seed}: {drift_ns} ns late after an hour"
            );
            late_ns.sort_unstable();
            let p50_ns = late_ns[late_ns.len() / 2];
            assert!(p50_ns < 1_000, "seed {seed}: the median is {p50_ns} ns late");
        }
    }

    #[test]
    fn what_adds_up_its_sleeps_would_drift_by_seconds() {
        // The method that is not used, against the same clock: the test above can fail.
        let mut clock = Clock {
            now_ns: 0,
            rng: StdRng::seed_from_u64(1),
            overslept_ns: 0,
            jumped_ns: 0,
        };
        let mut at_ns = 0;
        while at_ns < HOUR_NS / 10 {
            clock.sleep(10_000_000);
            at_ns += 10_000_000;
        }
        assert!(clock.now_ns - at_ns > 1_000_000_000);
    }

    #[test]
    fn at_the_highest_speed_everything_is_due_at_once() {
        let pace = Pace::new(5, 0, Speed::Max);
        assert_eq!(pace.due_ns(HOUR_NS), 5);
        assert_eq!(pace.recorded_ns(6), u64::MAX);
        let mut pace = pace;
        pace.change(1_000, 40, Speed::RECORDED);
        assert_eq!((pace.due_ns(40), pace.due_ns(50)), (1_000, 1_010));
    }

    #[test]
    fn speeds_are_read_and_refused() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("2.5x".parse(), Ok(times(2.5)));
        assert_eq!(times(5.0).to_string(), "5x");
        for wrong in ["", "0", "0.09", "101", "-1", "NaN", "fast"] {
            let error = wrong.parse::<Speed>().unwrap_err().to_string();
            assert!(error.contains("from 0.1 to 100, or max"), "{error}");
        }
    }

    proptest! {
        /// However often the speed changes, what is due goes on from where it was, and never back.
        #[test]
        fn a_change_of_speed_does_not_jump(
            anchor_ns in 0u64..HOUR_NS,
            changes in prop::collection::vec((0u64..HOUR_NS / 10, 0.1f64..100.0), 1..20),
        ) {
            let mut pace = Pace::new(anchor_ns, 0, Speed::RECORDED);
            let mut now_ns = anchor_ns;
            for (later_ns, factor) in changes {
                now_ns += later_ns;
                let before_ns = pace.recorded_ns(now_ns);
                pace.change(now_ns, 0, times(factor));
                let after_ns = pace.recorded_ns(now_ns);
                prop_assert_eq!(before_ns, after_ns);
                prop_assert_eq!(pace.due_ns(after_ns), now_ns);
                // What lies ahead stays ahead, and in order.
                prop_assert!(pace.due_ns(after_ns + 1_000_000_000) >= now_ns + 10_000_000 - 1);
                prop_assert!(pace.due_ns(after_ns + 2) >= pace.due_ns(after_ns + 1));
            }
        }

        /// To the clock and back is where one was, but for the rounding.
        #[test]
        fn both_ways_agree(at_ns in 0u64..24 * HOUR_NS, factor in 0.1f64..100.0) {
            let pace = Pace::new(1_000, 77, times(factor));
            let back_ns = pace.recorded_ns(pace.due_ns(77 + at_ns));
            prop_assert!(back_ns.abs_diff(77 + at_ns) <= 100 + at_ns / (1 << 50), "{back_ns}");
        }
    }
}
