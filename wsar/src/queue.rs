//! A queue's figures: how deep, how fast it fills and empties, how far behind, when it will be empty.
//!
//! It knows no queue and no clock: a reading and its instant come in, gauges go out.

use std::collections::BTreeMap;

use crate::Meter;

/// What a queue, or all queues of a name together, say of themselves at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueReading {
    /// Items waiting, all queues of the name together.
    pub depth: u64,
    /// Items waiting in the longest one.
    pub longest: u64,
    /// Items that ever entered.
    pub entered: u64,
    /// Items that ever left.
    pub left: u64,
    /// Items that ever found it full.
    pub refused: u64,
}

impl QueueReading {
    /// This reading and another of the same name, a shard's beside a shard's: counts add, the longest wins.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            depth: self.depth.saturating_add(other.depth),
            longest: self.longest.max(other.longest),
            entered: self.entered.saturating_add(other.entered),
            left: self.left.saturating_add(other.left),
            refused: self.refused.saturating_add(other.refused),
        }
    }
}

/// A queue under observation.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueGauge {
    reading: QueueReading,
    peak: u64,
    arrivals: Meter,
    departures: Meter,
}

impl QueueGauge {
    /// A queue that stands at `reading` at `start_us`.
    #[must_use]
    pub fn new(reading: QueueReading, start_us: u64) -> Self {
        Self {
            reading,
            peak: reading.longest,
            arrivals: Meter::new(reading.entered, start_us),
            departures: Meter::new(reading.left, start_us),
        }
    }

    /// Takes in a reading.
    pub fn observe(&mut self, reading: QueueReading, now_us: u64) {
        self.reading = reading;
        self.peak = self.peak.max(reading.longest);
        self.arrivals.observe(reading.entered, now_us);
        self.departures.observe(reading.left, now_us);
    }

    /// The last reading.
    #[must_use]
    pub fn reading(&self) -> QueueReading {
        self.reading
    }

    /// The longest that any of the queues has been seen.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Rates of entering.
    #[must_use]
    pub fn arrivals(&self) -> &Meter {
        &self.arrivals
    }

    /// Rates of leaving.
    #[must_use]
    pub fn departures(&self) -> &Meter {
        &self.departures
    }

    /// How long the last one in will wait, seconds: see [`delay_s`].
    ///
    /// Rates over ten seconds are used for this and for the drain: one second jumps about, a hundred hide a spike.
    #[must_use]
    pub fn delay_s(&self) -> Option<f64> {
        delay_s(self.reading.depth, self.departures.decays().ten.per_second())
    }

    /// When it will be empty if the rates stay, seconds: see [`drain_s`].
    #[must_use]
    pub fn drain_s(&self) -> Option<f64> {
        let (enter, leave) = (
            self.arrivals.decays().ten.per_second(),
            self.departures.decays().ten.per_second(),
        );
        drain_s(self.reading.depth, enter, leave)
    }

    /// Writes the gauges of the queue under `prefix`, which is `server.queue.<name>` for the server's: `.depth`,
    /// `.longest`, `.peak`, `.refused`, `.in_per_second` and `.out_per_second` (over ten seconds), and, where they
    /// exist, `.delay_ms` and `.drain_ms`.
    pub fn write(&self, prefix: &str, gauges: &mut BTreeMap<String, f64>) {
        let mut gauge = |name: &str, value: f64| gauges.insert(format!("{prefix}.{name}"), value);
        gauge("depth", self.reading.depth as f64);
        gauge("longest", self.reading.longest as f64);
        gauge("peak", self.peak as f64);
        gauge("refused", self.reading.refused as f64);
        gauge("in_per_second", self.arrivals.decays().ten.per_second());
        gauge("out_per_second", self.departures.decays().ten.per_second());
        if let Some(delay_s) = self.delay_s() {
            gauge("delay_ms", delay_s * 1e3);
        }
        if let Some(drain_s) = self.drain_s() {
            gauge("drain_ms", drain_s * 1e3);
        }
    }
}

/// How far behind a queue is, in seconds: what waits, divided by the rate at which it leaves (Little's law, with a
/// queue of first in, first out). `None` where things wait and nothing leaves.
///
/// The old climb's case, 600 thousand waiting and 40 thousand a second leaving:
/// ```
/// assert_eq!(wsar::queue::delay_s(600_000, 40_000.0), Some(15.0));
/// ```
#[must_use]
pub fn delay_s(depth: u64, out_per_second: f64) -> Option<f64> {
    match depth {
        0 => Some(0.0),
        _ if out_per_second > 0.0 => Some(depth as f64 / out_per_second),
        _ => None,
    }
}

