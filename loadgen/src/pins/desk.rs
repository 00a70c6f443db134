//! The desk itself: PINs that lie ready, and who waits for one.
//!
//! It reads no clock and no file.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::oneshot;
use wire::chat::{Number, PIN_DIGITS};

use super::{PinError, PinFigures};

/// A line of the sink's file. Keys that later versions add are no error.
#[derive(Debug, Deserialize)]
struct Line {
    number: u64,
    pin: String,
    expires_s: u64,
}

/// The PINs that lie ready and those who wait; it reads no clock.
#[derive(Debug)]
pub(super) struct Desk {
    capacity: usize,
    pub(super) pins: HashMap<Number, Ready>,
    /// Oldest first. An entry whose serial is not the PIN's any more is stale.
    order: VecDeque<(Number, u64)>,
    /// Tells apart the PINs, and the waiters, of one number.
    serial: u64,
    pub(super) waiters: HashMap<Number, (oneshot::Sender<String>, u64)>,
    pub(super) figures: PinFigures,
}

#[derive(Debug)]
pub(super) struct Ready {
    pin: String,
    /// Absent where the stated life is beyond what an instant can hold.
    expires: Option<Instant>,
    serial: u64,
}

impl Desk {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            pins: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
            waiters: HashMap::new(),
            figures: PinFigures::default(),
        }
    }

    pub(super) fn line(&mut self, line: &[u8], now: Instant) {
        let parsed = serde_json::from_slice::<Line>(line)
            .ok()
            .filter(|line| is_pin(&line.pin));
        let Some((line, number)) =
            parsed.and_then(|line| Number::new(line.number).ok().map(|number| (line, number)))
        else {
            self.figures.malformed += 1;
            return;
        };
        self.figures.read += 1;
        let pin = match self.waiters.remove(&number) {
            None => line.pin,
            // A waiter who is gone leaves the PIN to the next.
            Some((waiter, _)) => match waiter.send(line.pin) {
                Ok(()) => return,
                Err(pin) => pin,
            },
        };
        self.keep(number, pin, now.checked_add(Duration::from_secs(line.expires_s)));
    }

    fn keep(&mut self, number: Number, pin: String, expires: Option<Instant>) {
        self.serial += 1;
        self.pins.insert(
            number,
            Ready {
                pin,
                expires,
                serial: self.serial,
            },
        );
        self.order.push_back((number, self.serial));
        // Stale entries leave with the live ones; twice the capacity bounds the two together.
        while self.pins.len() > self.capacity || self.order.len() > 2 * self.capacity {
            let Some((oldest, serial)) = self.order.pop_front() else {
                break;
            };
            if self.pins.get(&oldest).is_some_and(|ready| ready.serial == serial) {
                self.pins.remove(&oldest);
                self.figures.evicted += 1;
            }
        }
    }

    pub(super) fn take(&mut self, number: Number, now: Instant) -> Option<String> {
        let ready = self.pins.remove(&number)?;
        if ready.expires.is_some_and(|expires| expires <= now) {
            self.figures.expired += 1;
            return None;
        }
        Some(ready.pin)
    }

    pub(super) fn wait(&mut self, number: Number) -> Result<(oneshot::Receiver<String>, u64), PinError> {
        if self.waiters.contains_key(&number) {
            return Err(PinError::Awaited(number));
        }
        if self.waiters.len() >= self.capacity {
            self.figures.refused += 1;
            return Err(PinError::Full(self.capacity));
        }
        let (sender, receiver) = oneshot::channel();
        self.serial += 1;
        self.waiters.insert(number, (sender, self.serial));
        Ok((receiver, self.serial))
    }
}

fn is_pin(pin: &str) -> bool {
    pin.len() == PIN_DIGITS as usize && pin.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::pins) fn number(value: u64) -> Number {
        Number::new(value).unwrap()
    }

    pub(in crate::pins) fn line(number: u64, pin: &str, expires_s: u64) -> Vec<u8> {
        format!("{{\"number\":{number},\"pin\":\"{pin}\",\"expires_s\":{expires_s}}}").into_bytes()
    }

    #[test]
    fn a_pin_is_handed_out_once_and_not_after_its_life() {
        let now = Instant::now();
        let mut desk = Desk::new(8);
        desk.line(&line(1, "000111", 300), now);
        desk.line(&line(2, "222222", 5), now);
        assert_eq!(desk.take(number(1), now), Some("000111".into()));
        assert_eq!(desk.take(number(1), now), None);
        assert_eq!(desk.take(number(2), now + Duration::from_secs(5)), None);
        assert_eq!((desk.figures.read, desk.figures.expired), (2, 1));
    }

    #[test]
    fn the_newest_pin_of_a_number_wins_and_the_oldest_number_makes_room() {
        let now = Instant::now();
        let mut desk = Desk::new(2);
        for (who, pin) in [(1, "000001"), (2, "000002"), (1, "000003"), (3, "000004")] {
            desk.line(&line(who, pin, 300), now);
        }
        assert_eq!(desk.take(number(2), now), None);
        assert_eq!(desk.take(number(1), now).as_deref(), Some("000003"));
        assert_eq!(desk.take(number(3), now).as_deref(), Some("000004"));
        assert_eq!(desk.figures.evicted, 1);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let now = Instant::now();
        let mut desk = Desk::new(4);
        for serial in 0..1_000 {
            desk.line(&line(1 + serial % 7, "123456", 300), now);
            desk.take(number(1 + serial % 3), now);
            assert!(desk.pins.len() <= 4 && desk.order.len() <= 8);
        }
    }

    #[test]
    fn what_is_no_pin_is_counted() {
        let now = Instant::now();
        let mut desk = Desk::new(4);
        let cases: [&[u8]; 7] = [
            b"",
            b"{",
            b"\xff\xfe",
            &line(1, "12345", 300),
            &line(1, "12345a", 300),
            &line(0, "123456", 300),
            &line(9_999_999_999_999_999, "123456", 300),
        ];
        for case in cases {
            desk.line(case, now);
        }
        assert_eq!(
            desk.figures,
            PinFigures {
                malformed: 7,
                ..PinFigures::default()
            }
        );
    }
}
