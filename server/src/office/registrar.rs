//! PINs under way: who asked for one, what it is, how often the number's were tried.
//!
//! It knows neither accounts nor how a PIN travels; the instant comes in.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rand::RngExt as _;
use wire::chat::{Code, Number, PIN_DIGITS};

use crate::source::Source;

/// PINs under way at once; beyond, asking for one is answered as busy until the oldest expires. One source has a bound of
/// its own, the knob `pins_a_source`, so that it takes many to keep everybody else out.
pub(crate) const PINS_MAX: usize = 100_000;
/// A PIN's life, and that of the memory of wrong tries and of who asked.
pub(crate) const LIFE_MS: u64 = 10 * 60 * 1000;
/// Wrong tries of a number's PINs, however many it gets, in one life. Six digits and five tries leave a guesser one chance
/// in 200,000 every ten minutes, and one in 1,389 for a day of it.
pub(crate) const TRIES_MAX: u8 = 5;
/// A number gets a new PIN this often at most.
pub(crate) const PAUSE_MS: u64 = 20 * 1000;

/// PINs, bounded in number, time and tries, and in number a source.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    pins: HashMap<Number, Pin, FixedState>,
    /// One for each PIN made, the oldest first.
    issues: VecDeque<Issue>,
    /// The serial of the first of them.
    first: u64,
    /// How many of the PINs each source has asked for and nobody proved; none has an entry without one.
    sources: HashMap<Source, u32, FixedState>,
}

#[derive(Clone, Copy, Debug)]
struct Pin {
    /// `None` once it was tried too often.
    pin: Option<u32>,
    made_ms: u64,
    /// Which of the issues it is.
    serial: u64,
    tries: u8,
    /// When the first wrong try was.
    tried_ms: u64,
}

/// A PIN that was made, whether or not another one has replaced it since.
#[derive(Clone, Copy, Debug)]
struct Issue {
    made_ms: u64,
    number: Number,
    /// Whose count it is in; nobody's once the PIN was proved.
    source: Option<Source>,
}

impl Registrar {
    /// Makes a PIN for a number, asked for by a source that may ask for so many in a PIN's life without a proof.
    ///
    /// It replaces the number's earlier one, but not the memory of how often that was tried.
    pub(crate) fn issue(
        &mut self,
        number: Number,
        (source, most): (Source, u64),
        rng: &mut impl rand::Rng,
        now_ms: u64,
    ) -> Result<u32, Code> {
        self.expire(now_ms);
        let older = self.pins.get(&number).copied();
        if older.is_some_and(|pin| now_ms < pin.made_ms + PAUSE_MS) {
            return Err(Code::RateLimited);
        }
        let (tries, tried_ms) = older.map_or((0, 0), |pin| pin.tries_at(now_ms));
        if tries >= TRIES_MAX {
            return Err(Code::RateLimited);
        }
        let theirs = self.sources.get(&source).copied().unwrap_or(0);
        if u64::from(theirs) >= most {
            return Err(Code::RateLimited);
        }
        if older.is_none() && self.pins.len() >= PINS_MAX {
            return Err(Code::Busy);
        }
        let pin = rng.random_range(0..10u32.pow(PIN_DIGITS));
        self.pins.insert(
            number,
            Pin {
                pin: Some(pin),
                made_ms: now_ms,
                serial: self.first + self.issues.len() as u64,
                tries,
                tried_ms,
            },
        );
        *self.sources.entry(source).or_insert(0) += 1;
        self.issues.push_back(Issue {
            made_ms: now_ms,
            number,
            source: Some(source),
        });
        Ok(pin)
    }

    /// Tries a PIN; a right one is used up.
    pub(crate) fn redeem(&mut self, number: Number, pin: u32, now_ms: u64) -> Result<(), Code> {
        self.expire(now_ms);
        let pending = self.pins.get_mut(&number).ok_or(Code::NoPin)?;
        if pending.pin == Some(pin) {
            let serial = pending.serial;
            self.pins.remove(&number);
            // Who proves PINs may ask for more.
            if let Some(issue) = self.issues.get_mut((serial - self.first) as usize) {
                let source = issue.source.take();
                self.forget(source);
            }
            return Ok(());
        }
        let (tries, tried_ms) = pending.tries_at(now_ms);
        pending.tries = tries.saturating_add(1);
        pending.tried_ms = if tries == 0 { now_ms } else { tried_ms };
        if pending.tries >= TRIES_MAX {
            // The entry stays until it expires, so that asking again is no way around the limit.
            pending.pin = None;
        }
        Err(if pending.pin.is_some() {
            Code::BadPin
        } else {
            Code::NoPin
        })
    }

    /// How long a PIN lives, seconds.
    pub(crate) const fn life_s() -> u64 {
        LIFE_MS / 1000
    }

    /// Ends what is older than a life; the memory of tries ends with the number's last PIN at the latest.
    fn expire(&mut self, now_ms: u64) {
        while let Some(&issue) = self.issues.front() {
            if now_ms < issue.made_ms + LIFE_MS && self.issues.len() < 2 * PINS_MAX {
                return;
            }
            self.issues.pop_front();
            if self
                .pins
                .get(&issue.number)
                .is_some_and(|pin| pin.serial == self.first)
            {
                self.pins.remove(&issue.number);
            }
            self.first += 1;
            self.forget(issue.source);
        }
    }

