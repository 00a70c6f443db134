//! Values that servers hand out: what the recorded one gave, beside what the target gives.
//!
//! It does not know where they stand in an answer. The first that the recorded server gave under a name in an answer belongs to the
//! first that the target gives under it in its own, the second to the second, and so on.

mod turns;

use std::sync::Arc;

use super::common::{Purse, Shared};

/// The most pairs that a session remembers; beyond, the oldest is forgotten.
const PAIRS_MAX: usize = 64;
/// Shorter values may stand in a request by chance.
pub(super) const CHANCE_MAX_BYTES: usize = 8;
/// The longest value that is remembered.
const VALUE_MAX_BYTES: usize = 8 * 1024;

/// What was handed out in a session; nothing is kept for one that was given nothing.
#[derive(Debug, Default)]
pub(super) struct Values {
    pairs: Vec<Pair>,
    /// Which answer each server is in, by [`Giver`].
    turns: [u32; 2],
    /// What the same person's sessions were handed out, while something is said.
    shared: Option<Arc<Purse>>,
}

/// Which server said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver {
    /// The recorded one.
    Recorded,
    /// The target.
    Target,
}

#[derive(Debug)]
struct Pair {
    /// Of which answer.
    turn: u32,
    name: Box<[u8]>,
    recorded: Option<Box<[u8]>>,
    actual: Option<Box<[u8]>>,
}

/// What a recorded value is at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// Nobody handed it out here.
    Stranger,
    /// The target has not given its own yet.
    Awaited,
    /// This.
    Given(&'a [u8]),
}

impl Giver {
    pub(crate) const BOTH: [Self; 2] = [Self::Recorded, Self::Target];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Recorded => Self::Target,
            Self::Target => Self::Recorded,
        }
    }
}