/// When a queue will be empty if nothing changes, in seconds: `depth / (out - in)`. `None` where it does not drain.
///
/// The old climb's case again: while 25,366 a second still came in, it would drain in 41 s:
/// ```
/// let drain_s = wsar::queue::drain_s(600_000, 25_366.0, 40_000.0).unwrap();
/// assert_eq!(drain_s.round(), 41.0);
/// assert_eq!(wsar::queue::drain_s(600_000, 40_000.0, 40_000.0), None);
/// ```
#[must_use]
pub fn drain_s(depth: u64, in_per_second: f64, out_per_second: f64) -> Option<f64> {
    let net_per_second = out_per_second - in_per_second;
    match depth {
        0 => Some(0.0),
        _ if net_per_second > 0.0 => Some(depth as f64 / net_per_second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The old climb's queue, a second later each time, on its way down.
    fn climb(second: u64) -> QueueReading {
        let (entered, left) = (5_000_000 + 25_366 * second, 4_000_000 + 40_000 * second);
        QueueReading {
            depth: 600_000 + (20 - second) * 14_634,
            longest: 90_000 - second,
            entered,
            left,
            refused: 3,
        }
    }

    #[test]
    fn the_old_climb_is_fifteen_seconds_behind_and_drains_in_forty_one() {
        let mut gauge = QueueGauge::new(climb(0), 0);
        (1..=20).for_each(|second| gauge.observe(climb(second), second * 1_000_000));
        assert_eq!(gauge.reading().depth, 600_000);
        assert!((gauge.delay_s().unwrap() - 15.0).abs() < 1e-6);
        assert!((gauge.drain_s().unwrap() - 41.0).abs() < 1e-3);
        assert_eq!(gauge.peak(), 90_000);

        let mut gauges = BTreeMap::new();
        gauge.write("server.queue.store", &mut gauges);
        assert_eq!(gauges["server.queue.store.depth"], 600_000.0);
        assert_eq!(gauges["server.queue.store.longest"], 89_980.0);
        assert_eq!(gauges["server.queue.store.refused"], 3.0);
        assert!((gauges["server.queue.store.delay_ms"] - 15_000.0).abs() < 1e-3);
        assert!((gauges["server.queue.store.out_per_second"] - 40_000.0).abs() < 1e-3);
    }

    #[test]
    fn a_growing_queue_has_a_delay_and_no_drain() {
        let mut gauge = QueueGauge::new(QueueReading::default(), 0);
        gauge.observe(
            QueueReading {
                depth: 100,
                longest: 60,
                entered: 300,
                left: 200,
                refused: 0,
            },
            1_000_000,
        );
        assert!((gauge.delay_s().unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(gauge.drain_s(), None);
        let mut gauges = BTreeMap::new();
        gauge.write("q", &mut gauges);
        assert!(!gauges.contains_key("q.drain_ms"));
    }

    #[test]
    fn a_stuck_queue_has_neither_and_an_empty_one_has_both() {
        assert_eq!(delay_s(1, 0.0), None);
        assert_eq!(drain_s(1, 0.0, 0.0), None);
        assert_eq!(delay_s(0, 0.0), Some(0.0));
        assert_eq!(drain_s(0, 5.0, 1.0), Some(0.0));
    }

    #[test]
    fn shards_add_and_the_longest_wins() {
        let left = QueueReading {
            depth: 5,
            longest: 5,
            entered: 9,
            left: 4,
            refused: 1,
        };
        let right = QueueReading {
            depth: 7,
            longest: 3,
            entered: 8,
            left: 1,
            refused: 0,
        };
        let both = QueueReading {
            depth: 12,
            longest: 5,
            entered: 17,
            left: 5,
            refused: 1,
        };
        assert_eq!(left.with(right), both);
    }

    proptest! {
        #[test]
        fn what_drains_is_empty_when_it_says(
            depth in 1u64..10_000_000, enter in 0u64..100_000, extra in 1u64..100_000,
        ) {
            let (enter, leave) = (enter as f64, (enter + extra) as f64);
            let drain_s = drain_s(depth, enter, leave).unwrap();
            let left = depth as f64 + drain_s * enter - drain_s * leave;
            prop_assert!(left.abs() < 1e-6 * (depth as f64 + drain_s * leave));
            prop_assert!(drain_s >= delay_s(depth, leave).unwrap());
        }
    }
}