    /// Counts one PIN less for a source.
    fn forget(&mut self, source: Option<Source>) {
        if let Some(source) = source
            && let Entry::Occupied(mut count) = self.sources.entry(source)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Pin {
    /// The wrong tries that still count, and when the first of them was.
    fn tries_at(&self, now_ms: u64) -> (u8, u64) {
        match self.tries {
            tries @ 1.. if now_ms < self.tried_ms + LIFE_MS => (tries, self.tried_ms),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha12Rng;

    use super::*;

    /// From one source, without a bound of its own.
    const HOME: (Source, u64) = (Source::UNKNOWN, u64::MAX);

    fn ann() -> Number {
        Number::new(1).unwrap()
    }

    #[test]
    fn a_pin_holds_once_and_for_its_life() {
        let (mut registrar, mut rng) = (Registrar::default(), ChaCha12Rng::seed_from_u64(1));
        let pin = registrar.issue(ann(), HOME, &mut rng, 0).unwrap();
        assert_eq!(
            registrar.issue(ann(), HOME, &mut rng, PAUSE_MS - 1),
            Err(Code::RateLimited)
        );
        assert_eq!(registrar.redeem(ann(), pin ^ 1, 1), Err(Code::BadPin));
        assert_eq!(registrar.redeem(ann(), pin, 2), Ok(()));
        assert_eq!(registrar.redeem(ann(), pin, 3), Err(Code::NoPin));
        let pin = registrar.issue(ann(), HOME, &mut rng, 10).unwrap();
        assert_eq!(registrar.redeem(ann(), pin, 10 + LIFE_MS), Err(Code::NoPin));
    }

    #[test]
    fn guessing_voids_the_pin() {
        let (mut registrar, mut rng) = (Registrar::default(), ChaCha12Rng::seed_from_u64(1));
        let pin = registrar.issue(ann(), HOME, &mut rng, 0).unwrap();
        for _ in 1..TRIES_MAX {
            assert_eq!(registrar.redeem(ann(), pin ^ 1, 1), Err(Code::BadPin));
        }
        assert_eq!(registrar.redeem(ann(), pin ^ 1, 1), Err(Code::NoPin));
        assert_eq!(registrar.redeem(ann(), pin, 2), Err(Code::NoPin));
    }

    #[test]
    fn another_pin_gives_no_more_tries() {
        let (mut registrar, mut rng) = (Registrar::default(), ChaCha12Rng::seed_from_u64(1));
        let mut pin = registrar.issue(ann(), HOME, &mut rng, 0).unwrap();
        for place in 1..u64::from(TRIES_MAX) {
            let now_ms = place * PAUSE_MS;
            assert_eq!(registrar.redeem(ann(), pin ^ 1, now_ms), Err(Code::BadPin));
            pin = registrar.issue(ann(), HOME, &mut rng, now_ms).unwrap();
        }
        let last_ms = u64::from(TRIES_MAX) * PAUSE_MS;
        assert_eq!(registrar.redeem(ann(), pin ^ 1, last_ms), Err(Code::NoPin));
        assert_eq!(registrar.redeem(ann(), pin, last_ms), Err(Code::NoPin));
        // The first of the tries was a pause after the beginning.
        let forgotten_ms = PAUSE_MS + LIFE_MS;
        for now_ms in [last_ms + PAUSE_MS, forgotten_ms - 1] {
            let refused = registrar.issue(ann(), HOME, &mut rng, now_ms);
            assert_eq!(refused, Err(Code::RateLimited), "at {now_ms}");
        }
        let pin = registrar.issue(ann(), HOME, &mut rng, forgotten_ms).unwrap();
        assert_eq!(registrar.redeem(ann(), pin ^ 1, forgotten_ms), Err(Code::BadPin));
        assert_eq!(registrar.redeem(ann(), pin, forgotten_ms), Ok(()));
    }

    #[test]
    fn a_number_asked_for_again_and_again_counts_for_who_asks() {
        let (mut registrar, mut rng) = (Registrar::default(), ChaCha12Rng::seed_from_u64(1));
        let asked = (0..10)
            .filter(|place| {
                let from = (Source::UNKNOWN, 3);
                registrar.issue(ann(), from, &mut rng, place * PAUSE_MS).is_ok()
            })
            .count();
        assert_eq!(asked, 3);
    }

    #[test]
    fn one_source_cannot_keep_the_others_out() {
        let (mut registrar, mut rng) = (Registrar::default(), ChaCha12Rng::seed_from_u64(1));
        let source = |last| (Source::of([192, 0, 2, last].into()), 3);
        let number = |value| Number::new(value).unwrap();
        let pins: Vec<_> = (1..=3)
            .map(|value| registrar.issue(number(value), source(1), &mut rng, 0).unwrap())
            .collect();
        assert_eq!(
            registrar.issue(number(4), source(1), &mut rng, 0),
            Err(Code::RateLimited)
        );
        assert!(registrar.issue(number(4), source(2), &mut rng, 0).is_ok());
        // One proved and one that expires make room; one that another source has replaced was made all the same.
        registrar.redeem(number(1), pins[0], 1).unwrap();
        registrar.issue(number(2), source(3), &mut rng, PAUSE_MS).unwrap();
        registrar.issue(number(5), source(1), &mut rng, PAUSE_MS).unwrap();
        assert!(registrar.issue(number(7), source(1), &mut rng, PAUSE_MS).is_err());
        assert!(registrar.issue(number(7), source(1), &mut rng, LIFE_MS).is_ok());
        registrar.expire(3 * LIFE_MS);
        assert!(registrar.sources.is_empty() && registrar.pins.is_empty());
    }
}
