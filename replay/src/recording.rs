//! Recorded connections with all that their ends said, to be driven again: the file, its writer, its reader.
//!
//! It knows no capture and no target. `docs/sessions.md` has the file's form.

mod block;
mod datagrams;
mod encoder;
mod entry;
mod excerpt;
mod index;
mod note;
mod payload;
mod reader;
mod session;
#[cfg(test)]
mod tests;
mod varint;
mod writer;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use thiserror::Error;

pub use encoder::Tally;
pub use note::Note;
pub use reader::{Played, Torn, is_recording, play};
pub use session::{Session, Stream, Turn, TurnKind, Unplayable};
pub use writer::RecordingWriter;

use payload::Payload;

/// Recorded connections: an index of sessions and turns in memory, and the bytes that were said, in memory up to 256 MB, else in
/// their file. A session takes some 250 B, a turn 32.
#[derive(Debug)]
pub struct Recording {
    sessions: Vec<Session>,
    turns: Vec<Turn>,
    /// The end of each session's turns.
    ends: Vec<usize>,
    payload: Payload,
    played: Played,
}

impl Recording {
    /// Reads a file of sessions, whole, once. A torn one is used up to there: [`Recording::played`] says so.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when it is no file of sessions, is of a later version, is too large for an index, or cannot be
    /// read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        index::of_file(File::open(path)?, index::MEMORY_BYTES)
    }

    /// Reads one from a pipe or from memory, whole, and keeps it there.
    ///
    /// # Errors
    ///
    /// As [`Recording::open`], and where more than 256 MB were said: such a one has to be a file.
    pub fn read(source: impl Read) -> Result<Self, RecordingError> {
        index::of_bytes(source, index::MEMORY_BYTES)
    }

    /// The connections, by the time of their first packets.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// What the ends of a session did, by time; nothing for an index beyond [`Recording::sessions`].
    #[must_use]
    pub fn turns(&self, session: usize) -> &[Turn] {
        let Some(&end) = self.ends.get(session) else {
            return &[];
        };
        let begin = session.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.turns[begin..end]
    }

    /// What was said in a turn: nothing where it was not [`TurnKind::Bytes`]. `scratch` is used where it has to be read from the
    /// file, which costs one system call.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when the file cannot be read, or the turn is not of this recording.
    pub fn bytes<'a>(&'a self, turn: &Turn, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], RecordingError> {
        let TurnKind::Bytes { position, length } = turn.kind else {
            return Ok(&[]);
        };
        match self.payload.bytes(position, length, scratch) {
            Some(read) => Ok(read?),
            None => Err(RecordingError::Stranger { position, length }),
        }
    }

    /// What its file came to: whether it was whole, and what it says of itself.
    #[must_use]
    pub fn played(&self) -> &Played {
        &self.played
    }
}

/// What is wrong with a recording.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("not a file of sessions: it does not begin as one")]
    Foreign,
    /// It ends before it has said anything.
    #[error(
        "the file of sessions is cut off at byte {offset}, within its first 16: nothing of it can be used"
    )]
    Short {
        /// How many bytes there are.
        offset: usize,
    },
    /// A later version of teem wrote it.
    #[error("a file of sessions of version {version}: this teem reads up to version {known}")]
    Later {
        /// Its version.
        version: u16,
        /// The highest that is read.
        known: u16,
    },
    /// Its index would not fit.
    #[error("more than {turns_max} turns: cut it by time or by host with `teem replay inspect --save`")]
    TooLarge {
        /// The most that an index takes.
        turns_max: u64,
    },
    /// What was said does not fit into memory, and there is no file to read it from.
    #[error("more than {memory_bytes} B were said: give it as a file, not through a pipe")]
    TooLong {
        /// The most that is kept.
        memory_bytes: u64,
    },
    /// A turn that is not of this recording.
    #[error("no {length} bytes at position {position} in this recording")]
    Stranger {
        /// Where.
        position: u64,
        /// How many.
        length: u32,
    },
}
