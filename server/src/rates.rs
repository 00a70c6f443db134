//! How fast messages come, are taken, go out and are acknowledged, over 1, 10 and 100 seconds, and how the office's queue fares.
//!
//! It knows no clock and no thread: totals and their instant come in, once a second; nothing happens when a message does.

use std::collections::BTreeMap;

use wsar::Meter;
use wsar::queue::{QueueGauge, QueueReading};

/// What was counted since the server began, and what waits now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) messages_in: u64,
    pub(crate) copies_accepted: u64,
    pub(crate) copies_sent: u64,
    pub(crate) copies_acknowledged: u64,
    pub(crate) office: QueueReading,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Rates {
    meters: [Meter; NAMES.len()],
    office: QueueGauge,
}

/// The meters' names, before `.1s_per_second`, `.10s_per_second` and `.100s_per_second`.
const NAMES: [&str; 4] = [
    "server.messages_in",
    "server.copies_accepted",
    "server.copies_sent",
    "server.copies_acknowledged",
];

impl Totals {
    fn metered(&self) -> [u64; NAMES.len()] {
        [
            self.messages_in,
            self.copies_accepted,
            self.copies_sent,
            self.copies_acknowledged,
        ]
    }
}

impl Rates {
    /// Rates of a server that begins now.
    pub(crate) fn new(now_us: u64) -> Self {
        Self {
            meters: std::array::from_fn(|_| Meter::new(0, now_us)),
            office: QueueGauge::new(QueueReading::default(), now_us),
        }
    }

    /// Takes totals in.
    pub(crate) fn observe(&mut self, totals: &Totals, now_us: u64) {
        for (meter, total) in self.meters.iter_mut().zip(totals.metered()) {
            meter.observe(total, now_us);
        }
        let mut office = totals.office;
        // Threads count while they are read: a letter on its way between two may be missed, which must not look like a
        // counter that began again.
        office.entered = office.entered.max(self.office.reading().entered);
        self.office.observe(office, now_us);
    }

    /// Adds the gauges; figures that stand there already are newer, and stay.
    pub(crate) fn report(&self, gauges: &mut BTreeMap<String, f64>) {
        let mut rates = BTreeMap::new();
        for (name, meter) in NAMES.iter().zip(&self.meters) {
            meter.decays().write(name, &mut rates);
        }
        self.office.write("server.queue.office", &mut rates);
        rates.append(gauges);
        *gauges = rates;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn a_steady_load_is_its_own_rate_and_a_letter_missed_is_no_restart() {
        let mut rates = Rates::new(0);
        for second in 1..=20 {
            let done = 500 * second;
            let totals = Totals {
                messages_in: 100 * second,
                copies_accepted: 200 * second,
                office: QueueReading {
                    depth: 50,
                    longest: 30,
                    // One look in two misses what is on its way.
                    entered: done + 50 - 10 * (second % 2),
                    left: done,
                    refused: 0,
                },
                ..Totals::default()
            };
            rates.observe(&totals, second * SECOND_US);
        }
        rates.observe(
            &Totals {
                messages_in: 2_100,
                copies_accepted: 4_200,
                office: QueueReading {
                    // Ten fewer than a second ago.
                    entered: 10_040,
                    left: 10_040,
                    ..QueueReading::default()
                },
                ..Totals::default()
            },
            21 * SECOND_US,
        );
        let mut gauges = BTreeMap::from([("server.queue.office.depth".to_owned(), 7.0)]);
        rates.report(&mut gauges);
        for span in ["1s", "10s", "100s"] {
            let rate = |name: &str| gauges[&format!("server.{name}.{span}_per_second")];
            assert!((rate("messages_in") - 100.0).abs() < 1e-6, "{span}");
            assert!((rate("copies_accepted") - 200.0).abs() < 1e-6, "{span}");
            assert_eq!((rate("copies_sent"), rate("copies_acknowledged")), (0.0, 0.0));
        }
        let arrivals = gauges["server.queue.office.in_per_second"];
        assert!((400.0..520.0).contains(&arrivals), "{arrivals}");
        assert_eq!(gauges["server.queue.office.depth"], 7.0, "the newer figure stays");
    }
}
