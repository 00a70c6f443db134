//! Recorded connections with all that their ends said, to be driven again.
//!
//! It knows no capture and no target.

mod session;
mod writer;

use thiserror::Error;

pub use session::{Session, Stream, Turn, TurnKind, Unplayable};
pub use writer::RecordingWriter;

/// Recorded connections: an index of sessions and turns in memory, and the bytes that were said.
#[derive(Debug, Default)]
pub struct Recording {
    sessions: Vec<Session>,
    turns: Vec<Turn>,
    /// The end of each session's turns.
    ends: Vec<usize>,
    payload: Vec<u8>,
}

impl Recording {
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

    /// What was said in a turn: nothing where it was not [`TurnKind::Bytes`]. `scratch` is used when the bytes have to be
    /// read from the file, at the cost of one system call.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when the file cannot be read, or the turn is not of this recording.
    pub fn bytes<'a>(&'a self, turn: &Turn, _scratch: &'a mut Vec<u8>) -> Result<&'a [u8], RecordingError> {
        let TurnKind::Bytes { position, length } = turn.kind else {
            return Ok(&[]);
        };
        usize::try_from(position)
            .ok()
            .and_then(|begin| self.payload.get(begin..begin.checked_add(length as usize)?))
            .ok_or(RecordingError::Stranger { position, length })
    }
}

/// What is wrong with a recording.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A turn that is not of this recording.
    #[error("no {length} bytes at position {position} in this recording")]
    Stranger {
        /// Where.
        position: u64,
        /// How many.
        length: u32,
    },
}
