//! The messages in flight, and what each still waits for. Nothing is lost or doubled without a count here.
//!
//! It does not know how messages travel.

use crate::body::Label;
use crate::protocol::Answers;

/// Bits of a message's number below its serial: the place among the flights.
const PLACE_BITS: u32 = 16;
/// The most messages in flight.
pub(crate) const FLIGHTS_MAX: usize = 1 << PLACE_BITS;

const DELIVERED: u8 = 1;
const ACCEPTED: u8 = 2;
const TICKED: u8 = 4;

/// One message.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    number: u64,
    from: u32,
    to: u32,
    due_us: u64,
    /// The answers that have not come; none while the place is free.
    waits: u8,
}

/// What was wrong, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Faults {
    /// Bodies that did not hold their checksum.
    pub(crate) corrupted: u64,
    /// Deliveries of a message that had been delivered, or of none.
    pub(crate) duplicated: u64,
    /// Deliveries to somebody else.
    pub(crate) misrouted: u64,
    /// Acceptances and ticks of no message in flight.
    pub(crate) stray_answers: u64,
    /// Messages that still waited for something at the end.
    pub(crate) lost: u64,
}

impl Faults {
    /// Whether nothing was wrong.
    pub(crate) fn none(&self) -> bool {
        *self == Self::default()
    }
}

/// What an answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Where it was the delivery: when the message was due.
    pub(crate) delivered_due_us: Option<u64>,
    /// Whether the message waits for nothing more.
    pub(crate) finished: bool,
}

const NOTHING: Progress = Progress {
    delivered_due_us: None,
    finished: false,
};

/// All messages in flight.
#[derive(Debug)]
pub(crate) struct Flights {
    flights: Vec<Flight>,
    free: Vec<u16>,
    serial: u64,
    awaited: u8,
    faults: Faults,
}

impl Flights {
    /// No message, and room for `FLIGHTS_MAX`; each waits for a delivery and for these answers.
    pub(crate) fn new(answers: Answers) -> Self {
        let accepted = if answers.accepted { ACCEPTED } else { 0 };
        let ticked = if answers.ticked { TICKED } else { 0 };
        Self {
            flights: vec![Flight::default(); FLIGHTS_MAX],
            // Low places first, so that few in flight touch little memory.
            free: (0..=u16::MAX).rev().collect(),
            serial: 0,
            awaited: DELIVERED | accepted | ticked,
            faults: Faults::default(),
        }
    }

    /// Messages in flight.
    pub(crate) fn len(&self) -> usize {
        FLIGHTS_MAX - self.free.len()
    }

    /// Starts a message; `None` while as many as fit are in flight.
    pub(crate) fn start(&mut self, from: u32, to: u32, due_us: u64) -> Option<Label> {
        let place = self.free.pop()?;
        self.serial += 1;
        let number = self.serial << PLACE_BITS | u64::from(place);
        self.flights[usize::from(place)] = Flight {
            number,
            from,
            to,
            due_us,
            waits: self.awaited,
        };
        Some(Label { number, from, to })
    }

    /// A body arrived at `who`.
    pub(crate) fn delivered(&mut self, who: u32, body: &[u8]) -> Progress {
        let Some(label) = Label::parse(body) else {
            self.faults.corrupted += 1;
            return NOTHING;
        };
        let flight = self.flights[label.number as usize % FLIGHTS_MAX];
        if flight.number != label.number || flight.waits & DELIVERED == 0 {
            self.faults.duplicated += 1;
            return NOTHING;
        }
        if (flight.from, flight.to) != (label.from, label.to) || who != flight.to {
            self.faults.misrouted += 1;
            return NOTHING;
        }
        Progress {
            delivered_due_us: Some(flight.due_us),
            finished: self.answer(label.number, DELIVERED),
        }
    }

    /// The server has a message safe.
    pub(crate) fn accepted(&mut self, number: u64) -> Progress {
        Progress {
            finished: self.answer(number, ACCEPTED),
            ..NOTHING
        }
    }

    /// The recipient has a message, as its sender was told.
    pub(crate) fn ticked(&mut self, number: u64) -> Progress {
        Progress {
            finished: self.answer(number, TICKED),
            ..NOTHING
        }
    }

    fn answer(&mut self, number: u64, which: u8) -> bool {
        if self.awaited & which == 0 {
            return false;
        }
        let place = number as usize % FLIGHTS_MAX;
        let flight = &mut self.flights[place];
        if flight.number != number || flight.waits & which == 0 {
            self.faults.stray_answers += 1;
            return false;
        }
        flight.waits &= !which;
        if flight.waits == 0 {
            self.free.push(place as u16);
            return true;
        }
        false
    }

    /// What was wrong so far; with `at_the_end`, what is still in flight is lost.
    pub(crate) fn faults(&self, at_the_end: bool) -> Faults {
        Faults {
            lost: if at_the_end { self.len() as u64 } else { 0 },
            ..self.faults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Answers = Answers {
        accepted: true,
        ticked: true,
    };

    #[test]
    fn a_message_is_finished_by_its_last_answer_in_any_order() {
        let mut flights = Flights::new(ALL);
        let label = flights.start(3, 4, 50).unwrap();
        assert!(!flights.ticked(label.number).finished);
        let progress = flights.delivered(4, &label.body());
        assert_eq!(progress.delivered_due_us, Some(50));
        assert!(!progress.finished);
        assert!(flights.accepted(label.number).finished);
        assert_eq!(flights.len(), 0);
        assert!(flights.faults(true).none());
    }

    #[test]
    fn what_goes_wrong_is_counted() {
        let mut flights = Flights::new(Answers {
            accepted: false,
            ticked: false,
        });
        let label = flights.start(1, 2, 0).unwrap();
        let mut torn = label.body();
        torn[40] ^= 1;
        flights.delivered(2, &torn);
        flights.delivered(9, &label.body());
        assert!(flights.delivered(2, &label.body()).finished);
        flights.delivered(2, &label.body());
        flights.start(5, 6, 0).unwrap();
        let expected = Faults {
            corrupted: 1,
            duplicated: 1,
            misrouted: 1,
            stray_answers: 0,
            lost: 1,
        };
        assert_eq!(flights.faults(true), expected);
    }

    #[test]
    fn a_place_that_is_used_again_is_another_message() {
        let mut flights = Flights::new(ALL);
        let first = flights.start(1, 2, 0).unwrap();
        flights.delivered(2, &first.body());
        flights.accepted(first.number);
        assert!(flights.ticked(first.number).finished);
        let second = flights.start(1, 2, 0).unwrap();
        assert_eq!(first.number as u16, second.number as u16);
        flights.accepted(first.number);
        flights.delivered(2, &first.body());
        let faults = flights.faults(false);
        assert_eq!((faults.stray_answers, faults.duplicated), (1, 1));
    }
}
