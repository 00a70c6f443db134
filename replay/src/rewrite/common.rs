//! What the sessions of one person were handed out, for that person's other sessions: who logs in on one connection
//! uses the token on the next.
//!
//! It does not know what a value is for. A person is a clone of a recorded client's address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most values of a person; beyond, the oldest is forgotten.
const VALUES_MAX: usize = 64;
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

/// What everybody was handed out.
#[derive(Debug, Default)]
pub(crate) struct Common {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    people: HashMap<Person, Vec<Arc<Shared>>>,
    refused: u64,
}

impl Common {
    /// Notes what a person was handed out.
    pub(crate) fn publish(&self, person: Person, shared: Shared) {
        let mut books = self.books();
        let is_known = books.people.contains_key(&person);
        if !is_known && books.people.len() >= PEOPLE_MAX {
            books.refused += 1;
            return;
        }
        let values = books.people.entry(person).or_default();
        let same = |other: &Arc<Shared>| (&other.name, &other.recorded) == (&shared.name, &shared.recorded);
        match values.iter().position(same) {
            // What was given before stays good until something new is given.
            Some(_) if shared.actual.is_none() => {}
            Some(place) => values[place] = Arc::new(shared),
            None => {
                if values.len() == VALUES_MAX {
                    values.remove(0);
                }
                values.push(Arc::new(shared));
            }
        }
    }

    /// What a person was handed out so far.
    pub(crate) fn of(&self, person: Person) -> Vec<Arc<Shared>> {
        self.books().people.get(&person).cloned().unwrap_or_default()
    }

    /// Values that were not shared for want of room.
    pub(crate) fn refused(&self) -> u64 {
        self.books().refused
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Each change is whole, so a thread that died in one left nothing half-done.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(common.of(person(0)), [Arc::new(shared("r", Some("t")))]);
        assert_eq!(common.of(person(1)), []);
        for turn in 0..100 {
            common.publish(person(1), shared(&turn.to_string(), None));
        }
        assert_eq!(common.of(person(1)).len(), VALUES_MAX);
        assert_eq!(common.refused(), 0);
    }
}
