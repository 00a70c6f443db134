//! Sequence numbers of one side, unwrapped to 64-bit offsets from its first byte (RFC 9293, section 3.4).
//!
//! It does not know what was said. Numbers wrap after 4 GiB, so an offset is found by its distance to where the stream stands.

/// What is known of where a stream's numbers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nothing.
    Unknown,
    /// What its peer acknowledged, or one behind a single byte that begins what was heard of it.
    Guessed,
    /// Its own first segment, which said nothing: a keep-alive's number is one before where the stream stands (RFC 1122,
    /// section 4.2.3.6).
    Unsaid,
    /// Its own SYN or its own first bytes.
    Known,
}

/// Where a stream's numbers begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// Number of the first byte.
    first: u32,
    origin: Origin,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            first: 0,
            origin: Origin::Unknown,
        }
    }
}

impl Numbers {
    /// What they are known from.
    pub(super) fn origin(self) -> Origin {
        self.origin
    }

    /// The first byte has this number.
    pub(super) fn set(&mut self, first: u32, origin: Origin) {
        *self = Self { first, origin };
    }

    /// Where a guess was right.
    pub(super) fn confirm(&mut self) {
        self.origin = Origin::Known;
    }

    /// Whether the first byte is known to have this number.
    pub(super) fn begin_at(self, seq: u32) -> bool {
        self.origin != Origin::Unknown && self.first == seq
    }

    /// The offset of a number in a stream that stands at this one; below 0 for what was before the stream.
    pub(super) fn offset_of(self, seq: u32, next: u64) -> i64 {
        // The lower half of the offset is meant.
        let distance = seq
            .wrapping_sub(self.first.wrapping_add(next as u32))
            .cast_signed();
        next.cast_signed() + i64::from(distance)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_offset_is_found_within_two_gibibytes_of_where_the_stream_stands(
            first in any::<u32>(),
            next in 0u64..1 << 40,
            distance in -(1i64 << 31)..1 << 31,
        ) {
            let mut numbers = Numbers::default();
            numbers.set(first, Origin::Known);
            let offset = next.cast_signed() + distance;
            let seq = first.wrapping_add(offset as u32);
            prop_assert_eq!(numbers.offset_of(seq, next), offset);
        }
    }
}
