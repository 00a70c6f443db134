//! A slab in chunks that never move: growth copies nothing, so no connection ever waits for another's arrival.

/// Slots a chunk: large enough to be few mappings, small enough that the last one wastes little.
const CHUNK: usize = 1024;
/// Ends the list of free slots.
const NONE: u32 = u32::MAX;

/// Names a slot's tenant. A slot that was vacated and let again has another generation, so a stale id finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// Which slot. Dense from 0, so that other tables can run in parallel.
    pub index: u32,
    /// Which tenant of it.
    pub generation: u32,
}

impl Id {
    /// Both in one word.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// The inverse of [`Id::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// Values in slots that keep their place until removed.
#[derive(Debug)]
pub struct Arena<T> {
    chunks: Vec<Box<[Slot<T>]>>,
    free: u32,
    used: u32,
    len: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    tenant: Tenant<T>,
}

#[derive(Debug)]
enum Tenant<T> {
    Free { next: u32 },
    Let(T),
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: NONE,
            used: 0,
            len: 0,
        }
    }
}

impl<T> Arena<T> {
    /// How many values it holds.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more than the highest index ever used: the bound of a walk.
    #[must_use]
    pub fn extent(&self) -> u32 {
        self.used
    }

    /// Puts a value in a free slot.
    pub fn insert(&mut self, value: T) -> Id {
        let index = if self.free == NONE { self.open() } else { self.free };
        let slot = self.slot_mut(index);
        let Tenant::Free { next } = slot.tenant else {
            unreachable!("the free list holds free slots")
        };
        slot.tenant = Tenant::Let(value);
        let generation = slot.generation;
        self.free = next;
        self.len += 1;
        Id { index, generation }
    }

    /// Takes a value out, if the id is not stale.
    pub fn remove(&mut self, id: Id) -> Option<T> {
        let free = self.free;
        let slot = self
            .chunks
            .get_mut(id.index as usize / CHUNK)?
            .get_mut(id.index as usize % CHUNK)?;
        if slot.generation != id.generation || matches!(slot.tenant, Tenant::Free { .. }) {
            return None;
        }
        slot.generation = slot.generation.wrapping_add(1);
        let Tenant::Let(value) = std::mem::replace(&mut slot.tenant, Tenant::Free { next: free }) else {
            unreachable!("checked above")
        };
        self.free = id.index;
        self.len -= 1;
        Some(value)
    }

    /// A value, if the id is not stale.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<&T> {
        match self
            .chunks
            .get(id.index as usize / CHUNK)?
            .get(id.index as usize % CHUNK)?
        {
            Slot {
                generation,
                tenant: Tenant::Let(value),
            } if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    /// A value to change, if the id is not stale.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self
            .chunks
            .get_mut(id.index as usize / CHUNK)?
            .get_mut(id.index as usize % CHUNK)?
        {
            Slot {
                generation,
                tenant: Tenant::Let(value),
            } if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    /// Whoever is in a slot now: for walks by index below [`Arena::extent`].
    #[must_use]
    pub fn at(&self, index: u32) -> Option<(Id, &T)> {
        match self
            .chunks
            .get(index as usize / CHUNK)?
            .get(index as usize % CHUNK)?
        {
            Slot {
                generation,
                tenant: Tenant::Let(value),
            } => Some((
                Id {
                    index,
                    generation: *generation,
                },
                value,
            )),
            Slot { .. } => None,
        }
    }

    /// A free slot that was never used, in a new chunk where the last is full.
    fn open(&mut self) -> u32 {
        let index = self.used;
        if index as usize / CHUNK == self.chunks.len() {
            self.chunks.push(
                (0..CHUNK)
                    .map(|_| Slot {
                        generation: 0,
                        tenant: Tenant::Free { next: NONE },
                    })
                    .collect(),
            );
        }
        self.used += 1;
        index
    }

    fn slot_mut(&mut self, index: u32) -> &mut Slot<T> {
        &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map: live ids find their value, stale ones nothing, however slots are let and vacated.
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..3000)) {
            let mut arena = Arena::default();
            let mut model = HashMap::new();
            let mut ids: Vec<Id> = Vec::new();
            for (step, (insert, pick)) in steps.into_iter().enumerate() {
                if insert || ids.is_empty() {
                    let id = arena.insert(step);
                    prop_assert!(model.insert(id, step).is_none());
                    ids.push(id);
                } else {
                    let id = ids[pick.index(ids.len())];
                    prop_assert_eq!(arena.remove(id), model.remove(&id));
                }
                prop_assert_eq!(arena.len() as usize, model.len());
            }
            for id in ids {
                prop_assert_eq!(arena.get(id), model.get(&id));
                prop_assert_eq!(Id::from_bits(id.to_bits()), id);
            }
            let walked = (0..arena.extent()).filter_map(|index| arena.at(index)).count();
            prop_assert_eq!(walked, model.len());
        }
    }
}
