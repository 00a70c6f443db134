//! What the sessions of one person were handed out, for that person's other sessions: who logs in on one connection
//! uses the token on the next.
//!
//! It does not know what a value is for. A person is a clone of a recorded client's address: behind a load balancer all visitors are
//! one, so there is room for some thousand values of each. A value costs its bytes and about 150 more; asking for all of a person's
//! costs one lock and no copy.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most values of a person; beyond, the oldest is forgotten, and counted.
const VALUES_MAX: usize = 4096;
/// The most bytes of a person's values.
const PERSON_MAX_BYTES: u64 = 4 << 20;
/// The most bytes of everybody's values; who has others then forgets the oldest of his own, who has none shares nothing.
const ALL_MAX_BYTES: u64 = 1 << 30;
/// What keeping a value costs beside its bytes.
const KEEPING_BYTES: u64 = 150;
/// The most people; those who come later share nothing, and are counted.
const PEOPLE_MAX: usize = 1 << 20;

/// A clone of whoever had this address in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    pub(crate) client: IpAddr,
    pub(crate) clone: u32,
}

/// A value that a recorded server gave, and what the target gave in its place, if it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) name: Box<[u8]>,
    pub(crate) recorded: Box<[u8]>,
    pub(crate) actual: Option<Box<[u8]>>,
}

/// A person's values, the oldest first.
pub(crate) type Purse = VecDeque<Arc<Shared>>;

/// What everybody was handed out.
#[derive(Debug, Default)]
pub(crate) struct Common {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    people: HashMap<Person, Owned>,
    /// Which of a person's values a recorded one is, counted from the first he ever had, by the hash of both.
    places: HashMap<u64, u64>,
    hasher: RandomState,
    bytes: u64,
    refused: u64,
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Owned {
    /// Copied only where a value comes while somebody looks.
    purse: Arc<Purse>,
    forgotten: u64,
    bytes: u64,
}

impl Common {
    /// Notes what a person was handed out.
    pub(crate) fn publish(&self, person: Person, shared: Shared) {
        self.books().publish(person, shared);
    }

    /// What a person was handed out so far.
    pub(crate) fn of(&self, person: Person) -> Option<Arc<Purse>> {
        self.books()
            .people
            .get(&person)
            .map(|owned| Arc::clone(&owned.purse))
    }

    /// Values that were not shared for want of room.
    pub(crate) fn refused(&self) -> u64 {
        self.books().refused
    }

    /// Values that were shared, and forgotten for newer ones of the same person.
    pub(crate) fn forgotten(&self) -> u64 {
        self.books().forgotten
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Each change is whole, so a thread that died in one left nothing half-done.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn publish(&mut self, person: Person, shared: Shared) {
        let is_known = self.people.contains_key(&person);
        if !is_known && (self.people.len() >= PEOPLE_MAX || self.bytes + shared.bytes() > ALL_MAX_BYTES) {
            self.refused += 1;
            return;
        }
        let key = self.key(person, &shared);
        let owned = self.people.entry(person).or_default();
        let place = self.places.get(&key).copied().unwrap_or(u64::MAX);
        let place = usize::try_from(place.wrapping_sub(owned.forgotten)).unwrap_or(usize::MAX);
        match owned.purse.get(place) {
            // Not a value of another hash-fellow's.
            Some(old) if old.name == shared.name && old.recorded == shared.recorded => {
                // What was given before stays good until something new is given.
                if shared.actual.is_some() {
                    let (less, more) = (old.bytes(), shared.bytes());
                    Arc::make_mut(&mut owned.purse)[place] = Arc::new(shared);
                    (owned.bytes, self.bytes) = (owned.bytes - less + more, self.bytes - less + more);
                }
            }
            _ => {
                self.places
                    .insert(key, owned.forgotten + owned.purse.len() as u64);
                (owned.bytes, self.bytes) = (owned.bytes + shared.bytes(), self.bytes + shared.bytes());
                Arc::make_mut(&mut owned.purse).push_back(Arc::new(shared));
            }
        }
        self.shrink(person);
    }

    /// Forgets the oldest of a person's values until there is room for the others; the newest stays.
    fn shrink(&mut self, person: Person) {
        while let Some(owned) = self.people.get_mut(&person)
            && owned.purse.len() > 1
            && (owned.purse.len() > VALUES_MAX
                || owned.bytes > PERSON_MAX_BYTES
                || self.bytes > ALL_MAX_BYTES)
        {
            let Some(old) = Arc::make_mut(&mut owned.purse).pop_front() else {
                return;
            };
            owned.forgotten += 1;
            (owned.bytes, self.bytes) = (owned.bytes - old.bytes(), self.bytes - old.bytes());
            self.forgotten += 1;
            let key = self.key(person, &old);
            self.places.remove(&key);
        }
    }

    fn key(&self, person: Person, shared: &Shared) -> u64 {
        self.hasher.hash_one((person, &shared.name, &shared.recorded))
    }
}

impl Shared {
    /// What keeping it costs.
    fn bytes(&self) -> u64 {
        let actual = self.actual.as_ref().map_or(0, |actual| actual.len());
        KEEPING_BYTES + (self.name.len() + self.recorded.len() + actual) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(recorded: &str, actual: Option<&str>) -> Shared {
        Shared {
            name: b"n".as_slice().into(),
            recorded: recorded.as_bytes().into(),
            actual: actual.map(|actual| actual.as_bytes().into()),
        }
    }

    fn all(common: &Common, person: Person) -> Vec<Shared> {
        let purse = common.of(person).unwrap();
        purse.iter().map(|shared| Shared::clone(shared)).collect()
    }

    #[test]
    fn a_person_has_what_was_given_last_and_others_have_nothing_of_it() {
        let common = Common::default();
        let person = |clone| Person {
            client: "10.0.0.1".parse().unwrap(),
            clone,
        };
        common.publish(person(0), shared("r", None));
        common.publish(person(0), shared("r", Some("t")));
        common.publish(person(0), shared("r", None));
        assert_eq!(all(&common, person(0)), [shared("r", Some("t"))]);
        assert_eq!(common.of(person(1)), None);
        assert_eq!((common.refused(), common.forgotten()), (0, 0));
    }

    #[test]
    fn a_person_has_thousands_of_values_and_what_is_forgotten_is_counted() {
        let common = Common::default();
        let person = Person {
            client: "10.0.0.1".parse().unwrap(),
            clone: 0,
        };
        for turn in 0..VALUES_MAX + 100 {
            common.publish(person, shared(&turn.to_string(), None));
            common.publish(person, shared(&turn.to_string(), Some("t")));
        }
        let kept = all(&common, person);
        assert_eq!((kept.len(), common.forgotten()), (VALUES_MAX, 100));
        assert_eq!(kept[0], shared("100", Some("t")));
        // Who comes again after he was forgotten is the newest.
        common.publish(person, shared("7", None));
        assert_eq!(all(&common, person).last(), Some(&shared("7", None)));
        let long = "x".repeat(PERSON_MAX_BYTES as usize / 2);
        for turn in 0..3 {
            common.publish(person, shared(&format!("{turn}{long}"), None));
        }
        assert_eq!(all(&common, person).len(), 1);
        assert_eq!(common.forgotten(), VALUES_MAX as u64 + 103);
        let books = common.books();
        assert_eq!(
            (books.places.len(), books.people[&person].bytes),
            (1, books.bytes)
        );
    }
}
