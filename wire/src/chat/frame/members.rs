//! Who is in a group: a list that borrows the bytes it came in.
//!
//! It does not know which group it is.

use super::FrameError;
use crate::chat::{MEMBERS_MAX, Number};

/// A group's members, as they stand on the wire: 8 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<'a>(pub(super) &'a [u8]);

impl<'a> Members<'a> {
    /// Checks a list of encoded numbers.
    ///
    /// # Errors
    /// Not whole numbers, or more than [`MEMBERS_MAX`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if !bytes.len().is_multiple_of(8) {
            return Err(FrameError::Malformed);
        }
        if bytes.len() > MEMBERS_MAX * 8 {
            return Err(FrameError::Oversized);
        }
        let members = Self(bytes);
        if members.raw().all(|value| Number::new(value).is_ok()) {
            Ok(members)
        } else {
            Err(FrameError::Malformed)
        }
    }

    /// The numbers.
    pub fn iter(self) -> impl Iterator<Item = Number> + 'a {
        // `parse` let only numbers through.
        self.raw().filter_map(|value| Number::new(value).ok())
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.len() / 8
    }

    fn raw(self) -> impl Iterator<Item = u64> + 'a {
        self.0
            .as_chunks::<8>()
            .0
            .iter()
            .map(|chunk| u64::from_be_bytes(*chunk))
    }
}
