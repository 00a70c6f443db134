//! A shard of the driver: an application that begins sessions, says what is due, and listens.
//!
//! It does not know what carries the bytes, nor what they mean. A send costs one `send`; an answer one `recv`; and while
//! the next instant is near, the loop spins and asks for news between sends instead of sleeping.

mod failing;
mod listening;
mod saying;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use reactor::{App, Arena, Clock, Close, Closed, Id, Link, Origin, Taken};

use super::cause::Cause;
use super::control::Control;
use super::part::{Part, Wait};
use super::program::{Order, Program};
use super::schedule::Schedule;
use super::tally::{Board, Books};
use crate::{Margin, Rest};

/// How long a turn may spin and send, and how long it may connect, before it asks for news: answers are told late by at
/// most these.
const TURN_NS: u64 = 60_000;
/// How long until what was counted is shown, at most.
const SHOW_NS: u64 = 500_000_000;
/// Figures are shown early where nothing is due for so long.
const CALM_NS: u64 = 5_000_000;
/// How often figures are shown at most.
const SHOW_EARLIEST_NS: u64 = 50_000_000;
/// The longest sleep.
const SLEEP_NS: u64 = 50_000_000;

/// No session has this connection.
const NOBODY: u32 = u32::MAX;

/// A shard of the driver.
#[derive(Debug)]
pub(super) struct Driver {
    program: Arc<Program>,
    control: Arc<Control>,
    board: Arc<Board>,
    clock: Clock,
    schedule: Option<Schedule>,
    shard: u32,
    /// Sessions that may be open at once.
    at_once: u32,
    margin: Margin,
    /// Until when the last sleep was to last.
    asleep_until_ns: Option<u64>,
    parts: Arena<Part>,
    /// Whose a connection is, by its index.
    owners: Vec<u32>,
    /// Connections not yet open.
    opening: u32,
    /// Since when there has been room under the bound of sessions at once, where there was none before.
    room_ns: u64,
    books: Books,
    shown_ns: u64,
    speeds_seen: u64,
    out: Vec<u8>,
    scratch: Vec<u8>,
}

impl Driver {
    pub(super) fn new(
        program: Arc<Program>,
        control: Arc<Control>,
        board: Arc<Board>,
        clock: Clock,
        shard: u32,
        margin: Margin,
    ) -> Self {
        Self {
            at_once: program.at_once(shard),
            program,
            control,
            board,
            clock,
            schedule: None,
            shard,
            margin,
            asleep_until_ns: None,
            parts: Arena::default(),
            owners: Vec::new(),
            opening: 0,
            room_ns: 0,
            books: Books::default(),
            shown_ns: 0,
            speeds_seen: 0,
            out: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Whose a connection is.
    fn owner(&self, connection: Id) -> Option<Id> {
        let index = *self.owners.get(connection.index as usize)?;
        let (id, part) = self.parts.at(index)?;
        (part.connection == connection).then_some(id)
    }

    /// Begins what is due, as far as there is room, for a turn's time at most.
    fn begin_due<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, since_ns: u64) {
        let mut now_ns = since_ns;
        while self.has_room() && now_ns < since_ns + TURN_NS {
            let Some((start, due_ns, line_ns)) = schedule.take_start(now_ns) else {
                return;
            };
            let program = Arc::clone(&self.program);
            let (index, sends) = program.chosen(start.place);
            let session = &program.recording.sessions()[index as usize];
            let mut part = Part::new(index, session, sends, start.person, &program.rules, program.seed);
            part.line_ns = line_ns;
            // Without a clock nothing is due before it is done.
            let is_timed = schedule.are_starts_timed();
            part.due_ns = if is_timed { due_ns } else { now_ns };
            part.ready_ns = part.due_ns.max(self.room_ns);
            part.since_ns = now_ns;
            self.books.begun(&part, is_timed, program.lateness_limit_ns);
            let target = program.target(start.place);
            let connected = link.connect_by(target.address, target.way);
            let id = self.parts.insert(part);
            match connected {
                Ok(connection) => self.own(id, connection),
                Err(why) => self.fail(id, why),
            }
            now_ns = self.clock.now_ns();
        }
    }

    fn has_room(&self) -> bool {
        self.opening < self.program.connecting_max && self.parts.len() < self.at_once
    }

    fn own(&mut self, id: Id, connection: Id) {
        let index = connection.index as usize;
        if self.owners.len() <= index {
            self.owners.resize(index + 1, NOBODY);
        }
        self.owners[index] = id.index;
        self.opening += 1;
        if let Some(part) = self.parts.get_mut(id) {
            part.connection = connection;
        }
    }

    /// Puts a session's next turn on the schedule, or lets it wait for the answer before it.
    fn advance<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule, id: Id, now_ns: u64) {
        let Some(part) = self.parts.get_mut(id) else {
            return;
        };
        let Ok(step) = part.step(&self.program.recording, &mut self.scratch) else {
            return self.fail_open(link, id, Cause::Recording);
        };
        if self.program.order == Order::Causal || !schedule.is_timed() {
            if !part.is_answered() {
                (part.wait, part.since_ns) = (Wait::Answer, now_ns);
                part.is_quiet();
                return self.look_later(schedule, id, now_ns);
            }
            part.wait = Wait::Time;
            let line_ns = schedule.line_ns(now_ns).saturating_add(step.think_ns);
            return schedule.turn_at(line_ns, id.to_bits());
        }
        part.wait = Wait::Time;
        schedule.turn_at(part.line_ns.saturating_add(step.after_ns), id.to_bits());
    }

