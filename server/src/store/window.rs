//! Which message ids of a sender were seen: the highest and a bitmap of the 64 below it.
//!
//! It refuses to know messages. The rule is the anti-replay window of RFC 4303 section 3.4.3, in bounded memory: a
//! sender that was quiet longest is forgotten first.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::record::WindowRecord;
use super::slab::{Linked, NONE, Slab};

/// Ids below the highest that are remembered one by one.
pub const WINDOW_IDS: u64 = 64;

/// What the window says of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not seen before.
    New,
    /// Seen before: absorb it.
    Repeated,
    /// Below the window, so nobody knows: refuse it.
    Stale,
}

/// One sender: 48 bytes, and about 8 in the table.
#[derive(Clone, Copy, Debug)]
struct Sender {
    sender: u64,
    highest: u64,
    bitmap: u64,
    /// The segment (its order in the log) with the last full record of this window.
    recorded: u64,
    last_used_s: u32,
    newer: u32,
    older: u32,
}

impl Linked for Sender {
    const VACANT: Self = Self {
        sender: 0,
        highest: 0,
        bitmap: 0,
        recorded: 0,
        last_used_s: 0,
        newer: NONE,
        older: NONE,
    };

    fn link(&self) -> u32 {
        self.older
    }

    fn set_link(&mut self, slot: u32) {
        self.older = slot;
    }
}

impl Sender {
    fn check(&self, id: u64) -> Seen {
        if id > self.highest {
            return Seen::New;
        }
        match self.highest - id {
            0 => Seen::Repeated,
            below if below > WINDOW_IDS => Seen::Stale,
            below if self.bitmap >> (below - 1) & 1 == 1 => Seen::Repeated,
            _ => Seen::New,
        }
    }

    fn accept(&mut self, id: u64) {
        if id > self.highest {
            let shift = id - self.highest;
            self.bitmap = match shift {
                1..=WINDOW_IDS => self.bitmap.checked_shl(shift as u32).unwrap_or(0) | 1 << (shift - 1),
                _ => 0,
            };
            self.highest = id;
        } else if let below @ 1..=WINDOW_IDS = self.highest - id {
            self.bitmap |= 1 << (below - 1);
        }
    }
}

/// The senders, in the order of their last use.
#[derive(Debug)]
pub(super) struct Windows {
    senders: Slab<Sender>,
    table: HashTable<u32>,
    hasher: RandomState,
    newest: u32,
    oldest: u32,
    age_ms: u64,
    max: usize,
}

impl Windows {
    /// No senders. One that was quiet for `age_ms` may be forgotten; of more than `max` the oldest is.
    pub(super) fn new(age_ms: u64, max: usize) -> Self {
        Self {
            senders: Slab::new(),
            table: HashTable::new(),
            hasher: RandomState::default(),
            newest: NONE,
            oldest: NONE,
            age_ms,
            max: max.max(1),
        }
    }

    /// Makes room in the table for so many senders, of which each is 5 B until it is one.
    ///
    /// A table that grows hashes all it has anew, and looks each up for that: at four million some hundred milliseconds
    /// in which nothing else is done.
    pub(super) fn with_room(mut self, senders: usize) -> Self {
        self.table = HashTable::with_capacity(senders.min(self.max));
        self
    }

