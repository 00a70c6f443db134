//! What chat's people were given at the target: keys, by number, and the PINs that prove who they are.
//!
//! It does not know who asks; it is shared by all sessions, and wakes nobody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use loadgen::pins::Pins;
use wire::chat::{Key, Number};

/// The most keys, some 50 B each; those of later numbers are not kept.
const KEYS_MAX: usize = 1 << 21;

/// Keys and PINs.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    keys: Mutex<HashMap<Number, Key>>,
    pins: Option<Pins>,
}

impl Accounts {
    /// Accounts whose PINs can be had.
    pub(crate) fn with_pins(pins: Pins) -> Self {
        Self {
            pins: Some(pins),
            ..Self::default()
        }
    }

    /// The target gave a number its key.
    pub(crate) fn keep(&self, number: Number, key: Key) {
        let mut keys = self.keys();
        if keys.len() < KEYS_MAX || keys.contains_key(&number) {
            keys.insert(number, key);
        }
    }

    /// A number's key, if the target gave one.
    pub(crate) fn key(&self, number: Number) -> Option<Key> {
        self.keys().get(&number).copied()
    }

    /// How many numbers have a key.
    pub(crate) fn count(&self) -> u64 {
        self.keys().len() as u64
    }

    /// Whether PINs can be had at all.
    pub(crate) fn has_pins(&self) -> bool {
        self.pins.is_some()
    }

    /// A number's PIN, once it has come; it is handed out once.
    pub(crate) fn take_pin(&self, number: Number) -> Option<u32> {
        self.pins.as_ref()?.take(number)?.parse().ok()
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Number, Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