    /// Whether turns wait for the target. At the highest speed there is no clock to keep, be it that somebody turned to it
    /// later.
    fn waits_for_the_target(&self, schedule: &Schedule) -> bool {
        self.program.order == Order::Causal || !schedule.is_timed()
    }

    fn look_later(&mut self, schedule: &mut Schedule, id: Id, now_ns: u64) {
        if let Some(part) = self.parts.get_mut(id)
            && !std::mem::replace(&mut part.is_checked, true)
        {
            schedule.check_later(now_ns, id.to_bits());
        }
    }

    /// A turn's work: returns when the next thing is due.
    fn work<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule) -> u64 {
        let begun_ns = self.clock.now_ns();
        loop {
            let now_ns = self.clock.now_ns();
            self.begin_due(link, schedule, now_ns);
            self.say_due(link, schedule, self.clock.now_ns());
            self.check_due(link, schedule, now_ns);
            self.retry_due(link, schedule, now_ns);
            let now_ns = self.clock.now_ns();
            let next_ns = schedule.next_ns(self.has_room()).unwrap_or(u64::MAX);
            let is_long = now_ns >= begun_ns + TURN_NS;
            match self.margin.rest(now_ns, next_ns) {
                Rest::Sleep { .. } => return self.sleep_until(schedule, now_ns, next_ns),
                _ if is_long => return now_ns,
                Rest::Over => {}
                Rest::Spin => {
                    while self.clock.now_ns() < next_ns.min(begun_ns + TURN_NS) {
                        std::hint::spin_loop();
                    }
                }
            }
        }
    }

    fn sleep_until(&mut self, schedule: &Schedule, now_ns: u64, next_ns: u64) -> u64 {
        let check_ns = schedule.next_check_ns().unwrap_or(u64::MAX);
        let until_ns = next_ns
            .saturating_sub(self.margin.ns())
            .min(check_ns)
            .min(now_ns + SLEEP_NS);
        let is_calm = next_ns > now_ns + CALM_NS && now_ns > self.shown_ns + SHOW_EARLIEST_NS;
        if is_calm || now_ns > self.shown_ns + SHOW_NS {
            self.show(now_ns);
        }
        self.asleep_until_ns = Some(until_ns);
        until_ns
    }

    fn show(&mut self, now_ns: u64) {
        self.shown_ns = now_ns;
        self.books.tally.open = u64::from(self.parts.len());
        self.books.show(&self.board);
    }

    /// Follows what was asked for meanwhile. Whether the shard is to end.
    fn obey(&mut self, schedule: &mut Schedule, now_ns: u64) -> bool {
        if let Some((connect, think)) = self.control.speeds_after(&mut self.speeds_seen) {
            schedule.change(now_ns, connect, think);
        }
        self.control.is_stopping()
    }
}

impl<L: Link> App<L> for Driver {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        let now_ns = self.clock.now_ns();
        let Some(mut schedule) = self.schedule.take() else {
            return;
        };
        if let Some(id) = self.owner(id) {
            self.is_open(link, &mut schedule, id, now_ns);
        }
        self.schedule = Some(schedule);
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        let Some(mut schedule) = self.schedule.take() else {
            return Taken(bytes.len());
        };
        if let Some(id) = self.owner(id) {
            self.hear(link, &mut schedule, id, bytes, now_us);
        }
        self.schedule = Some(schedule);
        Taken(bytes.len())
    }

    fn closed(&mut self, _: &mut L, id: Id, why: Closed, _: u64) {
        if let Some(id) = self.owner(id) {
            self.ended(id, why);
        }
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        let mut schedule = match self.schedule.take() {
            Some(schedule) => schedule,
            None => {
                let Some(begin_us) = self.control.begin_us() else {
                    return (!self.control.is_stopping()).then_some(now_us + 1_000_000);
                };
                self.program.schedule(begin_us * 1_000, self.shard)
            }
        };
        if let Some(until_ns) = self.asleep_until_ns.take()
            && now_us * 1_000 >= until_ns
        {
            self.margin.woke(until_ns, now_us * 1_000);
        }
        if self.obey(&mut schedule, now_us * 1_000) {
            self.stop(link, &mut schedule);
            return None;
        }
        let due_ns = self.work(link, &mut schedule);
        if schedule.is_begun() && self.parts.is_empty() {
            std::mem::take(&mut self.books).hand_in(&self.board);
            return None;
        }
        self.schedule = Some(schedule);
        Some(due_ns / 1_000)
    }
}

/// How a driven session's connection is ended.
fn manner(end: crate::End) -> Close {
    match end {
        crate::End::Reset(_) => Close::Reset,
        _ => Close::Graceful,
    }
}
