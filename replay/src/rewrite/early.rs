//! Values that were said as recorded before the answer that hands them out was come to: told when it is.
//!
//! It does not know what a value is for, and keeps none, only their hashes and when they were said in the recording: 11 MB of them
//! at most. Who says no value that might be handed out later asks for nothing here; as long as nobody does, what is handed out
//! costs one load.
//!
//! What the recorded client had said before it was handed out as well is not early: it had that from before the capture.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::common::Person;
use super::values::CHANCE_MAX_BYTES;

/// The most values that are remembered; beyond, the oldest is forgotten, and counted.
const VALUES_MAX: usize = 1 << 18;

/// What everybody said as recorded that was not handed out yet.
#[derive(Debug, Default)]
pub(crate) struct Early {
    hasher: RandomState,
    is_asked: AtomicBool,
    said: Mutex<Sayings>,
}

/// Whose value it is, under which name, and what: its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(u64);

#[derive(Debug, Default)]
struct Sayings {
    /// When each was said last, in the recording.
    last_ns: HashMap<Key, u64>,
    /// The oldest first; also those that were handed out since.
    order: VecDeque<Key>,
    early: u64,
    forgotten: u64,
}

impl Early {
    /// A value of a person's: under any name, but for one so short that it would only be put in place under the name that it has, if any.
    pub(crate) fn key(&self, person: Person, name: Option<&[u8]>, value: &[u8]) -> Key {
        let name = name.filter(|_| value.len() < CHANCE_MAX_BYTES);
        Key(self.hasher.hash_one((person, name, value)))
    }

    /// Somebody said this as it was recorded, and in the recording `at_ns` after its first packet.
    pub(crate) fn said(&self, key: Key, at_ns: u64) {
        self.is_asked.store(true, Ordering::Relaxed);
        self.sayings().said(key, at_ns);
    }

    /// A recorded server handed a person this value, in the recording `at_ns` after its first packet: if he said it already, in a later
    /// turn of the recording, that was early.
    pub(crate) fn handed_out(&self, person: Person, name: &[u8], value: &[u8], at_ns: u64) {
        if self.is_asked.load(Ordering::Relaxed) {
            // A rule's, which has no colon in its name, is put in place wherever it stands.
            let name = Some(name).filter(|name| name.contains(&b':'));
            let key = self.key(person, name, value);
            self.sayings().handed_out(key, at_ns);
        }
    }

    /// Values of people that were said before they were handed out, each once.
    pub(crate) fn count(&self) -> u64 {
        self.sayings().early
    }

    /// Values that were forgotten before anybody could tell, for want of room.
    pub(crate) fn forgotten(&self) -> u64 {
        self.sayings().forgotten
    }

    fn sayings(&self) -> MutexGuard<'_, Sayings> {
        // Each change is whole, so a thread that died in one left nothing half-done.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sayings {
    fn said(&mut self, key: Key, at_ns: u64) {
        if let Some(last_ns) = self.last_ns.get_mut(&key) {
            *last_ns = at_ns.max(*last_ns);
            return;
        }
        if self.order.len() == VALUES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.forgotten += u64::from(self.last_ns.remove(&oldest).is_some());
        }
        self.order.push_back(key);
        self.last_ns.insert(key, at_ns);
    }

    fn handed_out(&mut self, key: Key, at_ns: u64) {
        // Another answer may hand it out, one that came earlier in the recording: what is not early yet stays.
        if self.last_ns.get(&key).is_some_and(|last_ns| *last_ns > at_ns) {
            self.last_ns.remove(&key);
            self.early += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(clone: u32) -> Person {
        Person {
            client: [10, 0, 0, 1].into(),
            clone,
        }
    }

    fn said(early: &Early, value: &[u8], at_ns: u64) {
        early.said(early.key(person(0), None, value), at_ns);
    }

    #[test]
    fn a_value_said_and_then_handed_out_is_early_once_however_often_it_was_said() {
        let early = Early::default();
        let handed_out = |clone, value: &[u8]| early.handed_out(person(clone), b"token:t", value, 10);
        handed_out(0, b"token-of-1");
        assert_eq!(early.count(), 0, "nobody said it");
        for at_ns in [30, 20, 40] {
            said(&early, b"token-of-1", at_ns);
        }
        said(&early, b"token-of-2", 50);
        assert_eq!(early.count(), 0, "nobody handed it out");
        handed_out(1, b"token-of-1");
        assert_eq!(early.count(), 0, "to another one");
        handed_out(0, b"token-of-1");
        handed_out(0, b"token-of-1");
        assert_eq!((early.count(), early.forgotten()), (1, 0));
    }

    #[test]
    fn what_was_said_first_in_the_recording_too_is_not_early() {
        let early = Early::default();
        said(&early, b"token-of-1", 20);
        let handed_out = |at_ns| early.handed_out(person(0), b"token:t", b"token-of-1", at_ns);
        handed_out(20);
        handed_out(30);
        assert_eq!(early.count(), 0);
        handed_out(10);
        assert_eq!(early.count(), 1, "an answer before those handed it out, too");
    }

    #[test]
    fn a_short_cookie_is_early_under_its_name_alone() {
        let early = Early::default();
        let (sid, long) = (Some(&b"cookie:sid"[..]), b"a long cookie");
        early.said(early.key(person(0), sid, b"1"), 20);
        early.said(early.key(person(0), sid, long), 20);
        early.handed_out(person(0), b"cookie:lang", b"1", 10);
        assert_eq!(early.count(), 0);
        early.handed_out(person(0), b"cookie:sid", b"1", 10);
        assert_eq!(early.count(), 1);
        early.handed_out(person(0), b"token:session", long, 10);
        assert_eq!(early.count(), 2, "it is put in place wherever it stands");
        said(&early, b"7", 20);
        early.handed_out(person(0), b"rule", b"7", 10);
        assert_eq!(early.count(), 3, "so is what a rule learns");
    }

    #[test]
    fn the_oldest_is_forgotten_and_counted_but_not_what_was_told() {
        let early = Early::default();
        let handed_out = |value: usize| early.handed_out(person(0), b"token:t", &value.to_be_bytes(), 10);
        for value in 0..VALUES_MAX + 3 {
            said(&early, &value.to_be_bytes(), 20);
            if value == 0 {
                handed_out(value);
            }
        }
        assert_eq!((early.count(), early.forgotten()), (1, 2));
        handed_out(2);
        assert_eq!(early.count(), 1, "it was forgotten");
        handed_out(3);
        assert_eq!(early.count(), 2);
        let said = early.sayings();
        assert_eq!(
            (said.order.len(), said.last_ns.len()),
            (VALUES_MAX, VALUES_MAX - 1)
        );
    }
}
