//! One driven session: where in its recording it is, what it says next and when, and what it waits for.
//!
//! It knows no connection and no clock. Beside its rewriting and its comparison, which it has while it lasts, it is 112 B at most.

use std::sync::Arc;

use reactor::Id;

use crate::{
    Compared, Comparison, End, Messages, Recording, RecordingError, RewriteError, Rewriter, Rules, Said,
    Session, Side, Turn, TurnKind,
};

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
    /// From when on it could do what it is to do next.
    pub(super) ready_ns: u64,
    /// Since when it waits for the target.
    pub(super) since_ns: u64,
    /// When it asked what has not been answered yet; 0 where it did not.
    pub(super) asked_ns: u64,
    /// How long the recorded answer took.
    recorded_wait_us: u32,
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
            asked_ns: 0,
            recorded_wait_us: 0,
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

    /// Goes over all that the server said after the client's last turn.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub(super) fn outlast(
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

    fn expect(
        &mut self,
        recording: &Recording,
        turn: &Turn,
        kind: TurnKind,
        scratch: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        match kind {
            TurnKind::Bytes { length, .. } => {
                self.owed += i64::from(length);
                let said = recording.bytes(turn, scratch)?;
                self.voice.rewriter.expected(said);
                self.voice.comparison.recorded(said);
            }
            TurnKind::Gap { length } => {
                self.owed = self.owed.saturating_add(length as i64);
                self.voice.comparison.gap();
            }
            TurnKind::Finish => {}
        }
        Ok(())
    }

    /// Whether all was heard that the recorded server had said by now; a surplus is not kept for later.
    pub(super) fn is_answered(&self) -> bool {
        self.owed <= 0
    }

    /// Goes on as if it were.
    pub(super) fn forgive(&mut self) {
        self.owed = 0;
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
        let Voice { rewriter, comparison } = &mut *self.voice;
        if !self.is_resting {
            let recorded = recording.bytes(turn, scratch)?;
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
        self.left += u32::from(is_whole);
        self.asked_ns = 0;
    }

    /// Notes how long the recorded answer took, where one follows and none is still owed.
    fn asks(&mut self, turn: &Turn, following: Option<&Turn>) {
        let answer = following
            .filter(|next| next.side == Side::Server && matches!(next.kind, TurnKind::Bytes { .. }))
            .filter(|_| self.is_answered());
        self.owed = self.owed.max(0);
        self.heard_before = self.heard;
        self.asked_ns = 0;
        if let Some(answer) = answer {
            self.asked_ns = self.due_ns.max(1);
            self.recorded_wait_us = ((answer.at_ns - turn.at_ns) / 1_000).min(u64::from(u32::MAX)) as u32;
        }
    }

    /// The target said something. Returns when it was asked and how long the recorded answer took, microseconds, if this
    /// is the answer's beginning.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Option<(u64, u64)> {
        self.owed = self.owed.saturating_sub(bytes.len() as i64);
        self.heard = self.heard.wrapping_add(bytes.len() as u32);
        self.voice.rewriter.heard(bytes);
        self.voice.comparison.actual(bytes);
        let asked_ns = std::mem::take(&mut self.asked_ns);
        (asked_ns > 0).then_some((asked_ns, u64::from(self.recorded_wait_us)))
    }

    /// Whether it heard nothing since it was last looked at.
    pub(super) fn is_quiet(&mut self) -> bool {
        std::mem::replace(&mut self.checked, self.heard) == self.heard
    }

    /// Whether it heard anything since its last send.
    pub(super) fn has_heard(&self) -> bool {
        self.heard != self.heard_before
    }

    /// Does not wait for values any longer.
    pub(super) fn insist(&mut self) {
        self.voice.rewriter.insist();
    }

    /// Chat messages so far.
    pub(super) fn messages(&self) -> Messages {
        self.voice.rewriter.messages()
    }

    /// What the comparison came to, and how many values were never learned.
    pub(super) fn finish(self) -> (Compared, u64) {
        let unlearned = u64::from(self.voice.rewriter.unlearned());
        (self.voice.comparison.finish(), unlearned)
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
mod tests {
    use super::super::testing::{recorded, said};
    use super::*;

    fn part(recording: &Recording) -> Part {
        let rules = Arc::new(Rules::default());
        Part::new(0, &recording.sessions()[0], 2, 0, &rules, 1)
    }

    #[test]
    fn a_session_steps_from_turn_to_turn_and_owes_what_the_server_said() {
        let recording = recorded(&[(
            100,
            "10.0.0.1:1",
            "10.0.0.9:7",
            &[
                said(Side::Server, 150, b"banner"),
                said(Side::Client, 200, b"hello"),
                said(Side::Client, 250, b"again"),
                said(Side::Server, 300, b"both"),
            ],
        )]);
        let (mut part, mut scratch, mut out) = (part(&recording), Vec::new(), Vec::new());
        let step = part.step(&recording, &mut scratch).unwrap();
        assert_eq!((step.after_ns, step.think_ns, step.ends), (100, 50, false));
        assert!(!part.is_answered(), "the banner is awaited");
        assert_eq!(part.hear(b"BANNER"), None);
        assert!(part.is_answered() && part.has_heard());
        assert!(matches!(
            part.say(&recording, &mut scratch, &mut out),
            Ok(Said::Ready)
        ));
        assert_eq!((out.as_slice(), part.left), (&b"hello"[..], 1));
        let step = part.step(&recording, &mut scratch).unwrap();
        assert_eq!((step.after_ns, step.think_ns, step.ends), (150, 50, false));
        part.due_ns = 9_000;
        assert!(part.say(&recording, &mut scratch, &mut out).is_ok());
        let step = part.step(&recording, &mut scratch).unwrap();
        assert_eq!((step.after_ns, step.ends), (200, true));
        assert_eq!(part.hear(b"bo"), Some((9_000, 0)), "50 ns are no microsecond");
        assert!(!part.is_answered());
        assert_eq!(part.hear(b"th"), None);
        assert!(part.is_answered());
    }

    #[test]
    fn a_surplus_answers_nothing_that_comes_later() {
        let recording = recorded(&[(
            0,
            "10.0.0.1:1",
            "10.0.0.9:7",
            &[
                said(Side::Client, 10, b"one"),
                said(Side::Server, 20, b"1"),
                said(Side::Client, 30, b"two"),
                said(Side::Server, 40, b"2"),
            ],
        )]);
        let (mut part, mut scratch, mut out) = (part(&recording), Vec::new(), Vec::new());
        for surplus in [b"1 and much more", b"2 and much more"] {
            part.step(&recording, &mut scratch).unwrap();
            assert!(part.is_answered());
            part.say(&recording, &mut scratch, &mut out).unwrap();
            part.step(&recording, &mut scratch).unwrap();
            assert!(!part.is_answered(), "the surplus counted");
            part.hear(surplus);
        }
    }

    #[test]
    fn a_driven_session_is_small() {
        assert!(size_of::<Part>() <= 112, "{}", size_of::<Part>());
    }
}
