//! What the target does: its connections open, it answers, it keeps a session waiting.

use reactor::{Id, Link, SendError};

use super::{Driver, manner};
use crate::drive::cause::{Cause, Failure};
use crate::drive::part::{Wait, target_ends};
use crate::drive::schedule::Schedule;

/// How long a target that is to end a session as in the recording may take to; an answer may take as long as the options say.
const END_NS: u64 = 2_000_000_000;

impl Driver {
    /// A connection is open: the session's first turn goes on the schedule.
    pub(super) fn is_open<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, now_ns: u64) {
        self.opening -= 1;
        let books = &mut self.books;
        books.tally.opened += 1;
        if let Some(part) = self.parts.get_mut(id) {
            books
                .timings
                .connect
                .record(now_ns.saturating_sub(part.due_ns) / 1_000);
            // Had it begun to connect when it could, it would be open by so much sooner: that is not the target's doing.
            let late_ns = part.since_ns.saturating_sub(part.ready_ns);
            part.ready_ns = now_ns.saturating_sub(late_ns);
        }
        self.advance(link, schedule, id, now_ns);
    }

    /// The target said something.
    pub(super) fn hear<L: Link>(
        &mut self,
        link: &mut L,
        schedule: &mut Schedule,
        id: Id,
        bytes: &[u8],
        now_us: u64,
    ) {
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        self.books.tally.bytes_in += bytes.len() as u64;
        part.hear(bytes, (now_us / 1_000) as u32);
        let mut answered = part.answered();
        let (wait, is_answered) = (part.wait, part.is_answered());
        if answered.is_none() && matches!(wait, Wait::Time | Wait::Connection) {
            return;
        }
        let now_ns = self.clock.now_ns();
        let timings = &mut self.books.timings;
        while let Some(question) = answered {
            let us = now_ns.saturating_sub(question.asked_ns) / 1_000;
            timings.answer.record(us);
            timings.recorded_answer.record(u64::from(question.recorded_us));
            answered = part.answered();
        }
        match wait {
            Wait::Answer if is_answered => self.advance(link, schedule, id, now_ns),
            Wait::End if is_answered => self.end(link, schedule, id, now_ns),
            Wait::Value => {
                if let Some(part) = self.parts.get_mut(id) {
                    part.ready_ns = now_ns;
                }
                self.act(link, schedule, id);
            }
            _ => {}
        }
    }

    /// Looks at those who wait for the target.
    pub(super) fn check_due<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, now_ns: u64) {
        while let Some(who) = schedule.take_check(now_ns) {
            let id = Id::from_bits(who);
            let Some(part) = self.parts.get_mut(id) else {
                continue;
            };
            part.is_checked = false;
            let waited_ns = now_ns.saturating_sub(part.since_ns);
            let is_quiet = part.is_quiet();
            let is_over = waited_ns >= self.program.patience_ns;
            match part.wait {
                // It said something, perhaps less than was recorded, and says no more.
                Wait::Answer if is_over || (is_quiet && part.has_heard()) => {
                    part.forgive();
                    self.books.tally.answers_given_up += 1;
                    self.advance(link, schedule, id, now_ns);
                }
                Wait::Value if is_over => {
                    part.insist();
                    part.ready_ns = now_ns;
                    self.act(link, schedule, id);
                }
                // It may have come from elsewhere than this connection.
                Wait::Value => {
                    part.ready_ns = now_ns;
                    self.act(link, schedule, id);
                }
                Wait::End => self.check_end(link, schedule, id, is_quiet, waited_ns, now_ns),
                Wait::Answer => self.look_later(schedule, id, now_ns),
                Wait::Connection | Wait::Time | Wait::Room => {}
            }
        }
    }

    fn check_end<L: Link>(
        &mut self,
        link: &mut L,
        schedule: &mut Schedule,
        id: Id,
        is_quiet: bool,
        waited_ns: u64,
        now_ns: u64,
    ) {
        let Some(part) = self.parts.get(id) else { return };
        let session = &self.program.recording.sessions()[part.session as usize];
        let is_over = if target_ends(session.end) && part.is_answered() {
            waited_ns >= END_NS
        } else {
            waited_ns >= self.program.patience_ns || (is_quiet && part.has_heard())
        };
        if is_over {
            self.close(link, id);
        } else {
            self.look_later(schedule, id, now_ns);
        }
    }

    /// All is said: the target hears so if the recorded server did, and the session ends once the answers are in.
    pub(super) fn drain<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, now_ns: u64) {
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        (part.wait, part.since_ns) = (Wait::End, now_ns);
        part.is_quiet();
        self.out.clear();
        part.end(&mut self.out);
        if !self.out.is_empty() && !self.say_rest(link, schedule, id, now_ns) {
            return;
        }
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        let read = part.outlast(&self.program.recording, &mut self.scratch);
        let (connection, finishes) = (part.connection, part.is_finishing);
        let is_answered = part.is_answered();
        let session = &self.program.recording.sessions()[part.session as usize];
        if read.is_err() {
            return self.fail_open(link, id, Cause::Recording);
        }
        // Where all is answered its FIN comes with the close.
        if finishes && !is_answered && !target_ends(session.end) {
            link.finish_sending(connection);
        }
        if is_answered {
            self.end(link, schedule, id, now_ns);
        } else {
            self.look_later(schedule, id, now_ns);
        }
    }

    /// Says what the rewriter had kept of something that never became whole. Whether the session may end now; else it waits for room, or
    /// failed for want of it.
    fn say_rest<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, now_ns: u64) -> bool {
        let may_wait = self.waits_for_the_target(schedule);
        let Some(part) = self.parts.get_mut(id) else {
            return false;
        };
        match link.send(part.connection, &self.out) {
            Ok(()) => {
                self.books.tally.bytes_out += self.out.len() as u64;
                true
            }
            // Its end is told in a moment.
            Err(SendError::Gone) => true,
            Err(SendError::Full) if may_wait => {
                self.books.tally.stalled += 1;
                part.keep(&self.out, false);
                (part.wait, part.since_ns) = (Wait::Room, now_ns);
                schedule.retry_later(now_ns, id.to_bits());
                false
            }
            Err(SendError::Full) => {
                self.fail_open(link, id, Cause::Full);
                false
            }
        }
    }

    /// The answers are in: the session is closed, unless that is the target's to do.
    fn end<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, now_ns: u64) {
        let Some(part) = self.parts.get(id) else { return };
        let session = &self.program.recording.sessions()[part.session as usize];
        if target_ends(session.end) {
            self.look_later(schedule, id, now_ns);
        } else {
            self.close(link, id);
        }
    }

    /// Closes a session that came to its end.
    fn close<L: Link>(&mut self, link: &mut L, id: Id) {
        let Some(part) = self.parts.get(id) else { return };
        let session = &self.program.recording.sessions()[part.session as usize];
        link.close(part.connection, manner(session.end));
        self.settle(id, None);
    }

    /// A session is over, at its end or before it.
    pub(super) fn settle(&mut self, id: Id, failed: Option<Failure>) {
        if self.parts.len() == self.at_once {
            self.room_ns = self.clock.now_ns();
        }
        let Some(part) = self.parts.remove(id) else { return };
        let (left, person) = (u64::from(part.left), part.person);
        let flow = self.program.recording.sessions()[part.session as usize].flow;
        let books = &mut self.books;
        match failed {
            None => books.tally.finished += 1,
            Some(failure) => books.fail(flow, person, failure, left),
        }
        let was_heard = part.wait != Wait::Connection;
        books.tally.add_messages(part.messages());
        books.tally.unlearned += part.unlearned();
        books.tally.answers_untimed += part.untimed();
        let compared = part.finish();
        if was_heard {
            books.tally.answers.add(&compared);
            if let Some(difference) = compared.first {
                books.differs(flow, person, *difference);
            }
        }
    }
}
