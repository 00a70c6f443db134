//! Who is online, and where.
//!
//! Sixteen bytes an entry, in many small tables: one large table would copy itself whole, and hold itself twice, each
//! time it doubles; these copy a 256th at a time.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::parcel::Location;

/// Tables; a power of two.
const TABLES: usize = 256;

/// Number to location.
#[derive(Debug)]
pub(crate) struct Directory {
    tables: Box<[HashMap<u64, Location, FixedState>]>,
    online: u64,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            tables: (0..TABLES)
                .map(|_| HashMap::with_hasher(FixedState::default()))
                .collect(),
            online: 0,
        }
    }
}

impl Directory {
    pub(crate) fn online(&self) -> u64 {
        self.online
    }

    pub(crate) fn location(&self, number: u64) -> Option<Location> {
        self.tables[table(number)].get(&number).copied()
    }

    /// Puts a number at a location; returns where it was.
    pub(crate) fn arrive(&mut self, number: u64, at: Location) -> Option<Location> {
        let before = self.tables[table(number)].insert(number, at);
        self.online += u64::from(before.is_none());
        before
    }

    /// Takes a number away, if it still is at that location.
    pub(crate) fn leave(&mut self, number: u64, from: Location) -> bool {
        let table = &mut self.tables[table(number)];
        if table.get(&number) != Some(&from) {
            return false;
        }
        table.remove(&number);
        self.online -= 1;
        true
    }
}

/// Fibonacci hashing of the number: the top byte of its product with 2^64 over the golden ratio.
fn table(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % TABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_arrival_is_not_driven_out_by_the_earlier_ones_leaving() {
        let at = |index| Location {
            index,
            generation: 0,
            shard: 0,
        };
        let mut directory = Directory::default();
        assert_eq!(directory.arrive(7, at(1)), None);
        assert_eq!(directory.arrive(7, at(2)), Some(at(1)));
        assert!(!directory.leave(7, at(1)));
        assert_eq!((directory.location(7), directory.online()), (Some(at(2)), 1));
        assert!(directory.leave(7, at(2)));
        assert_eq!((directory.location(7), directory.online()), (None, 0));
    }

    #[test]
    fn dense_numbers_spread_over_the_tables() {
        let mut counts = [0u32; TABLES];
        (0..256_000u64).for_each(|index| counts[table(155_500_000_000 + index)] += 1);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 900 && *most < 1_100, "{least}..{most}");
    }
}
