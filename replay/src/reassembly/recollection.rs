//! What was said lately, as checksums: enough to see that a repetition says something else.
//!
//! It keeps no bytes. 768 KiB for all connections together: the last 32,768 pieces, less those that met in a place. A repetition
//! in other pieces than the first time is compared as far as whole pieces of the first time fit.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use crate::event::{Flow, Side};

/// Pieces remembered; a power of two.
const PLACES: usize = 1 << 15;

/// A piece that was said.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    /// Flow and side, plus 1: 0 is nobody's.
    whose: u64,
    offset: u64,
    length: u32,
    sum: u32,
}

#[derive(Debug)]
pub(super) struct Recollection {
    places: Box<[Piece]>,
}

impl Default for Recollection {
    fn default() -> Self {
        Self {
            places: vec![Piece::default(); PLACES].into_boxed_slice(),
        }
    }
}

impl Recollection {
    /// Remembers a piece.
    pub(super) fn note(&mut self, flow: Flow, side: Side, offset: u64, bytes: &[u8]) {
        let whose = whose(flow, side);
        // What is longer than any packet is not asked for again in one piece.
        let Ok(length) = u32::try_from(bytes.len()) else {
            return;
        };
        self.places[place(whose, offset)] = Piece {
            whose,
            offset,
            length,
            sum: sum(bytes),
        };
    }

    /// How many of these bytes, said again, differ from the first time, as far as it is remembered: whole pieces.
    pub(super) fn differing(&self, flow: Flow, side: Side, mut offset: u64, mut bytes: &[u8]) -> u64 {
        let whose = whose(flow, side);
        let mut differing = 0;
        while !bytes.is_empty() {
            let piece = self.places[place(whose, offset)];
            if piece.whose != whose || piece.offset != offset || piece.length == 0 {
                break;
            }
            let Some((same, rest)) = bytes.split_at_checked(piece.length as usize) else {
                break;
            };
            if sum(same) != piece.sum {
                differing += u64::from(piece.length);
            }
            offset += u64::from(piece.length);
            bytes = rest;
        }
        differing
    }
}

fn whose(flow: Flow, side: Side) -> u64 {
    flow.0 * 2 + side as u64 + 1
}

fn place(whose: u64, offset: u64) -> usize {
    /// Odd, so that near offsets spread.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (whose.rotate_left(32) ^ offset).wrapping_mul(SPREAD);
    (mixed >> 40) as usize % PLACES
}

fn sum(bytes: &[u8]) -> u32 {
    FixedState::with_seed(0).hash_one(bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_said_again_are_compared() {
        let (flow, side) = (Flow(3), Side::Server);
        let mut said = Recollection::default();
        said.note(flow, side, 10, b"abc");
        said.note(flow, side, 13, b"defg");
        assert_eq!(said.differing(flow, side, 10, b"abcdefg"), 0);
        assert_eq!(said.differing(flow, side, 10, b"abcdeFg"), 4);
        assert_eq!(
            said.differing(flow, side, 13, b"de"),
            0,
            "half a piece cannot be compared"
        );
        assert_eq!(said.differing(flow, Side::Client, 10, b"xyz"), 0, "another's");
    }
}
