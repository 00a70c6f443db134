//! What is due on a shard: sessions that begin, turns that come, waits that are looked at again.
//!
//! It reads no clock and knows nobody: a driven session is a word. An entry of 16 B a session that waits for its time, and
//! one that waits for its target, is all it keeps; nothing for a session that has nothing to do but listen.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::cast::{Start, Starts};
use crate::{Pace, Speed};

/// How often a session that waits for its target is looked at.
pub(super) const CHECK_NS: u64 = 100_000_000;
/// How often one is that waits for its target to read: 256 KiB each time are 256 MB a second.
pub(super) const RETRY_NS: u64 = 1_000_000;

/// What is due, in the order of time.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When sessions begin.
    connects: Pace,
    /// When their turns come.
    thinks: Pace,
    starts: Starts,
    /// Turns, by their instant on the line of `thinks`, so that a change of speed moves none of them.
    turns: BinaryHeap<Reverse<(u64, u64)>>,
    /// Checks, by the clock: each is as far off as any other, so they are in order as they come.
    checks: VecDeque<(u64, u64)>,
    /// Sends to be tried again, likewise.
    retries: VecDeque<(u64, u64)>,
    /// How far the recording has come.
    reached_ns: u64,
}

impl Schedule {
    /// Everything begins at an instant of the clock.
    pub(super) fn new(starts: Starts, begin_ns: u64, connect: Speed, think: Speed) -> Self {
        Self {
            connects: Pace::new(begin_ns, 0, connect),
            thinks: Pace::new(begin_ns, 0, think),
            starts,
            turns: BinaryHeap::new(),
            checks: VecDeque::new(),
            retries: VecDeque::new(),
            reached_ns: 0,
        }
    }

    /// Goes on at other speeds.
    pub(super) fn change(&mut self, now_ns: u64, connect: Speed, think: Speed) {
        self.connects.change(now_ns, self.reached_ns, connect);
        self.thinks.change(now_ns, self.reached_ns, think);
    }

    /// The next beginning that is due, when it was, and where on the line of turns it lies.
    pub(super) fn take_start(&mut self, now_ns: u64) -> Option<(Start, u64, u64)> {
        let due_ns = self.connects.due_ns(self.starts.next_ns()?);
        if due_ns > now_ns {
            return None;
        }
        let start = self.starts.take()?;
        self.reached_ns = self.reached_ns.max(start.at_ns);
        let line_ns = if self.connects == self.thinks || self.thinks.speed() == Speed::Max {
            start.at_ns
        } else {
            self.thinks.recorded_ns(due_ns)
        };
        Some((start, due_ns, line_ns))
    }

    /// A session's turn comes at an instant of the line of turns.
    pub(super) fn turn_at(&mut self, line_ns: u64, who: u64) {
        self.turns.push(Reverse((line_ns, who)));
    }

    /// Whether turns have a clock to keep.
    pub(super) fn is_timed(&self) -> bool {
        self.thinks.speed() != Speed::Max
    }

    /// How long the clock takes for so much recorded time between turns, nanoseconds; nothing at the highest speed.
    pub(super) fn think_ns(&self, recorded_ns: u64) -> Option<u64> {
        let factor = self.thinks.speed().factor()?;
        Some((recorded_ns as f64 / factor) as u64)
    }

    /// Whether beginnings have.
    pub(super) fn are_starts_timed(&self) -> bool {
        self.connects.speed() != Speed::Max
    }

    /// Where on the line of turns it is now; at the highest speed, how far it has come.
    pub(super) fn line_ns(&self, now_ns: u64) -> u64 {
        match self.thinks.speed() {
            Speed::Max => self.reached_ns,
            Speed::Times(_) => self.thinks.recorded_ns(now_ns),
        }
    }

    /// Whose turn it is, and when it was due.
    pub(super) fn take_turn(&mut self, now_ns: u64) -> Option<(u64, u64)> {
        let Reverse((line_ns, who)) = *self.turns.peek()?;
        let due_ns = self.thinks.due_ns(line_ns);
        if due_ns > now_ns {
            return None;
        }
        self.turns.pop();
        self.reached_ns = self.reached_ns.max(line_ns);
        Some((who, due_ns))
    }

    /// Somebody waits for the target.
    pub(super) fn check_later(&mut self, now_ns: u64, who: u64) {
        self.checks.push_back((now_ns + CHECK_NS, who));
    }

    /// Who is to be looked at.
    pub(super) fn take_check(&mut self, now_ns: u64) -> Option<u64> {
        self.checks
            .pop_front_if(|(at_ns, _)| *at_ns <= now_ns)
            .map(|(_, who)| who)
    }

    /// Somebody waits for room to send.
    pub(super) fn retry_later(&mut self, now_ns: u64, who: u64) {
        self.retries.push_back((now_ns + RETRY_NS, who));
    }

