//! What the driver counts of a run.

use reactor::Clock;
use record::Histogram;

use crate::flight::Flights;
use crate::protocol::{Answers, Event};

/// The counts, and the clock they go by.
pub(super) struct Tally {
    /// Messages that wait for an answer.
    pub(super) flights: Flights,
    /// Read a message, not a turn: under full load a turn lasts longer than what is measured.
    pub(super) clock: Clock,
    /// Clients logged in.
    pub(super) ready: u32,
    /// Messages delivered, whole and to their recipients.
    pub(super) delivered: u64,
    /// From due to delivered.
    pub(super) latency: Histogram,
    /// When an open loop's next message is due, microseconds of the clock.
    pub(super) next_due_us: f64,
}

impl Tally {
    pub(super) fn new(answers: Answers, clock: Clock) -> Self {
        Self {
            flights: Flights::new(answers),
            clock,
            ready: 0,
            delivered: 0,
            latency: Histogram::new(),
            next_due_us: 0.0,
        }
    }

    /// Counts what a client was told.
    pub(super) fn take(&mut self, who: u32, event: Event<'_>) {
        let progress = match event {
            Event::Ready => {
                self.ready += 1;
                return;
            }
            Event::Accepted(number) => self.flights.accepted(number),
            Event::Ticked(number) => self.flights.ticked(number),
            Event::Delivered(body) => self.flights.delivered(who, body),
        };
        if let Some(due_us) = progress.delivered_due_us {
            self.delivered += 1;
            self.latency.record(self.clock.now_us().saturating_sub(due_us));
        }
    }
}
