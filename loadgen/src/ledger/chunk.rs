//! The states of copies: a byte each, in chunks that shrink once most of their copies are settled and old.
//!
//! A chunk knows bits, not what they mean for the figures, save which of them settle a copy.

use hashbrown::HashMap;

/// How long a settled copy is remembered exactly, so that its coming again right after a cut is judged by its session.
const GRACE_MS: u32 = 30_000;

/// The bits of a copy's state.
pub(super) mod flag {
    /// Its sender's *sent* was observed.
    pub(crate) const SENT: u8 = 1;
    /// The server took it.
    pub(crate) const ACCEPTED: u8 = 2;
    /// The server did not.
    pub(crate) const REFUSED: u8 = 4;
    /// It arrived; the upper four bits are its recipient's session then.
    pub(crate) const DELIVERED: u8 = 8;
    /// It has not arrived, and a later one to the same recipient has.
    pub(crate) const OVERTAKEN: u8 = 16;
    /// Sessions that can be told apart.
    pub(crate) const SESSIONS: u8 = 16;

    pub(crate) const fn session(state: u8) -> u8 {
        state >> 4
    }

    pub(crate) const fn of_session(session: u8) -> u8 {
        session << 4
    }

    /// Whether nothing more is to come.
    pub(crate) const fn is_settled(state: u8) -> bool {
        state & REFUSED != 0 || state & (SENT | ACCEPTED | DELIVERED) == SENT | ACCEPTED | DELIVERED
    }
}

/// What is known of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Its state; 0 for one never heard of.
    Known(u8),
    /// It was settled at that time at the latest.
    Forgotten { settled_ms: u32 },
}

/// The states of all copies, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Chunks<const CHUNK: usize> {
    chunks: HashMap<u64, Chunk<CHUNK>>,
}

#[derive(Debug)]
struct Chunk<const CHUNK: usize> {
    cells: Cells<CHUNK>,
    /// Copies that are not settled, those never heard of among them.
    open: u16,
    /// When a copy last changed.
    touched_ms: u32,
    /// When the copies that were let go had all been settled.
    forgotten_ms: u32,
}

#[derive(Debug)]
enum Cells<const CHUNK: usize> {
    Dense(Box<[u8; CHUNK]>),
    /// By position, which rises; those that are absent are forgotten.
    Sparse(Vec<(u16, u8)>),
}

impl<const CHUNK: usize> Chunks<CHUNK> {
    pub(super) fn cell(&self, copy: u64) -> Cell {
        let Some(chunk) = self.chunks.get(&(copy / CHUNK as u64)) else {
            return Cell::Known(0);
        };
        let position = (copy % CHUNK as u64) as u16;
        match &chunk.cells {
            Cells::Dense(cells) => Cell::Known(cells[usize::from(position)]),
            Cells::Sparse(cells) => match cells.binary_search_by_key(&position, |cell| cell.0) {
                Ok(at) => Cell::Known(cells[at].1),
                Err(_) => Cell::Forgotten {
                    settled_ms: chunk.forgotten_ms,
                },
            },
        }
    }

    /// Changes a copy that is not forgotten.
    pub(super) fn set(&mut self, copy: u64, state: u8, now_ms: u32) {
        let chunk = self.chunks.entry(copy / CHUNK as u64).or_default();
        let position = (copy % CHUNK as u64) as u16;
        let cell = match &mut chunk.cells {
            Cells::Dense(cells) => &mut cells[usize::from(position)],
            Cells::Sparse(cells) => match cells.binary_search_by_key(&position, |cell| cell.0) {
                Ok(at) => &mut cells[at].1,
                Err(_) => return,
            },
        };
        let was_open = !flag::is_settled(std::mem::replace(cell, state));
        chunk.open -= u16::from(was_open && flag::is_settled(state));
        chunk.touched_ms = now_ms;
    }

    /// Lets settled copies go from chunks in which nothing changed for a while.
    pub(super) fn sweep(&mut self, now_ms: u32) {
        for chunk in self.chunks.values_mut() {
            if now_ms.saturating_sub(chunk.touched_ms) > GRACE_MS {
                chunk.forget();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn dense(&self) -> usize {
        self.chunks
            .values()
            .filter(|chunk| matches!(chunk.cells, Cells::Dense(_)))
            .count()
    }
}

impl<const CHUNK: usize> Default for Chunk<CHUNK> {
    fn default() -> Self {
        Self {
            cells: Cells::Dense(Box::new([0; CHUNK])),
            open: CHUNK as u16,
            touched_ms: 0,
            forgotten_ms: 0,
        }
    }
}

impl<const CHUNK: usize> Chunk<CHUNK> {
    /// Keeps the open copies alone, where that is smaller: a sparse copy takes four bytes.
    fn forget(&mut self) {
        match &mut self.cells {
            Cells::Dense(cells) if usize::from(self.open) <= CHUNK / 8 => {
                let mut open = Vec::with_capacity(usize::from(self.open));
                open.extend(
                    (0u16..)
                        .zip(**cells)
                        .filter(|(_, state)| !flag::is_settled(*state)),
                );
                self.cells = Cells::Sparse(open);
            }
            Cells::Sparse(cells) if cells.len() > usize::from(self.open) => {
                cells.retain(|(_, state)| !flag::is_settled(*state));
                cells.shrink_to_fit();
            }
            _ => return,
        }
        self.forgotten_ms = self.touched_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLED: u8 = flag::SENT | flag::ACCEPTED | flag::DELIVERED;

    #[test]
    fn settled_copies_are_forgotten_after_the_grace_and_open_ones_never() {
        let mut chunks = Chunks::<16>::default();
        for copy in 0..16 {
            chunks.set(copy, if copy == 3 { flag::SENT } else { SETTLED }, 1_000);
        }
        chunks.sweep(1_000 + GRACE_MS);
        assert_eq!(chunks.cell(5), Cell::Known(SETTLED), "still within the grace");
        chunks.sweep(1_001 + GRACE_MS);
        assert_eq!(chunks.cell(5), Cell::Forgotten { settled_ms: 1_000 });
        assert_eq!(chunks.cell(3), Cell::Known(flag::SENT));

        chunks.set(3, SETTLED, 50_000);
        assert_eq!(chunks.cell(5), Cell::Forgotten { settled_ms: 1_000 });
        chunks.sweep(51_000 + GRACE_MS);
        assert_eq!(chunks.cell(3), Cell::Forgotten { settled_ms: 50_000 });
        assert_eq!(chunks.dense(), 0);
    }

    #[test]
    fn a_chunk_that_is_not_full_yet_stays() {
        let mut chunks = Chunks::<16>::default();
        (0..10).for_each(|copy| chunks.set(copy, SETTLED, 0));
        chunks.sweep(10 * GRACE_MS);
        assert_eq!(chunks.cell(10), Cell::Known(0));
        assert_eq!(chunks.dense(), 1);
    }
}
