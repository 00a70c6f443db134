//! Who waits for what: the mailboxes, in memory.
//!
//! It refuses to know bodies and files; it keeps where they are. A user without waiting items costs nothing.

mod entry;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry as MapEntry;

use super::slab::{NONE, Slab};

pub(super) use entry::{Entry, NewEntry, Place, SEGMENT_BYTES_MAX};

/// A mailbox that is not empty.
#[derive(Clone, Copy, Debug)]
struct Mailbox {
    sent_through: u64,
    head: u32,
    tail: u32,
    count: u32,
    /// The item read last, so that reading on does not walk the list again.
    read: u32,
    in_flight: u16,
}

/// All mailboxes and their items.
#[derive(Debug)]
pub(super) struct Index {
    entries: Slab<Entry>,
    mailboxes: HashMap<u64, Mailbox, RandomState>,
    /// How many mailboxes have each length, which gives the longest without a walk.
    lengths: Vec<u32>,
    longest: usize,
    ticks: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            entries: Slab::new(),
            mailboxes: HashMap::default(),
            lengths: vec![0],
            longest: 0,
            ticks: 0,
        }
    }

    /// Items in all mailboxes.
    pub(super) fn items(&self) -> usize {
        self.entries.len()
    }

    /// Those of the items that are second ticks.
    pub(super) fn ticks(&self) -> usize {
        self.ticks
    }

    /// Mailboxes that are not empty.
    pub(super) fn mailboxes(&self) -> usize {
        self.mailboxes.len()
    }

    /// Items in the longest mailbox.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.bytes() + self.mailboxes.allocation_size() + self.lengths.capacity() * size_of::<u32>()
    }

    /// Items in one mailbox.
    pub(super) fn len(&self, to: u64) -> usize {
        self.mailboxes
            .get(&to)
            .map_or(0, |mailbox| mailbox.count as usize)
    }

    /// Appends an item. Sequence numbers within a mailbox only grow. `None` once 2³² items wait.
    pub(super) fn push(&mut self, to: u64, new: &NewEntry) -> Option<u32> {
        let slot = self.entries.insert(Entry::new(new))?;
        self.ticks += usize::from(new.tick);
        let count = match self.mailboxes.entry(to) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Mailbox {
                    sent_through: 0,
                    head: slot,
                    tail: slot,
                    count: 1,
                    read: NONE,
                    in_flight: 0,
                });
                1
            }
            MapEntry::Occupied(occupied) => {
                let mailbox = occupied.into_mut();
                if let Some(tail) = self.entries.at_mut(mailbox.tail) {
                    tail.next = slot;
                }
                mailbox.tail = slot;
                mailbox.count += 1;
                mailbox.count as usize
            }
        };
        self.count_length(count - 1, count);
        Some(slot)
    }

    /// Takes the items of `to` with a sequence of at most `through` out, oldest first. Returns the last one's sequence.
    pub(super) fn pop_through(
        &mut self,
        to: u64,
        through: u64,
        mut popped: impl FnMut(&Entry),
    ) -> Option<u64> {
        let mailbox = self.mailboxes.get_mut(&to)?;
        let before = mailbox.count as usize;
        let mut last = None;
        while let Some(entry) = self.entries.at(mailbox.head).copied() {
            if mailbox.count == 0 || entry.seq() > through {
                break;
            }
            if mailbox.read == mailbox.head {
                mailbox.read = NONE;
            }
            self.entries.remove(mailbox.head);
            mailbox.head = entry.next;
            mailbox.count -= 1;
            last = Some(entry.seq());
            self.ticks -= usize::from(entry.is_tick());
            popped(&entry);
        }
        let after = mailbox.count as usize;
        if after == 0 {
            self.mailboxes.remove(&to);
        }
        if before != after {
            self.count_length(before, after);
        }
        last
    }

    /// Takes the first item of `to` with a sequence above `after` out, wherever it stands in the mailbox.
    pub(super) fn take_next(&mut self, to: u64, after: u64) -> Option<Entry> {
        let mailbox = self.mailboxes.get_mut(&to)?;
        let (mut before, mut slot) = (NONE, mailbox.head);
        let mut left = mailbox.count as usize;
        let entry = loop {
            let entry = *self.entries.at(slot).filter(|_| left > 0)?;
            if entry.seq() > after {
                break entry;
            }
            (before, slot, left) = (slot, entry.next, left - 1);
        };
        match self.entries.at_mut(before) {
            Some(earlier) => earlier.next = entry.next,
            None => mailbox.head = entry.next,
        }
        if mailbox.tail == slot {
            mailbox.tail = before;
        }
        mailbox.read = NONE;
        mailbox.count -= 1;
        let count = mailbox.count as usize;
        if count == 0 {
            self.mailboxes.remove(&to);
        }
        self.entries.remove(slot);
        self.ticks -= usize::from(entry.is_tick());
        self.count_length(count + 1, count);
        Some(entry)
    }

    /// The first item of `to` with a sequence above `after`. Constant time when `after` is the item read before.
    pub(super) fn next(&mut self, to: u64, after: u64) -> Option<Entry> {
        let mailbox = self.mailboxes.get_mut(&to)?;
        let mut slot = match self.entries.at(mailbox.read) {
            Some(read) if read.seq() == after => read.next,
            _ => mailbox.head,
        };
        while let Some(entry) = self.entries.at(slot) {
            if entry.seq() > after {
                mailbox.read = slot;
                return Some(*entry);
            }
            slot = entry.next;
        }
        None
    }

    /// Whether `slot` holds the item with this sequence at this place.
    pub(super) fn is_at(&self, slot: u32, seq: u64, segment: u16, offset: u32) -> bool {
        self.entries.at(slot).is_some_and(|entry| {
            let place = entry.place();
            entry.seq() == seq && place.segment == segment && place.offset == offset
        })
    }

    /// Tells an item that its record has moved.
    pub(super) fn relocate(&mut self, slot: u32, place: Place) {
        if let Some(entry) = self.entries.at_mut(slot) {
            entry.set_place(place);
        }
    }

    /// The highest sequence that was sent to `to`, and how many sent items are unacknowledged.
    pub(super) fn sent(&self, to: u64) -> (u64, u16) {
        self.mailboxes
            .get(&to)
            .map_or((0, 0), |mailbox| (mailbox.sent_through, mailbox.in_flight))
    }

    /// Notes what was sent; false where the mailbox is empty, so that nothing is kept.
    pub(super) fn set_sent(&mut self, to: u64, sent_through: u64, in_flight: u16) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(&to) else {
            return false;
        };
        mailbox.sent_through = sent_through;
        mailbox.in_flight = in_flight;
        true
    }

    fn count_length(&mut self, before: usize, after: usize) {
        if after >= self.lengths.len() {
            self.lengths.resize(after + 1, 0);
        }
        if before > 0 {
            self.lengths[before] -= 1;
        }
        if after > 0 {
            self.lengths[after] += 1;
        }
        self.longest = self.longest.max(after);
        while self.longest > 0 && self.lengths[self.longest] == 0 {
            self.longest -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};

    fn new_entry(seq: u64) -> NewEntry {
        NewEntry {
            seq,
            from: seq * 3,
            id: !seq,
            group: seq << 33,
            kind: seq as u8,
            tick: seq.is_multiple_of(5),
            body_bytes: seq as u16,
            place: Place {
                segment: seq as u16,
                offset: (seq as u32 % 4096) * 8,
                shared: seq.is_multiple_of(3),
            },
        }
    }

    proptest! {
        #[test]
        fn mailboxes_are_queues(steps in proptest::collection::vec((0u8..5, 0u64..6, 0u64..12), 1..400)) {
            let mut index = Index::new();
            let mut model: BTreeMap<u64, VecDeque<u64>> = BTreeMap::new();
            let mut seq = 0;
            for (what, to, number) in steps {
                let queue = model.entry(to).or_default();
                match what {
                    0 | 1 => {
                        seq += 1;
                        index.push(to, &new_entry(seq)).unwrap();
                        queue.push_back(seq);
                    }
                    2 => {
                        let through = queue.front().map_or(0, |first| first + number);
                        let mut popped = Vec::new();
                        let last = index.pop_through(to, through, |entry| popped.push(entry.seq()));
                        let expected: Vec<u64> =
                            std::iter::from_fn(|| queue.pop_front_if(|seq| *seq <= through)).collect();
                        prop_assert_eq!(last, expected.last().copied());
                        prop_assert_eq!(popped, expected);
                    }
                    3 => {
                        let after = queue.get(number as usize).copied().unwrap_or(0);
                        let place = queue.iter().position(|seq| *seq > after);
                        let expected = place.and_then(|place| queue.remove(place));
                        prop_assert_eq!(index.take_next(to, after).map(|entry| entry.seq()), expected);
                    }
                    _ => {
                        let mut after = queue.get(number as usize).copied().unwrap_or(0);
                        let expected: Vec<u64> = queue.iter().copied().filter(|seq| *seq > after).collect();
                        let mut read = Vec::new();
                        while let Some(entry) = index.next(to, after) {
                            after = entry.seq();
                            read.push(after);
                        }
                        prop_assert_eq!(read, expected);
                    }
                }
                let lengths = model.values().map(VecDeque::len);
                prop_assert_eq!(index.longest(), lengths.clone().max().unwrap_or(0));
                prop_assert_eq!(index.items(), lengths.sum::<usize>());
                prop_assert_eq!(index.mailboxes(), model.values().filter(|queue| !queue.is_empty()).count());
            }
        }
    }
}
