//! What a side said and is not handed on yet: bytes of a line or of a frame that is not whole.
//!
//! It does not know what is masked.

use super::http::Part;
use super::pseudonym::Pseudonyms;

/// The most that is held of a side until a frame or a line is whole; then it is masked as it stands.
pub const HELD_MAX_BYTES: usize = 16 << 10;

/// What is held of a side.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// Frames of the chat could not be told apart any more; of lines, the one under way is lacking its beginning.
    pub(super) lost: bool,
    pub(super) part: Part,
}

/// What follows what a side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// More of it.
    Comes,
    /// Perhaps more of it.
    Paused,
    /// Nothing: the other side speaks, or something is missing, or it is over.
    Over,
}

impl Held {
    /// Lets the first bytes go; nothing is kept for what may never come.
    pub(super) fn take(&mut self, count: usize) {
        self.offset += count as u64;
        if count == self.bytes.len() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..count);
        }
    }

    /// Whole lines, or all; of a line that is too long, what is before one of its commas.
    pub(super) fn whole(&self, all: bool) -> usize {
        let bytes = &self.bytes;
        if all {
            return bytes.len();
        }
        let last = |byte: u8| {
            bytes
                .iter()
                .rposition(|other| *other == byte)
                .map_or(0, |at| at + 1)
        };
        match last(b'\n') {
            0 if bytes.len() >= HELD_MAX_BYTES => match last(b',') {
                comma if comma > HELD_MAX_BYTES / 2 => comma,
                _ => bytes.len(),
            },
            line => line,
        }
    }

    /// Blanks the rest of a line whose beginning nobody has; how much that is.
    pub(super) fn blank_lost(&mut self, whole: usize, pseudonyms: &Pseudonyms) -> usize {
        if !self.lost {
            return 0;
        }
        let end = self.bytes[..whole].iter().position(|byte| *byte == b'\n');
        self.lost = end.is_none();
        let lost = end.unwrap_or(whole);
        pseudonyms.opaque(&mut self.bytes[..lost]);
        lost
    }
}