    /// Who is to try again.
    pub(super) fn take_retry(&mut self, now_ns: u64) -> Option<u64> {
        self.retries
            .pop_front_if(|(at_ns, _)| *at_ns <= now_ns)
            .map(|(_, who)| who)
    }

    /// When the next send or beginning is due, by the clock; beginnings only where there is room for them.
    pub(super) fn next_ns(&self, has_room: bool) -> Option<u64> {
        let turn_ns = self
            .turns
            .peek()
            .map(|Reverse((line_ns, _))| self.thinks.due_ns(*line_ns));
        let start_ns = self
            .starts
            .next_ns()
            .filter(|_| has_room)
            .map(|at_ns| self.connects.due_ns(at_ns));
        turn_ns.into_iter().chain(start_ns).min()
    }

    /// When the next check or retry is.
    pub(super) fn next_check_ns(&self) -> Option<u64> {
        let fronts = [self.checks.front(), self.retries.front()];
        fronts.into_iter().flatten().map(|(at_ns, _)| *at_ns).min()
    }

    /// Whether nobody is left to begin.
    pub(super) fn is_begun(&self) -> bool {
        self.starts.next_ns().is_none()
    }

    /// Those that will not begin any more.
    pub(super) fn give_up_starts(&mut self) -> impl Iterator<Item = Start> {
        std::iter::from_fn(|| self.starts.take())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::cast::{Clones, Score};
    use super::*;

    fn schedule(opened_ns: &[u64], connect: &str, think: &str) -> Schedule {
        let score = Arc::new(Score {
            opened_ns: opened_ns.to_vec(),
            period_ns: 1_000,
        });
        let starts = Starts::new(score, Clones::default(), 0, 1);
        Schedule::new(starts, 1_000, connect.parse().unwrap(), think.parse().unwrap())
    }

    #[test]
    fn beginnings_and_turns_have_speeds_of_their_own() {
        let mut schedule = schedule(&[0, 400], "4", "2");
        let (start, due_ns, line_ns) = schedule.take_start(1_000).unwrap();
        assert_eq!((start.place, due_ns, line_ns), (0, 1_000, 0));
        assert!(schedule.take_start(1_099).is_none());
        // It begins 100 ns in, which is 200 on the line of turns; a think time of 50 after it takes 25.
        let (_, due_ns, line_ns) = schedule.take_start(1_100).unwrap();
        assert_eq!((due_ns, line_ns), (1_100, 200));
        schedule.turn_at(line_ns + 50, 7);
        assert_eq!(schedule.next_ns(true), Some(1_125));
        assert_eq!(schedule.take_turn(1_124), None);
        assert_eq!(schedule.take_turn(1_130), Some((7, 1_125)));
        assert_eq!(schedule.think_ns(50), Some(25));
        assert!(schedule.is_begun() && schedule.next_ns(true).is_none());
    }

    #[test]
    fn a_change_of_speed_moves_what_is_ahead_and_nothing_behind() {
        let mut schedule = schedule(&[0], "1", "1");
        schedule.take_start(1_000).unwrap();
        schedule.turn_at(500, 1);
        schedule.turn_at(100, 2);
        let double: Speed = "2".parse().unwrap();
        schedule.change(1_300, double, double);
        // Overdue before the change, and due with it; 200 ahead, and now 100.
        assert_eq!(schedule.take_turn(1_300), Some((2, 1_300)));
        assert_eq!(schedule.next_ns(true), Some(1_400));
    }

    #[test]
    fn from_the_highest_speed_it_goes_on_where_it_is() {
        let mut schedule = schedule(&[0, 400], "max", "max");
        schedule.take_start(1_000).unwrap();
        schedule.take_start(1_000).unwrap();
        schedule.turn_at(schedule.line_ns(2_000) + 50, 1);
        assert_eq!(schedule.think_ns(50), None);
        assert_eq!(schedule.next_ns(true), Some(1_000), "overdue");
        schedule.change(5_000, Speed::RECORDED, Speed::RECORDED);
        assert_eq!(schedule.next_ns(true), Some(5_050));
    }

    #[test]
    fn checks_come_a_while_later_in_order() {
        let mut schedule = schedule(&[0], "max", "max");
        schedule.check_later(10, 1);
        schedule.check_later(20, 2);
        assert_eq!(schedule.take_check(CHECK_NS + 9), None);
        assert_eq!(schedule.take_check(CHECK_NS + 15), Some(1));
        assert_eq!(schedule.next_check_ns(), Some(CHECK_NS + 20));
        schedule.retry_later(30, 3);
        assert_eq!(schedule.next_check_ns(), Some(RETRY_NS + 30));
        assert_eq!(schedule.take_retry(RETRY_NS + 29), None);
        assert_eq!(schedule.take_retry(RETRY_NS + 30), Some(3));
        assert_eq!(schedule.next_ns(false), None, "no room to begin");
        assert_eq!(schedule.next_ns(true), Some(1_000));
    }
}
