//! Which answer each server is in, and what becomes of values that only one of them gave.
//!
//! It does not know where an answer begins or ends.

use std::ops::Range;

use super::super::common::Shared;
use super::super::http::lesson::is_cookie;
use super::{Giver, Pair, Values};

impl Values {
    /// The number of the answer that a server is in, from 0.
    pub(in crate::rewrite) fn turn(&self, giver: Giver) -> u32 {
        self.turns[giver as usize]
    }

    /// A server is in the answer of that number now. How many values could not be learned of those that both are past: the
    /// target's where the recorded answer is `lost`, and those for which another is taken.
    ///
    /// What the recorded server gave there and the target did not is the newest that the target gave under the name; `news` is
    /// told. For a cookie that is no guess: who is given no other keeps what he has.
    pub(in crate::rewrite) fn turn_to(
        &mut self,
        giver: Giver,
        turn: u32,
        lost: &Range<u32>,
        mut news: impl FnMut(Shared),
    ) -> u32 {
        let before = self.past();
        self.turns[giver as usize] = turn;
        let past = before..self.past();
        if past.is_empty() || self.pairs.is_empty() {
            return 0;
        }
        let mut unlearned = 0;
        // From behind: one that repeats another is dropped.
        for place in (0..self.pairs.len()).rev() {
            if let Some(shared) = self.settled(place, past.end)
                && !self.forgets_repeat(place)
            {
                unlearned += u32::from(!is_cookie(&shared.name));
                news(shared);
            }
        }
        let lacks =
            |pair: &&Pair| pair.recorded.is_none() && past.contains(&pair.turn) && lost.contains(&pair.turn);
        unlearned += self.pairs.iter().filter(lacks).count() as u32;
        self.forget(|pair| pair.recorded.is_none() && pair.turn < past.end);
        unlearned
    }

    /// The recording lacks values: what only one server gave so far finds no other any more. How many these were.
    pub(in crate::rewrite) fn cut(&mut self) -> u32 {
        let turn = self.past();
        let is_open = |pair: &Pair| pair.recorded.is_none() || pair.actual.is_none();
        let is_new = |pair: &&Pair| pair.turn == turn && is_open(pair);
        let unlearned = self.pairs.iter().filter(is_new).count() as u32;
        self.forget(is_open);
        self.turns = [turn.saturating_add(1); 2];
        unlearned
    }

    /// How many answers both are past.
    fn past(&self) -> u32 {
        self.turns[0].min(self.turns[1])
    }

    /// Gives a recorded value of the answers before `end` that has none the newest under its name.
    fn settled(&mut self, place: usize, end: u32) -> Option<Shared> {
        let pair = self.pairs.get(place)?;
        if pair.turn >= end || pair.actual.is_some() {
            return None;
        }
        let actual: Box<[u8]> = self.newest(&pair.name)?.into();
        let shared = Shared {
            name: pair.name.clone(),
            recorded: pair.recorded.clone()?,
            actual: Some(actual.clone()),
        };
        self.pairs[place].actual = Some(actual);
        Some(shared)
    }

    /// Forgets those, but for the newest that the target gave under a name.
    fn forget(&mut self, is_needless: impl Fn(&Pair) -> bool) {
        for place in (0..self.pairs.len()).rev() {
            let pair = &self.pairs[place];
            let later = |other: &Pair| other.name == pair.name && other.actual.is_some();
            let is_newest = pair.actual.is_some() && !self.pairs[place + 1..].iter().any(later);
            if is_needless(pair) && !is_newest {
                self.pairs.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Known;
    use super::*;

    const NONE: Range<u32> = 0..0;

    fn give(values: &mut Values, giver: Giver, given: &[&str], lost: &Range<u32>) -> u32 {
        for value in given {
            values.learn(giver, b"cookie:sid", value.as_bytes());
        }
        values.turn_to(giver, values.turn(giver) + 1, lost, |_| {})
    }

    #[test]
    fn a_value_more_or_fewer_shifts_none_of_those_of_later_answers() {
        let mut values = Values::default();
        give(&mut values, Giver::Target, &["t1", "more"], &NONE);
        give(&mut values, Giver::Target, &[], &NONE);
        give(&mut values, Giver::Target, &["t3"], &NONE);
        for given in ["r1", "r2", "r3"] {
            assert_eq!(give(&mut values, Giver::Recorded, &[given], &NONE), 0);
        }
        assert_eq!(values.known(None, b"r1"), Known::Given(b"t1"));
        assert_eq!(values.known(None, b"r3"), Known::Given(b"t3"));
        assert!(matches!(values.known(None, b"r2"), Known::Given(_)));
        assert_eq!(values.pairs.len(), 3);
    }

    #[test]
    fn what_a_lost_answer_would_have_had_a_like_of_is_counted_once() {
        let mut values = Values::default();
        give(&mut values, Giver::Target, &["t1"], &NONE);
        assert_eq!(give(&mut values, Giver::Recorded, &[], &(0..1)), 1);
        assert_eq!(give(&mut values, Giver::Recorded, &["r2"], &(0..1)), 0);
        assert_eq!(values.known(None, b"r2"), Known::Awaited);
        assert_eq!(give(&mut values, Giver::Target, &["t2"], &(0..1)), 0);
        assert_eq!(values.known(None, b"r2"), Known::Given(b"t2"));
    }

    #[test]
    fn who_is_given_no_other_cookie_keeps_his_and_of_a_token_that_is_a_guess() {
        let mut values = Values::default();
        values.learn(Giver::Target, b"token:token", b"a token");
        give(&mut values, Giver::Target, &["a cookie"], &NONE);
        give(&mut values, Giver::Recorded, &[], &NONE);
        values.learn(Giver::Recorded, b"token:token", b"recorded token");
        give(&mut values, Giver::Recorded, &["recorded cookie"], &NONE);
        assert_eq!(values.known(None, b"recorded token"), Known::Awaited);
        assert_eq!(give(&mut values, Giver::Target, &[], &NONE), 1, "the guess");
        assert_eq!(values.known(None, b"recorded token"), Known::Given(b"a token"));
        assert_eq!(values.known(None, b"recorded cookie"), Known::Given(b"a cookie"));
        give(&mut values, Giver::Recorded, &[], &NONE);
        assert_eq!(give(&mut values, Giver::Target, &[], &NONE), 0);
    }

    #[test]
    fn a_server_that_repeats_itself_alone_costs_nothing() {
        let mut values = Values::default();
        give(&mut values, Giver::Target, &["t"], &NONE);
        for _ in 0..1000 {
            give(&mut values, Giver::Recorded, &["r"], &NONE);
            give(&mut values, Giver::Target, &[], &NONE);
        }
        assert!(values.pairs.len() <= 2, "{}", values.pairs.len());
    }
}
