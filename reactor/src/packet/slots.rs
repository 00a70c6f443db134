//! Control blocks in chunks that never move, by index, and which of them are free.
//!
//! It does not know what a connection does. A block that becomes free goes to the end of the line: it rests longest,
//! and keeps its last numbers for as long as it rests.

use super::block::{Block, NEVER, State};
use crate::Id;

/// Blocks a chunk: a quarter of a megabyte.
const CHUNK: usize = 4096;

/// The blocks of a shard.
#[derive(Debug)]
pub(crate) struct Slots {
    chunks: Vec<Box<[Block]>>,
    used: u32,
    limit: u32,
    /// The line of free blocks.
    first: u32,
    last: u32,
    in_use: u32,
}

impl Slots {
    /// Room for so many connections at once, none of it made yet.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            chunks: Vec::new(),
            used: 0,
            limit,
            first: NEVER,
            last: NEVER,
            in_use: 0,
        }
    }

    /// Blocks that are some connection's.
    pub(crate) fn in_use(&self) -> u32 {
        self.in_use
    }

    /// A block to begin a connection in; it must begin one.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let index = self.first;
        if index != NEVER {
            self.first = self.at(index).next_free;
            if self.first == NEVER {
                self.last = NEVER;
            }
        } else if self.used == self.limit {
            return None;
        }
        self.in_use += 1;
        Some(if index == NEVER { self.open() } else { index })
    }

    /// Frees a block as `state` says, which is one of the free ones. Its id is stale from now on.
    pub(crate) fn release(&mut self, index: u32, state: State) {
        debug_assert!(state.is_free());
        let block = self.at_mut(index);
        block.generation = block.generation.wrapping_add(1);
        block.state = state;
        block.next_free = NEVER;
        block.due = NEVER;
        self.in_use -= 1;
        if self.last == NEVER {
            self.first = index;
        } else {
            let last = self.last;
            self.at_mut(last).next_free = index;
        }
        self.last = index;
    }

    /// The id of whoever is in a block.
    pub(crate) fn id(&self, index: u32) -> Id {
        Id {
            index,
            generation: self.at(index).generation,
        }
    }

    /// A block by number, if it was ever made.
    pub(crate) fn find(&self, index: u32) -> Option<&Block> {
        (index < self.used).then(|| self.at(index))
    }

    /// A block, if the id is not stale.
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Block> {
        if id.index >= self.used {
            return None;
        }
        let block = self.at_mut(id.index);
        (block.generation == id.generation && !block.state.is_free()).then_some(block)
    }

    /// A block that was made.
    pub(crate) fn at(&self, index: u32) -> &Block {
        &self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }

    /// A block that was made, to change.
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut Block {
        &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }

    fn open(&mut self) -> u32 {
        let index = self.used;
        if index as usize / CHUNK == self.chunks.len() {
            self.chunks.push((0..CHUNK).map(|_| Block::default()).collect());
        }
        self.used += 1;
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_block_waits_behind_the_others_and_its_id_is_stale() {
        let mut slots = Slots::new(3);
        let taken: Vec<_> = (0..3).map(|_| slots.take().unwrap()).collect();
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!(slots.take(), None);
        for index in taken {
            slots.at_mut(index).state = State::Open;
        }
        let stale = slots.id(1);
        assert!(slots.get_mut(stale).is_some());
        for index in [1, 0, 2] {
            slots.release(index, State::Free);
        }
        assert_eq!(slots.in_use(), 0);
        assert!(slots.get_mut(stale).is_none());
        assert_eq!([slots.take(), slots.take()], [Some(1), Some(0)]);
        slots.release(1, State::TimeWait);
        assert_eq!(
            [slots.take(), slots.take(), slots.take()],
            [Some(2), Some(1), None]
        );
    }
}