    /// Senders that are remembered.
    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }

    /// Memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.senders.bytes() + self.table.allocation_size()
    }

    /// What the sender's window says of `id`. Everything is new from a sender nobody remembers.
    pub(super) fn check(&self, sender: u64, id: u64) -> Seen {
        self.slot(sender)
            .and_then(|slot| self.senders.at(slot))
            .map_or(Seen::New, |known| known.check(id))
    }

    /// The sender's highest id; 0 where nobody remembers one.
    pub(super) fn highest(&self, sender: u64) -> u64 {
        self.slot(sender)
            .and_then(|slot| self.senders.at(slot))
            .map_or(0, |known| known.highest)
    }

    /// Marks `id` as seen, and forgets the sender quiet longest where there are too many.
    pub(super) fn accept(&mut self, sender: u64, id: u64, now_ms: u64) {
        self.mark(sender, id, now_ms);
        while self.len() > self.max {
            self.forget_oldest();
        }
    }

    /// Forgets senders that were quiet too long, at most `most` of them.
    pub(super) fn evict(&mut self, now_ms: u64, most: usize) {
        for _ in 0..most {
            match self.senders.at(self.oldest) {
                Some(known) if self.is_expired(known, now_ms) || self.len() > self.max => {
                    self.forget_oldest()
                }
                _ => break,
            }
        }
    }

    /// The sender's window, if it must be written again because its last full record is not after segment
    /// `collected`.
    pub(super) fn to_record(&self, sender: u64, collected: u64, now_ms: u64) -> Option<WindowRecord> {
        let known = self.slot(sender).and_then(|slot| self.senders.at(slot))?;
        if known.recorded > collected || self.is_expired(known, now_ms) {
            return None;
        }
        Some(WindowRecord {
            sender,
            highest: known.highest,
            bitmap: known.bitmap,
            last_used_ms: u64::from(known.last_used_s) * 1000,
        })
    }

    /// Notes that the sender's window now stands in segment `order`.
    pub(super) fn note_recorded(&mut self, sender: u64, order: u64) {
        if let Some(known) = self.slot(sender).and_then(|slot| self.senders.at_mut(slot)) {
            known.recorded = order;
        }
    }

    /// Takes an id from a recovered message. Nobody is forgotten before [`Self::settle`].
    pub(super) fn recover_id(&mut self, sender: u64, id: u64, time_ms: u64) {
        self.mark(sender, id, time_ms);
    }

    /// Takes a recovered window from segment `recorded`.
    pub(super) fn recover(&mut self, window: &WindowRecord, recorded: u64) {
        self.mark(window.sender, window.highest, window.last_used_ms);
        let Some(known) = self
            .slot(window.sender)
            .and_then(|slot| self.senders.at_mut(slot))
        else {
            return;
        };
        let mut bits = window.bitmap;
        while bits != 0 {
            let below = u64::from(bits.trailing_zeros()) + 1;
            known.accept(window.highest.saturating_sub(below));
            bits &= bits - 1;
        }
        known.recorded = known.recorded.max(recorded);
    }

    /// Puts recovered senders into the order of their last use and forgets those that are too many or too old.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let mut slots: Vec<(u32, u32)> = Vec::with_capacity(self.len());
        let mut slot = self.oldest;
        while let Some(known) = self.senders.at(slot) {
            slots.push((known.last_used_s, slot));
            slot = known.newer;
        }
        slots.sort_unstable();
        (self.oldest, self.newest) = (NONE, NONE);
        for (_, slot) in slots {
            self.link_newest(slot);
        }
        self.evict(now_ms, usize::MAX);
    }

    fn is_expired(&self, known: &Sender, now_ms: u64) -> bool {
        (u64::from(known.last_used_s) * 1000).saturating_add(self.age_ms) < now_ms
    }

    fn mark(&mut self, sender: u64, id: u64, now_ms: u64) {
        // Rounded up, so that nobody is forgotten early.
        let now_s = u32::try_from(now_ms.div_ceil(1000)).unwrap_or(u32::MAX);
        if let Some(slot) = self.slot(sender) {
            if let Some(known) = self.senders.at_mut(slot) {
                known.accept(id);
                known.last_used_s = known.last_used_s.max(now_s);
            }
            if slot != self.newest {
                self.unlink(slot);
                self.link_newest(slot);
            }
            return;
        }
        let fresh = Sender {
            sender,
            highest: id,
            last_used_s: now_s,
            ..Sender::VACANT
        };
        let Some(slot) = self.senders.insert(fresh) else {
            return;
        };
        let Self {
            senders,
            table,
            hasher,
            ..
        } = self;
        table.insert_unique(hasher.hash_one(sender), slot, |slot| {
            hasher.hash_one(senders.at(*slot).map_or(0, |known| known.sender))
        });
        self.link_newest(slot);
    }

    fn slot(&self, sender: u64) -> Option<u32> {
        let is_sender = |slot: &u32| self.senders.at(*slot).is_some_and(|known| known.sender == sender);
        self.table.find(self.hasher.hash_one(sender), is_sender).copied()
    }

    fn forget_oldest(&mut self) {
        let slot = self.oldest;
        let Some(sender) = self.senders.at(slot).map(|known| known.sender) else {
            return;
        };
        self.unlink(slot);
        if let Ok(found) = self
            .table
            .find_entry(self.hasher.hash_one(sender), |other| *other == slot)
        {
            found.remove();
        }
        self.senders.remove(slot);
    }

    fn unlink(&mut self, slot: u32) {
        let Some(Sender { newer, older, .. }) = self.senders.at(slot).copied() else {
            return;
        };
        match self.senders.at_mut(newer) {
            Some(known) => known.older = older,
            None => self.newest = older,
        }
        match self.senders.at_mut(older) {
            Some(known) => known.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link_newest(&mut self, slot: u32) {
        let older = self.newest;
        if let Some(known) = self.senders.at_mut(slot) {
            (known.newer, known.older) = (NONE, older);
        }
        match self.senders.at_mut(older) {
            Some(known) => known.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
    }
}

#[cfg(test)]
mod tests;
