//! What sessions say: at their time, once there is room, and how late it was.
//!
//! It does not know what is said: the rewriter handed it out.

use reactor::{Id, Link, SendError};

use super::{Driver, TURN_NS};
use crate::Said;
use crate::drive::cause::Cause;
use crate::drive::part::Wait;
use crate::drive::program::Order;
use crate::drive::schedule::Schedule;

impl Driver {
    /// Says what is due, for a turn's time at most: at the highest speed all is.
    pub(super) fn say_due<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, since_ns: u64) {
        let mut now_ns = since_ns;
        while now_ns < since_ns + TURN_NS {
            let Some((who, due_ns)) = schedule.take_turn(now_ns) else {
                return;
            };
            let id = Id::from_bits(who);
            if let Some(part) = self.parts.get_mut(id).filter(|part| part.wait == Wait::Time) {
                // Without a clock nothing is due before it is done.
                part.due_ns = if schedule.is_timed() { due_ns } else { now_ns };
                self.act(link, schedule, id);
            }
            now_ns = self.clock.now_ns();
        }
    }

    /// Says what a session says now, or ends it where it has said all.
    pub(super) fn act<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id) {
        let now_ns = self.clock.now_ns();
        let may_wait = self.waits_for_the_target(schedule);
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        if part.left == 0 {
            return self.drain(link, schedule, id, now_ns);
        }
        self.out.clear();
        let said = part.say(&self.program.recording, &mut self.scratch, &mut self.out);
        let (connection, is_whole) = (part.connection, matches!(said, Ok(Said::Ready)));
        if !self.out.is_empty()
            && let Err(error) = link.send(connection, &self.out)
        {
            return match error {
                // Its end is told in a moment.
                SendError::Gone => part.unsay(is_whole),
                SendError::Full if said.is_err() || !may_wait => {
                    part.unsay(is_whole);
                    self.fail_open(link, id, Cause::Full);
                }
                // What the rewriter handed out cannot be had again later.
                SendError::Full => {
                    self.books.tally.stalled += 1;
                    part.keep(&self.out, is_whole);
                    (part.wait, part.since_ns) = (Wait::Room, now_ns);
                    schedule.retry_later(now_ns, id.to_bits());
                }
            };
        }
        self.books.tally.bytes_out += self.out.len() as u64;
        match said {
            Ok(_) => self.said(link, schedule, id, is_whole, now_ns),
            Err(mute) => self.fail_open(link, id, mute),
        }
    }

    /// Goes on after something was said: a whole turn, or what comes before a value that is waited for.
    fn said<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, is_whole: bool, now_ns: u64) {
        if is_whole {
            self.sent(id, schedule);
            return self.advance(link, schedule, id, now_ns);
        }
        if let Some(part) = self.parts.get_mut(id) {
            if part.wait != Wait::Value {
                (part.wait, part.since_ns) = (Wait::Value, now_ns);
            }
            self.look_later(schedule, id, now_ns);
        }
    }

    /// Tries again to say what there was no room for, until the target has read nothing for too long.
    pub(super) fn retry_due<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, now_ns: u64) {
        while let Some(who) = schedule.take_retry(now_ns) {
            let id = Id::from_bits(who);
            let Some(part) = self.parts.get_mut(id) else {
                continue;
            };
            let Some((said, is_whole)) = part.kept() else {
                continue;
            };
            let bytes = said.len() as u64;
            match link.send(part.connection, said) {
                Ok(()) => {
                    part.let_go();
                    part.ready_ns = now_ns;
                    self.books.tally.bytes_out += bytes;
                    self.said(link, schedule, id, is_whole, now_ns);
                }
                // Its end is told in a moment.
                Err(SendError::Gone) => {}
                Err(SendError::Full) if now_ns >= part.since_ns + self.program.patience_ns => {
                    self.fail_open(link, id, Cause::Full);
                }
                Err(SendError::Full) => schedule.retry_later(now_ns, who),
            }
        }
    }

    /// Counts a send, and how late it was.
    fn sent(&mut self, id: Id, schedule: &Schedule) {
        let (made_ns, is_timed) = (self.clock.now_ns(), schedule.is_timed());
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        let books = &mut self.books;
        books.tally.sent += 1;
        let is_held = part.ready_ns > part.due_ns;
        if is_timed && is_held {
            books.timings.held.record((part.ready_ns - part.due_ns) / 1_000);
        }
        if is_timed {
            let could_ns = part.due_ns.max(part.ready_ns);
            let late_ns = made_ns.saturating_sub(could_ns);
            books.timings.lateness.record(late_ns / 1_000);
            books.tally.late += u64::from(late_ns > self.program.lateness_limit_ns);
            books.rhythm.planned.send(part.due_ns, made_ns);
        }
        // The recorded times are the plan, unless turns wait for answers.
        if self.program.order == Order::Causal
            && let Some((captured_ns, gap_ns)) = part.gap(&self.program.recording, made_ns)
            && let Some(captured_ns) = schedule.think_ns(captured_ns)
        {
            books.rhythm.captured.gap(captured_ns, gap_ns);
        }
        // What the target held back holds back what comes after it in this session.
        part.ready_ns = if is_held { made_ns } else { 0 };
    }
}
