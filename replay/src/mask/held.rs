//! What a side said and is not masked yet: bytes of a line, of a frame or of a message that is not whole.
//!
//! It does not know what is masked, nor where it goes.

use std::collections::VecDeque;

use super::pseudonym::Pseudonyms;

/// The most that is held of a line, or of a frame of the chat, until it is whole; then it is masked as it stands.
pub const HELD_MAX_BYTES: usize = 16 << 10;

/// What is held of a side.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// Which events of the queue they are, and how many of each.
    pub(super) pieces: VecDeque<(u64, usize)>,
    /// Frames of the chat could not be told apart any more; of lines, the one under way is lacking its beginning.
    pub(super) lost: bool,
}

/// What follows what a side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// More of it.
    Comes,
    /// Perhaps more of it: a packet that was not full, or the other side speaks.
    Paused,
    /// Nothing for now: bytes are missing.
    Gap,
    /// Nothing: it is over.
    Over,
}

impl Rest {
    /// Whether what is held stays as far from whole as it is.
    pub(super) fn is_none(self) -> bool {
        matches!(self, Self::Gap | Self::Over)
    }
}

impl Held {
    /// Lets the first bytes go; nothing is kept for what may never come.
    pub(super) fn take(&mut self, count: usize) {
        if count == self.bytes.len() {
            self.bytes = Vec::new();
            self.pieces = VecDeque::new();
        } else {
            self.bytes.drain(..count);
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

/// How many of these bytes are whole lines, or `all`; of a line that is too long, what is before one of its commas.
pub(super) fn whole_lines(bytes: &[u8], all: bool) -> usize {
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
