//! Connections in the order of time, as a list through their slots.
//!
//! It does not know what they are in order of: who puts one at the end says so.

use super::table::Slot;

/// No slot.
pub(super) const NOBODY: Slot = Slot::MAX;

/// A slot's neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) older: Slot,
    pub(super) newer: Slot,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            older: NOBODY,
            newer: NOBODY,
        }
    }
}

/// Where the links of slots are found.
pub(super) trait Linked {
    fn links(&mut self, slot: Slot) -> &mut Links;
}

/// The ends of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    oldest: Slot,
    newest: Slot,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            oldest: NOBODY,
            newest: NOBODY,
        }
    }
}

impl Order {
    pub(super) fn oldest(self) -> Option<Slot> {
        (self.oldest != NOBODY).then_some(self.oldest)
    }

    /// Puts a slot that is in no list at the end of this one.
    pub(super) fn push(&mut self, slot: Slot, slots: &mut impl Linked) {
        *slots.links(slot) = Links {
            older: self.newest,
            newer: NOBODY,
        };
        if self.newest == NOBODY {
            self.oldest = slot;
        } else {
            slots.links(self.newest).newer = slot;
        }
        self.newest = slot;
    }

    /// Takes a slot out of this list.
    pub(super) fn remove(&mut self, slot: Slot, slots: &mut impl Linked) {
        let Links { older, newer } = std::mem::take(slots.links(slot));
        if older == NOBODY {
            self.oldest = newer;
        } else {
            slots.links(older).newer = newer;
        }
        if newer == NOBODY {
            self.newest = older;
        } else {
            slots.links(newer).older = older;
        }
    }
}
