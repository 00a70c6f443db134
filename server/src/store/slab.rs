//! Small equal things in chunks that never move, addressed by a 32-bit slot.
//!
//! It refuses to know what the things are; a vacant one lends it a link.

/// No slot.
pub(super) const NONE: u32 = u32::MAX;
const CHUNK_ITEMS: usize = 4096;
/// So many chunks stay when all things leave, so that a slab that is often empty for a moment allocates nothing.
const CHUNKS_KEPT: usize = 16;

/// What may live in a slab: a vacant value links to the next vacant one.
pub(super) trait Linked: Copy {
    /// A value that is nobody's.
    const VACANT: Self;
    /// The link.
    fn link(&self) -> u32;
    /// Sets the link.
    fn set_link(&mut self, slot: u32);
}

/// The chunks. They grow by one chunk at a time, so growth neither copies nor stalls, and all but a few
/// go when the last thing leaves.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Box<[T]>>,
    vacant: u32,
    used: usize,
}

impl<T: Linked> Slab<T> {
    /// An empty slab.
    pub(super) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            vacant: NONE,
            used: 0,
        }
    }

    /// How many things there are.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Memory of the chunks.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_ITEMS * size_of::<T>()
    }

    /// Puts a thing in; `None` once all 2³² − 4,096 slots are taken.
    pub(super) fn insert(&mut self, thing: T) -> Option<u32> {
        if self.vacant == NONE {
            self.grow()?;
        }
        let slot = self.vacant;
        let place = self.at_mut(slot)?;
        let next = place.link();
        *place = thing;
        self.vacant = next;
        self.used += 1;
        Some(slot)
    }

    /// Takes a thing out. The slot must be taken.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let vacant = self.vacant;
        let place = self.at_mut(slot)?;
        let thing = *place;
        *place = T::VACANT;
        place.set_link(vacant);
        self.vacant = slot;
        self.used -= 1;
        if self.used == 0 && self.chunks.len() > CHUNKS_KEPT {
            self.chunks.clear();
            self.vacant = NONE;
        }
        Some(thing)
    }

    /// The thing in a slot; a vacant value where none is; `None` beyond the chunks.
    pub(super) fn at(&self, slot: u32) -> Option<&T> {
        self.chunks
            .get(slot as usize / CHUNK_ITEMS)?
            .get(slot as usize % CHUNK_ITEMS)
    }

    /// As [`Self::at`], to change it.
    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.chunks
            .get_mut(slot as usize / CHUNK_ITEMS)?
            .get_mut(slot as usize % CHUNK_ITEMS)
    }

    fn grow(&mut self) -> Option<()> {
        let first = u32::try_from(self.chunks.len() * CHUNK_ITEMS).ok()?;
        let last = first.checked_add(CHUNK_ITEMS as u32)?;
        let mut chunk = vec![T::VACANT; CHUNK_ITEMS].into_boxed_slice();
        for (slot, thing) in (first + 1..=last).zip(chunk.iter_mut()) {
            thing.set_link(if slot == last { NONE } else { slot });
        }
        self.chunks.push(chunk);
        self.vacant = first;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Linked for u32 {
        const VACANT: Self = NONE;
        fn link(&self) -> u32 {
            *self
        }
        fn set_link(&mut self, slot: u32) {
            *self = slot;
        }
    }

    #[test]
    fn slots_are_reused_and_memory_returns() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..100_000u32).map(|thing| slab.insert(thing).unwrap()).collect();
        assert_eq!(slab.len(), 100_000);
        let bytes = slab.bytes();
        for &slot in &slots[..50_000] {
            assert_eq!(slab.remove(slot), Some(slot));
        }
        for thing in 0..50_000 {
            slab.insert(thing).unwrap();
        }
        assert_eq!(slab.bytes(), bytes);
        for &slot in &slots {
            slab.remove(slot).unwrap();
        }
        assert_eq!((slab.len(), slab.bytes()), (0, 0));
        assert_eq!(slab.insert(3), Some(0));
    }
}
