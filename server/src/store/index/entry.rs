//! One item of a mailbox, packed.
//!
//! It does not know whose mailbox it is in; its body is wherever its place says.

use crate::store::slab::{Linked, NONE};

/// Segments are at most this long, so that an offset in units of 8 bytes fits 22 bits.
pub(in crate::store) const SEGMENT_BYTES_MAX: usize = 8 << OFFSET_BITS;
const OFFSET_BITS: u32 = 22;
const SHARED: u32 = 1 << OFFSET_BITS;
const TICK: u32 = 1 << (OFFSET_BITS + 1);

/// Two halves of a `u64`, so that an entry aligns to 4 and wastes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Halves([u32; 2]);

impl Halves {
    const fn of(value: u64) -> Self {
        Self([value as u32, (value >> 32) as u32])
    }

    const fn value(self) -> u64 {
        self.0[0] as u64 | (self.0[1] as u64) << 32
    }
}

/// One item of one mailbox: 44 bytes, and 4 more in its segment's list of slots.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Entry {
    seq: Halves,
    from: Halves,
    id: Halves,
    group: Halves,
    pub(super) next: u32,
    /// Offset / 8 (22 bits), shared, tick, kind (8 bits).
    place: u32,
    segment: u16,
    body_bytes: u16,
}

const _: () = assert!(size_of::<Entry>() == 44);

/// What an [`Entry`] is made from.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct NewEntry {
    pub(in crate::store) seq: u64,
    pub(in crate::store) from: u64,
    pub(in crate::store) id: u64,
    pub(in crate::store) group: u64,
    pub(in crate::store) kind: u8,
    pub(in crate::store) tick: bool,
    pub(in crate::store) body_bytes: u16,
    pub(in crate::store) place: Place,
}

/// Where an item's record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Place {
    /// The low bits of the segment's place in the log.
    pub(in crate::store) segment: u16,
    /// Bytes from the segment's start; a multiple of 8.
    pub(in crate::store) offset: u32,
    /// Whether other items have the same record.
    pub(in crate::store) shared: bool,
}

impl Entry {
    pub(super) fn new(new: &NewEntry) -> Self {
        let tick = if new.tick { TICK } else { 0 };
        let mut entry = Self {
            seq: Halves::of(new.seq),
            from: Halves::of(new.from),
            id: Halves::of(new.id),
            group: Halves::of(new.group),
            next: NONE,
            place: tick | u32::from(new.kind) << 24,
            segment: 0,
            body_bytes: new.body_bytes,
        };
        entry.set_place(new.place);
        entry
    }

    pub(in crate::store) fn seq(&self) -> u64 {
        self.seq.value()
    }

    pub(in crate::store) fn from(&self) -> u64 {
        self.from.value()
    }

    pub(in crate::store) fn id(&self) -> u64 {
        self.id.value()
    }

    pub(in crate::store) fn group(&self) -> u64 {
        self.group.value()
    }

    pub(in crate::store) fn kind(&self) -> u8 {
        (self.place >> 24) as u8
    }

    pub(in crate::store) fn is_tick(&self) -> bool {
        self.place & TICK != 0
    }

    pub(in crate::store) fn body_bytes(&self) -> usize {
        usize::from(self.body_bytes)
    }

    pub(in crate::store) fn place(&self) -> Place {
        Place {
            segment: self.segment,
            offset: (self.place & (SHARED - 1)) * 8,
            shared: self.place & SHARED != 0,
        }
    }

    pub(super) fn set_place(&mut self, place: Place) {
        let shared = if place.shared { SHARED } else { 0 };
        self.segment = place.segment;
        self.place = (self.place & !(2 * SHARED - 1)) | shared | (place.offset / 8);
    }
}

impl Linked for Entry {
    const VACANT: Self = Self {
        seq: Halves::of(0),
        from: Halves::of(0),
        id: Halves::of(0),
        group: Halves::of(0),
        next: NONE,
        place: 0,
        segment: 0,
        body_bytes: 0,
    };

    fn link(&self) -> u32 {
        self.next
    }

    fn set_link(&mut self, slot: u32) {
        self.next = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_every_field_at_its_bounds() {
        let new = NewEntry {
            seq: u64::MAX,
            from: u64::MAX - 1,
            id: u64::MAX - 2,
            group: u64::MAX - 3,
            kind: 255,
            tick: true,
            body_bytes: u16::MAX,
            place: Place {
                segment: u16::MAX,
                offset: SEGMENT_BYTES_MAX as u32 - 8,
                shared: true,
            },
        };
        let mut entry = Entry::new(&new);
        assert_eq!(
            (entry.seq(), entry.from(), entry.id(), entry.group()),
            (new.seq, new.from, new.id, new.group)
        );
        assert_eq!(
            (entry.kind(), entry.is_tick(), entry.body_bytes()),
            (255, true, 65_535)
        );
        assert_eq!(entry.place(), new.place);
        let moved = Place {
            segment: 0,
            offset: 8,
            shared: false,
        };
        entry.set_place(moved);
        assert_eq!((entry.place(), entry.kind(), entry.is_tick()), (moved, 255, true));
    }
}
