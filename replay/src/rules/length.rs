//! Where a frame says how long it is: read, and made right again.
//!
//! It does not know what else is in a frame.

use super::error::Mistake;
use super::raw::{RawCounts, RawEndian, RawLength};
use super::resolve::Resolved;

/// Nobody hides a length further in.
const OFFSET_MAX: usize = 1024;

/// A length in front of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    /// Bytes before it.
    pub(crate) offset: usize,
    /// Its bytes: 1 to 8.
    pub(crate) width: usize,
    /// Least significant byte first.
    pub(crate) little: bool,
    /// Whether it counts the whole frame, not only what follows it.
    pub(crate) whole: bool,
}

impl Length {
    /// The one that is spelled so.
    ///
    /// # Errors
    /// It is wider than any, or further in.
    pub(super) fn of(raw: &RawLength) -> Resolved<Self> {
        let width = *raw.width.get_ref();
        if !(1..=8).contains(&width) || raw.offset > OFFSET_MAX {
            let expected = format!("a length is 1 to 8 bytes wide, at an offset of at most {OFFSET_MAX}");
            return Err(Mistake::new(raw.width.span(), expected));
        }
        Ok(Self {
            offset: raw.offset,
            width,
            little: matches!(raw.endian, RawEndian::Little),
            whole: matches!(raw.counts, RawCounts::All),
        })
    }

    /// The bytes up to the end of the length itself.
    pub(crate) fn header_bytes(self) -> usize {
        self.offset + self.width
    }

    /// How long the frame at the front of `bytes` is in all; `None` while its length is not there, `Some(None)` if it would be
    /// shorter than its own header.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Option<u64>> {
        let field = bytes.get(self.offset..self.header_bytes())?;
        let digit = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let told = match self.little {
            true => field.iter().rev().fold(0, digit),
            false => field.iter().fold(0, digit),
        };
        let header = self.header_bytes() as u64;
        Some(match self.whole {
            true => (told >= header).then_some(told),
            false => Some(told.saturating_add(header)),
        })
    }

    /// Makes a frame's length right.
    ///
    /// # Errors
    /// The bytes to count, if they are more than it can tell.
    pub(crate) fn write(self, frame: &mut [u8]) -> Result<(), usize> {
        let header = self.header_bytes();
        let bytes = if self.whole {
            frame.len()
        } else {
            frame.len() - header
        };
        let value = (bytes as u64).to_be_bytes();
        let (spare, digits) = value.split_at(value.len() - self.width);
        if spare.iter().any(|byte| *byte != 0) {
            return Err(bytes);
        }
        let field = &mut frame[self.offset..header];
        field.copy_from_slice(digits);
        if self.little {
            field.reverse();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (offset, width) in (0usize..4, 1usize..9),
            (little, whole) in any::<(bool, bool)>(),
            behind in 0usize..200,
        ) {
            let length = Length { offset, width, little, whole };
            let mut frame = vec![7; length.header_bytes() + behind];
            prop_assert_eq!(length.write(&mut frame), Ok(()));
            prop_assert_eq!(length.read(&frame), Some(Some(frame.len() as u64)));
            prop_assert_eq!(length.read(&frame[..length.header_bytes() - 1]), None);
        }
    }

    #[test]
    fn what_a_length_cannot_tell_is_refused() {
        let length = Length {
            offset: 0,
            width: 1,
            little: false,
            whole: false,
        };
        assert_eq!(length.write(&mut [0; 256]), Ok(()));
        assert_eq!(length.write(&mut [0; 257]), Err(256));
        let whole = Length {
            whole: true,
            ..length
        };
        assert_eq!(whole.read(&[0]), Some(None));
    }
}
