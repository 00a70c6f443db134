//! One driven session: where in its recording it is, what it says next and when, and what it waits for.
//!
//! It knows no connection and no clock. Beside its rewriting, its comparison and its open questions, which it has while it
//! lasts, it is 96 B at most.

mod hearing;
mod questions;

use std::sync::Arc;

use reactor::Id;

use crate::{
    Compared, Comparison, End, Messages, Recording, RecordingError, RewriteError, Rewriter, Rules, Said,
    Session, Side, Turn, TurnKind,
};

pub(super) use questions::Question;
use questions::Questions;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Its connection.
    Connection,
    /// Its time.
    Time,
    /// The answer that came before its next turn in the recording.
    Answer,
    /// A value that the target has not handed out yet.
    Value,
    /// Room to say what is kept: the target reads too slowly.
    Room,
    /// The rest of the answers, before it ends.
    End,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// When, nanoseconds after the session was opened.
    pub(super) after_ns: u64,
    /// How long after the turn before it, whosever that was.
    pub(super) think_ns: u64,
    /// Whether the session ends; otherwise it says something.
    pub(super) ends: bool,
}

/// What is said, and heard, and what it is compared with.
#[derive(Debug)]
struct Voice {
    rewriter: Rewriter,
    comparison: Comparison,
    questions: Questions,
    /// What is to be said again once there is room, and whether a turn ends with it.
    kept: Option<(Box<[u8]>, bool)>,
    /// When the last turn was captured, and made, where somebody asked for its gap.
    said_ns: Option<(u64, u64)>,
}

/// A driven session.
#[derive(Debug)]
pub(super) struct Part {
    /// Its place in [`Recording::sessions`].
    pub(super) session: u32,
    /// As whom.
    pub(super) person: u32,
    /// Its connection, once it has asked for one.
    pub(super) connection: Id,
    /// Where on the line of turns it began.
    pub(super) line_ns: u64,
    /// When its connection was due, and then each of its sends.
    pub(super) due_ns: u64,
    /// From when on it could do what it is to do next: connect, say.
    pub(super) ready_ns: u64,
    /// Since when it waits for the target: to accept, to answer, to read.
    pub(super) since_ns: u64,
    /// Sends not made yet.
    pub(super) left: u32,
    /// Bytes that the recorded server had said more than the target has.
    owed: i64,
    /// Bytes heard when last looked at.
    checked: u32,
    /// Bytes heard, modulo 2^32.
    heard: u32,
    /// Bytes heard before the last send.
    heard_before: u32,
    /// The next turn.
    next: u32,
    /// Bytes of it that the rewriter took.
    taken: u32,
    pub(super) wait: Wait,
    /// Whether a check is on the schedule.
    pub(super) is_checked: bool,
    /// Whether its client finished (FIN) next, and went on listening for what its server still said.
    pub(super) is_finishing: bool,
    /// Whether the turn is said, but for what the rewriter kept for its end.
    is_resting: bool,
    voice: Box<Voice>,
}

/// Why something was not said.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mute {
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
}

impl Part {
    /// A session about to begin, with so many sends to make.
    pub(super) fn new(
        index: u32,
        session: &Session,
        sends: u32,
        person: u32,
        rules: &Arc<Rules>,
        seed: u64,
    ) -> Self {
        Self {
            session: index,
            person,
            connection: Id::from_bits(u64::MAX),
            line_ns: 0,
            due_ns: 0,
            ready_ns: 0,
            since_ns: 0,
            left: sends,
            owed: 0,
            checked: 0,
            heard: 0,
            heard_before: 0,
            next: 0,
            taken: 0,
            wait: Wait::Connection,
            is_checked: false,
            is_finishing: false,
            is_resting: false,
            voice: Box::new(Voice {
                rewriter: Rewriter::new(rules, session, person, seed),
                comparison: Comparison::new(rules, session, person),
                questions: Questions::default(),
                kept: None,
                said_ns: None,
            }),
        }
    }

