//! What came early: pieces of a stream that wait behind a hole.
//!
//! It does not know where the stream stands. Pieces do not overlap: those that are there stay as they are, and of a new one only
//! what lies between them is kept.

use std::collections::BTreeMap;

/// What a piece costs beside its bytes: its entry in the tree and the allocator's part. It errs upwards.
const PIECE_COST_BYTES: usize = 96;
/// What the first piece costs besides: the tree's first leaf has room for eleven.
const LEAF_COST_BYTES: usize = 384 - PIECE_COST_BYTES;

/// A piece of a stream.
#[derive(Debug)]
pub(super) struct Piece {
    /// What was captured of it.
    pub(super) bytes: Box<[u8]>,
    /// Its length on the wire; what is behind the captured bytes was cut off.
    pub(super) length: u64,
}

/// What of a new piece was there already, in captured bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) bytes: u64,
    /// Of these, in pieces that differ.
    pub(super) differing: u64,
}

/// Pieces by their offset. 32 B while empty.
#[derive(Debug, Default)]
pub(super) struct Store {
    pieces: BTreeMap<u64, Piece>,
    cost_bytes: usize,
}

impl Store {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Memory held.
    pub(super) fn cost_bytes(&self) -> usize {
        self.cost_bytes
    }

    /// Where the first piece begins.
    pub(super) fn first(&self) -> Option<u64> {
        self.pieces.first_key_value().map(|(&offset, _)| offset)
    }

    /// Takes the first piece out if it begins here.
    pub(super) fn take(&mut self, offset: u64) -> Option<Piece> {
        let first = self.pieces.first_entry().filter(|first| *first.key() == offset)?;
        let piece = first.remove();
        self.cost_bytes -= piece.bytes.len() + PIECE_COST_BYTES;
        if self.pieces.is_empty() {
            // A tree that was emptied keeps its leaf.
            self.pieces = BTreeMap::new();
            self.cost_bytes -= LEAF_COST_BYTES;
        }
        Some(piece)
    }

    /// Keeps what is new of a piece with this length on the wire.
    pub(super) fn insert(&mut self, offset: u64, bytes: &[u8], length: u64) -> Overlap {
        let captured = |from: u64, to: u64| {
            let place = |at: u64| {
                usize::try_from(at - offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len())
            };
            &bytes[place(from)..place(to)]
        };
        let end = offset + length;
        let mut overlap = Overlap::default();
        let mut at = offset;
        while at < end {
            let before = self.pieces.range(..=at).next_back();
            if let Some((&begins, piece)) = before
                && begins + piece.length > at
            {
                let to = end.min(begins + piece.length);
                let again = captured(at, to);
                let skip = usize::try_from(at - begins).unwrap_or(usize::MAX);
                let there = piece.bytes.get(skip..).unwrap_or_default();
                overlap.bytes += again.len() as u64;
                if there.iter().zip(again).any(|(old, new)| old != new) {
                    overlap.differing += again.len() as u64;
                }
                at = to;
                continue;
            }
            let next = self.pieces.range(at..).next();
            let to = next.map_or(end, |(&begins, _)| end.min(begins));
            let bytes: Box<[u8]> = captured(at, to).into();
            if self.pieces.is_empty() {
                self.cost_bytes += LEAF_COST_BYTES;
            }
            self.cost_bytes += bytes.len() + PIECE_COST_BYTES;
            self.pieces.insert(
                at,
                Piece {
                    bytes,
                    length: to - at,
                },
            );
            at = to;
        }
        overlap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let mut store = Store::default();
        assert_eq!(store.insert(10, b"abc", 3), Overlap::default());
        assert!(
            store.cost_bytes() >= 3 + 11 * (size_of::<Piece>() + size_of::<u64>()),
            "a leaf"
        );
        assert_eq!(store.insert(20, b"xyz", 5), Overlap::default());
        let overlap = store.insert(8, b"..aBc..", 15);
        assert_eq!(
            overlap,
            Overlap {
                bytes: 3,
                differing: 3
            }
        );
        let pieces: Vec<_> = std::iter::from_fn(|| {
            let offset = store.first()?;
            let piece = store.take(offset)?;
            Some((
                offset,
                String::from_utf8_lossy(&piece.bytes).into_owned(),
                piece.length,
            ))
        })
        .collect();
        let expected = [(8, "..", 2), (10, "abc", 3), (13, "..", 7), (20, "xyz", 5)];
        assert!(
            pieces
                .iter()
                .map(|(at, text, length)| (*at, text.as_str(), *length))
                .eq(expected)
        );
        assert_eq!(store.cost_bytes(), 0);
    }
}
