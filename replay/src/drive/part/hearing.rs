//! What a session hears, and what it was to hear: the recorded server beside the target.
//!
//! It does not compare the two: it counts their bytes.

use super::{Part, Question};
use crate::{Recording, RecordingError, Side, Turn, TurnKind};

impl Part {
    /// Goes over all that the server said after the client's last turn.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub(in crate::drive) fn outlast(
        &mut self,
        recording: &Recording,
        scratch: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        let turns = recording.turns(self.session as usize);
        while let Some(turn) = turns.get(self.next as usize) {
            if turn.side == Side::Server {
                self.expect(recording, turn, turn.kind, scratch)?;
            }
            self.next += 1;
        }
        Ok(())
    }

    pub(super) fn expect(
        &mut self,
        recording: &Recording,
        turn: &Turn,
        kind: TurnKind,
        scratch: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        match kind {
            TurnKind::Bytes { length, .. } => {
                self.owed += i64::from(length);
                self.voice.questions.expect(u64::from(length));
                let said = recording.bytes(turn, scratch)?;
                self.voice.rewriter.turn(turn.at_ns);
                self.voice.rewriter.expected(said);
                self.voice.comparison.recorded(said);
            }
            TurnKind::Gap { length } => {
                self.owed = self.owed.saturating_add(length as i64);
                self.voice.questions.expect(length);
                self.voice.rewriter.gap();
                self.voice.comparison.gap();
            }
            TurnKind::Finish => {}
        }
        Ok(())
    }

    /// Whether all was heard that the recorded server had said by now; a surplus is not kept for later.
    pub(in crate::drive) fn is_answered(&self) -> bool {
        self.owed <= 0
    }

    /// Goes on as if it were.
    pub(in crate::drive) fn forgive(&mut self) {
        self.owed = 0;
        self.voice.questions.give_up(self.heard);
    }

    /// The target said something. [`Self::answered`] tells what it answers.
    pub(in crate::drive) fn hear(&mut self, bytes: &[u8], now_ms: u32) {
        self.owed = self.owed.saturating_sub(bytes.len() as i64);
        self.heard = self.heard.wrapping_add(bytes.len() as u32);
        let voice = &mut *self.voice;
        voice.rewriter.heard(bytes);
        voice.comparison.actual(bytes);
        voice.questions.hear(now_ms);
    }

    /// Takes the next question whose answer has begun.
    pub(in crate::drive) fn answered(&mut self) -> Option<Question> {
        self.voice.questions.answered(self.heard)
    }

    /// Whether it heard nothing since it was last looked at.
    pub(in crate::drive) fn is_quiet(&mut self) -> bool {
        std::mem::replace(&mut self.checked, self.heard) == self.heard
    }

    /// Whether it heard anything since its last send.
    pub(in crate::drive) fn has_heard(&self) -> bool {
        self.heard != self.heard_before
    }
}
