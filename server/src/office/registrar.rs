//! PINs under way: who asked for one, what it is, how often it was tried.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rand::RngExt as _;
use wire::chat::{Code, Number, PIN_DIGITS};

use crate::source::Source;

/// PINs under way at once; beyond, asking for one is answered as busy until the oldest expires. One source has a bound of
/// its own, the knob `pins_a_source`, so that it takes many to keep everybody else out.
const PINS_MAX: usize = 100_000;
/// A PIN's life.
const LIFE_MS: u64 = 10 * 60 * 1000;
/// Wrong tries before a PIN is void: six digits and five tries leave a guesser one chance in 200,000.
const TRIES_MAX: u8 = 5;
/// A number gets a new PIN this often at most.
const PAUSE_MS: u64 = 20 * 1000;

/// PINs, bounded in number, time and tries, and in number a source.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    pins: HashMap<Number, Pin, FixedState>,
    order: VecDeque<(u64, Number)>,
    /// How many of the PINs each source has asked for; none has an entry without one.
    sources: HashMap<Source, u32, FixedState>,
}

#[derive(Clone, Copy, Debug)]
struct Pin {
    /// `None` once it was tried too often.
    pin: Option<u32>,
    made_ms: u64,
    tries: u8,
    source: Source,
}

impl Registrar {
    /// Makes a PIN for a number, asked for by a source that may have so many.
    pub(crate) fn issue(
        &mut self,
        number: Number,
        (source, most): (Source, u64),
        rng: &mut impl rand::Rng,
        now_ms: u64,
    ) -> Result<u32, Code> {
        self.expire(now_ms);
        if self
            .pins
            .get(&number)
            .is_some_and(|pin| now_ms < pin.made_ms + PAUSE_MS)
        {
            return Err(Code::RateLimited);
        }
        // An older PIN of the number makes room for the new one.
        let older = self.pins.get(&number).map(|pin| pin.source);
        let theirs = self.sources.get(&source).copied().unwrap_or(0) - u32::from(older == Some(source));
        if u64::from(theirs) >= most {
            return Err(Code::RateLimited);
        }
        if older.is_none() && self.pins.len() >= PINS_MAX {
            return Err(Code::Busy);
        }
        self.remove(number);
        let pin = rng.random_range(0..10u32.pow(PIN_DIGITS));
        self.pins.insert(
            number,
            Pin {
                pin: Some(pin),
                made_ms: now_ms,
                tries: 0,
                source,
            },
        );
        *self.sources.entry(source).or_insert(0) += 1;
        self.order.push_back((now_ms, number));
        Ok(pin)
    }

    /// Tries a PIN; a right one is used up.
    pub(crate) fn redeem(&mut self, number: Number, pin: u32, now_ms: u64) -> Result<(), Code> {
        self.expire(now_ms);
        let pending = self.pins.get_mut(&number).ok_or(Code::NoPin)?;
        if pending.pin == Some(pin) {
            self.remove(number);
            return Ok(());
        }
        pending.tries += 1;
        if pending.tries >= TRIES_MAX {
            // The entry stays until it expires, so that asking again at once is no way around the limit.
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

    fn expire(&mut self, now_ms: u64) {
        while let Some(&(made_ms, number)) = self.order.front() {
            if now_ms < made_ms + LIFE_MS && self.order.len() < 2 * PINS_MAX {
                return;
            }
            self.order.pop_front();
            if self.pins.get(&number).is_some_and(|pin| pin.made_ms == made_ms) {
                self.remove(number);
            }
        }
    }

    fn remove(&mut self, number: Number) {
        let Some(pin) = self.pins.remove(&number) else {
            return;
        };
        if let Entry::Occupied(mut count) = self.sources.entry(pin.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
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
        // One proved, one asked for again elsewhere, one that expires: each makes room.
        registrar.redeem(number(1), pins[0], 1).unwrap();
        registrar.issue(number(2), source(3), &mut rng, PAUSE_MS).unwrap();
        for value in 5..=6 {
            registrar
                .issue(number(value), source(1), &mut rng, PAUSE_MS)
                .unwrap();
        }
        assert!(registrar.issue(number(7), source(1), &mut rng, PAUSE_MS).is_err());
        assert!(registrar.issue(number(7), source(1), &mut rng, LIFE_MS).is_ok());
        registrar.expire(3 * LIFE_MS);
        assert!(registrar.sources.is_empty() && registrar.pins.is_empty());
    }
}