    /// Goes over what the server said up to the client's next turn, and says when that is.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub(super) fn step(
        &mut self,
        recording: &Recording,
        scratch: &mut Vec<u8>,
    ) -> Result<Step, RecordingError> {
        let session = &recording.sessions()[self.session as usize];
        let turns = recording.turns(self.session as usize);
        let before = self
            .next
            .checked_sub(1)
            .and_then(|before| turns.get(before as usize));
        let mut before_ns = before.map_or(session.opened_ns, |turn| turn.at_ns);
        while let Some(turn) = turns.get(self.next as usize) {
            match (turn.side, turn.kind) {
                (Side::Client, TurnKind::Bytes { .. }) => {
                    return Ok(step(session, turn.at_ns, before_ns, false));
                }
                // What its server says afterwards may be an answer to that.
                (Side::Client, TurnKind::Finish) if self.left == 0 => {
                    self.is_finishing = true;
                    return Ok(step(session, turn.at_ns, before_ns, true));
                }
                (Side::Client, TurnKind::Gap { .. } | TurnKind::Finish) => {}
                (Side::Server, kind) => {
                    before_ns = turn.at_ns;
                    self.expect(recording, turn, kind, scratch)?;
                }
            }
            self.next += 1;
        }
        Ok(step(session, session.closed_ns, before_ns, true))
    }

    /// Appends what is said in this turn to `out`. [`Said::Waits`] wants it called again once more was heard.
    ///
    /// # Errors
    /// It cannot be said.
    pub(super) fn say(
        &mut self,
        recording: &Recording,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Said, Mute> {
        let turns = recording.turns(self.session as usize);
        let Some(turn) = turns.get(self.next as usize) else {
            return Ok(Said::Ready);
        };
        let Voice {
            rewriter, comparison, ..
        } = &mut *self.voice;
        if !self.is_resting {
            let recorded = recording.bytes(turn, scratch)?;
            rewriter.turn(turn.at_ns);
            let rest = recorded.get(self.taken as usize..).unwrap_or_default();
            if let Said::Waits { taken } = rewriter.say(rest, out)? {
                self.taken += taken as u32;
                return Ok(Said::Waits { taken });
            }
            comparison.said(recorded);
        }
        let following = turns.get(self.next as usize + 1);
        let goes_on = following
            .is_some_and(|next| next.side == Side::Client && matches!(next.kind, TurnKind::Bytes { .. }));
        if !goes_on {
            self.is_resting = true;
            if let Said::Waits { taken } = rewriter.rest(out)? {
                return Ok(Said::Waits { taken });
            }
        }
        (self.is_resting, self.taken) = (false, 0);
        self.asks(turn, following);
        self.next += 1;
        self.left = self.left.saturating_sub(1);
        Ok(Said::Ready)
    }

    /// Appends what the client never completed before it finished.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.voice.rewriter.end(out);
    }

    /// What was said last did not reach the target: a whole turn, or a part of one.
    pub(super) fn unsay(&mut self, is_whole: bool) {
        if is_whole {
            self.left += 1;
            self.voice.questions.take_back();
        }
    }

    /// Keeps what was said last until there is room for it: a whole turn, or a part of one.
    pub(super) fn keep(&mut self, said: &[u8], is_whole: bool) {
        self.left += u32::from(is_whole);
        self.voice.kept = Some((said.into(), is_whole));
    }

    /// What is kept, and whether a turn ends with it.
    pub(super) fn kept(&self) -> Option<(&[u8], bool)> {
        self.voice
            .kept
            .as_ref()
            .map(|(said, is_whole)| (&**said, *is_whole))
    }

    /// What was kept reached the target.
    pub(super) fn let_go(&mut self) {
        if let Some((_, true)) = self.voice.kept.take() {
            self.left -= 1;
        }
    }

    /// The turn that was said last was made then: from the one before it, so long as captured and as made.
    pub(super) fn gap(&mut self, recording: &Recording, made_ns: u64) -> Option<(u64, u64)> {
        let turns = recording.turns(self.session as usize);
        let captured_ns = turns.get(self.next.checked_sub(1)? as usize)?.at_ns;
        let (before_captured_ns, before_made_ns) = self.voice.said_ns.replace((captured_ns, made_ns))?;
        Some((
            captured_ns.saturating_sub(before_captured_ns),
            made_ns.saturating_sub(before_made_ns),
        ))
    }

    /// Notes what was asked, and how long the recorded answer took where one follows.
    fn asks(&mut self, turn: &Turn, following: Option<&Turn>) {
        let answer =
            following.filter(|next| next.side == Side::Server && matches!(next.kind, TurnKind::Bytes { .. }));
        self.owed = self.owed.max(0);
        self.heard_before = self.heard;
        let recorded_us = answer.map(|answer| {
            let us = answer.at_ns.saturating_sub(turn.at_ns) / 1_000;
            us.min(u64::from(u32::MAX)) as u32
        });
        self.voice.questions.ask(self.due_ns, self.heard, recorded_us);
    }

    /// Does not wait for values any longer.
    pub(super) fn insist(&mut self) {
        self.voice.rewriter.insist();
    }

    /// Chat messages so far.
    pub(super) fn messages(&self) -> Messages {
        self.voice.rewriter.messages()
    }

    /// Values that were never learned so far.
    pub(super) fn unlearned(&self) -> u64 {
        u64::from(self.voice.rewriter.unlearned())
    }

    /// Questions whose answers were not timed: too many were open, or no answer came.
    pub(super) fn untimed(&self) -> u64 {
        u64::from(self.voice.questions.untimed())
    }

    /// What the comparison came to.
    pub(super) fn finish(self) -> Compared {
        self.voice.comparison.finish()
    }
}

/// Whether the target is to close a session, or to reset it.
pub(super) fn target_ends(end: End) -> bool {
    matches!(end, End::Finished(Side::Server) | End::Reset(Side::Server))
}

fn step(session: &Session, at_ns: u64, before_ns: u64, ends: bool) -> Step {
    Step {
        after_ns: at_ns.saturating_sub(session.opened_ns),
        think_ns: at_ns.saturating_sub(before_ns),
        ends,
    }
}

#[cfg(test)]
mod tests;