impl Values {
    /// Whether nothing was handed out.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.shared.is_none()
    }

    /// Puts what the same person's sessions were handed out behind this one's own.
    pub(super) fn share(&mut self, shared: Option<Arc<Purse>>) {
        self.shared = shared;
    }

    /// A server gave a value under a name; what that adds to what was known, if the recorded value of it is.
    pub(super) fn learn(&mut self, giver: Giver, name: &[u8], value: &[u8]) -> Option<Shared> {
        if value.is_empty() || value.len() > VALUE_MAX_BYTES {
            return None;
        }
        let turn = self.turn(giver);
        let fits = |pair: &Pair| pair.turn == turn && *pair.name == *name && pair.side(giver).is_none();
        let open = self.pairs.iter().position(fits);
        let place = match open {
            Some(place) => place,
            None => {
                if self.pairs.len() == PAIRS_MAX {
                    self.pairs.remove(0);
                }
                self.pairs.push(Pair {
                    turn,
                    name: name.into(),
                    recorded: None,
                    actual: None,
                });
                self.pairs.len() - 1
            }
        };
        let pair = &mut self.pairs[place];
        match giver {
            Giver::Recorded => pair.recorded = Some(value.into()),
            Giver::Target => pair.actual = Some(value.into()),
        }
        let news = pair.recorded.as_ref().map(|recorded| Shared {
            name: pair.name.clone(),
            recorded: recorded.clone(),
            actual: pair.actual.clone(),
        });
        match self.forgets_repeat(place) {
            true => None,
            false => news,
        }
    }

    /// Drops a pair that says what an earlier one says: a server that repeats itself in each answer costs nothing.
    fn forgets_repeat(&mut self, place: usize) -> bool {
        let (before, pair) = (&self.pairs[..place], &self.pairs[place]);
        let whole = pair.recorded.is_some() && pair.actual.is_some();
        let same = |other: &Pair| {
            (&other.name, &other.recorded, &other.actual) == (&pair.name, &pair.recorded, &pair.actual)
        };
        let repeats = whole && before.iter().any(same);
        if repeats {
            self.pairs.remove(place);
        }
        repeats
    }

    /// What a recorded value is at the target, under any name or under one.
    pub(super) fn known(&self, name: Option<&[u8]>, recorded: &[u8]) -> Known<'_> {
        let mut known = Known::Stranger;
        let fits = |pair: &&Pair| {
            name.is_none_or(|name| *pair.name == *name) && pair.recorded.as_deref() == Some(recorded)
        };
        for pair in self.pairs.iter().rev().filter(fits) {
            match &pair.actual {
                Some(value) => return Known::Given(value),
                None => known = Known::Awaited,
            }
        }
        if known == Known::Awaited {
            return known;
        }
        let fits = |shared: &&Arc<Shared>| {
            name.is_none_or(|name| *shared.name == *name) && *shared.recorded == *recorded
        };
        match self.shared().rev().find(fits) {
            None => Known::Stranger,
            Some(shared) => shared.actual.as_deref().map_or(Known::Awaited, Known::Given),
        }
    }

    fn shared(&self) -> impl DoubleEndedIterator<Item = &Arc<Shared>> {
        self.shared.iter().flat_map(|purse| purse.iter())
    }

    /// The newest that the target gave under a name.
    pub(super) fn newest(&self, name: &[u8]) -> Option<&[u8]> {
        let named = self.pairs.iter().rev().filter(|pair| *pair.name == *name);
        named.filter_map(|pair| pair.actual.as_deref()).next()
    }

    /// The recorded values that are looked for in all that the client says: a rule's, and of those that no rule asked
    /// for (they have a colon in their name) the ones that stand nowhere by chance.
    pub(super) fn recorded(&self) -> impl Iterator<Item = &[u8]> {
        let own = self
            .pairs
            .iter()
            .filter_map(|pair| Some((&pair.name, pair.recorded.as_ref()?)));
        let shared = self.shared().map(|shared| (&shared.name, &shared.recorded));
        own.chain(shared)
            .filter(|(name, value)| !name.contains(&b':') || value.len() >= CHANCE_MAX_BYTES)
            .map(|(_, value)| &**value)
    }

    /// The length of the first recorded value under a name that the target has not answered to yet.
    pub(super) fn awaited_bytes(&self, name: &[u8]) -> Option<usize> {
        let mut awaited = self
            .pairs
            .iter()
            .filter(|pair| *pair.name == *name && pair.actual.is_none());
        awaited.find_map(|pair| pair.recorded.as_deref()).map(<[u8]>::len)
    }
}

impl Pair {
    fn side(&self, giver: Giver) -> Option<&[u8]> {
        match giver {
            Giver::Recorded => self.recorded.as_deref(),
            Giver::Target => self.actual.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_pair_by_name_and_turn_whoever_speaks_first() {
        let mut values = Values::default();
        values.learn(Giver::Recorded, b"sid", b"r1");
        assert_eq!(values.known(None, b"r1"), Known::Awaited);
        values.learn(Giver::Target, b"sid", b"t1");
        values.learn(Giver::Target, b"sid", b"t2");
        values.learn(Giver::Recorded, b"sid", b"r2");
        assert_eq!(values.known(None, b"r1"), Known::Given(b"t1"));
        assert_eq!(values.known(Some(b"sid"), b"r2"), Known::Given(b"t2"));
        assert_eq!(values.known(Some(b"other"), b"r2"), Known::Stranger);
        assert_eq!(values.newest(b"sid"), Some(&b"t2"[..]));
    }

    #[test]
    fn repeats_cost_nothing_and_the_oldest_is_forgotten() {
        let mut values = Values::default();
        for _ in 0..1000 {
            values.learn(Giver::Recorded, b"sid", b"r");
            values.learn(Giver::Target, b"sid", b"t");
        }
        assert_eq!(values.pairs.len(), 1);
        for turn in 0..1000 {
            values.learn(Giver::Recorded, b"sid", format!("r{turn}").as_bytes());
        }
        assert_eq!(values.pairs.len(), PAIRS_MAX);
        assert_eq!(values.known(None, b"r999"), Known::Awaited);
        assert_eq!(values.known(None, b"r1"), Known::Stranger);
    }
}
