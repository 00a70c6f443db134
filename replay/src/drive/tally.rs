//! What a shard of the driver counts, and the board on which it shows that to whoever samples.
//!
//! It does not know what made the counts. A shard counts in words and histograms of its own, and merges them into its
//! board in a quiet moment: nobody takes a lock on a request's way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use record::Histogram;

use super::cause::{Cause, Failure};
use super::part::Part;
use crate::fidelity::Rhythm;
use crate::{Compared, Difference, Flow, Messages};

/// Answers by what they are beside the recorded ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The same bytes.
    pub identical: u64,
    /// The same but for what may differ.
    pub masked: u64,
    /// Not the same.
    pub different: u64,
    /// Recorded, and never answered.
    pub missing: u64,
    /// Answered, and not recorded.
    pub extra: u64,
    /// Answered, and perhaps among what the recording lacks.
    pub unjudged: u64,
}

impl Answers {
    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.identical += other.identical;
        self.masked += other.masked;
        self.different += other.different;
        self.missing += other.missing;
        self.extra += other.extra;
        self.unjudged += other.unjudged;
    }

    /// Adds a session's.
    pub(super) fn add(&mut self, compared: &Compared) {
        self.identical += compared.identical;
        self.masked += compared.masked;
        self.different += compared.different;
        self.missing += compared.missing;
        self.extra += compared.extra;
        self.unjudged += compared.unjudged;
    }
}

/// Counts of driven sessions and of what they said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions begun.
    pub begun: u64,
    /// Connects begun later than the limit, by the driver's own fault.
    pub connects_late: u64,
    /// Connects begun later than the limit because as many sessions were open as may be at once.
    pub connects_held: u64,
    /// Connections that came about.
    pub opened: u64,
    /// Sessions driven to their end.
    pub finished: u64,
    /// Sessions that were not, by [`Cause`].
    pub failed: [u64; Cause::ALL.len()],
    /// Sends made.
    pub sent: u64,
    /// Sends later than the limit, by the driver's own fault.
    pub late: u64,
    /// Sends that were not made, by [`Cause`].
    pub unsent: [u64; Cause::ALL.len()],
    /// Times a send waited because the target did not read.
    pub stalled: u64,
    /// Bytes said.
    pub bytes_out: u64,
    /// Bytes heard.
    pub bytes_in: u64,
    /// Times a causal send went on without the whole of the recorded answer.
    pub answers_given_up: u64,
    /// Sends whose answers were recorded and not timed: too many were open on one connection, or no answer came.
    pub answers_untimed: u64,
    /// The answers against the recorded ones.
    pub answers: Answers,
    /// Values said as recorded because the target had not handed out its own.
    pub unlearned: u64,
    /// Values said as recorded because the answer that hands them out was not come to yet, which in the recording it was; each of a
    /// person once; not a shard's own count.
    pub early: u64,
    /// Values that a person's other sessions were to share, or that were said before they might be handed out, and that were forgotten for
    /// newer ones; not a shard's own count.
    pub forgotten: u64,
    /// Values that were never shared for want of room; not a shard's own count.
    pub unshared: u64,
    /// Chat messages of sessions that are over: said, of them to groups, accepted, refused.
    pub messages: [u64; 4],
    /// A gauge: sessions under way.
    pub open: u64,
}

impl Counts {
    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.begun += other.begun;
        self.connects_late += other.connects_late;
        self.connects_held += other.connects_held;
        self.opened += other.opened;
        self.finished += other.finished;
        self.sent += other.sent;
        self.late += other.late;
        self.stalled += other.stalled;
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.answers_given_up += other.answers_given_up;
        self.answers_untimed += other.answers_untimed;
        self.open += other.open;
        self.unlearned += other.unlearned;
        self.early += other.early;
        self.forgotten += other.forgotten;
        self.unshared += other.unshared;
        self.answers.merge(&other.answers);
        for (sum, more) in self.messages.iter_mut().zip(other.messages) {
            *sum += more;
        }
        for (sum, more) in self.failed.iter_mut().zip(other.failed) {
            *sum += more;
        }
        for (sum, more) in self.unsent.iter_mut().zip(other.unsent) {
            *sum += more;
        }
    }

    /// Adds a session's chat messages.
    pub(super) fn add_messages(&mut self, of: Messages) {
        let more = [of.said, of.to_groups, of.accepted, of.refused];
        for (sum, more) in self.messages.iter_mut().zip(more) {
            *sum += u64::from(more);
        }
    }

    /// A session ended before its time, with so many sends unsent.
    pub(super) fn fail(&mut self, cause: Cause, unsent: u64) {
        self.failed[cause as usize] += 1;
        self.unsent[cause as usize] += unsent;
    }

    /// Sessions that failed, for whatever cause.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// Sends that were not made, for whatever cause.
    #[must_use]
    pub fn unsent_in_all(&self) -> u64 {
        self.unsent.iter().sum()
    }
}

/// What took how long, microseconds.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    /// Sends after the instant they were due and could be made: the driver's own lateness.
    pub lateness: Histogram,
    /// Sends held back by the target, a connection not yet open, an answer not yet there, or by the bound of sessions at
    /// once.
    pub held: Histogram,
    /// Connects after the instant they were due and allowed: the driver's own lateness.
    pub connect_lateness: Histogram,
    /// Intended instant of a connect to its establishment.
    pub connect: Histogram,
    /// Intended instant of a send to the first byte of the answer.
    pub answer: Histogram,
    /// The same in the recording, for the same sends.
    pub recorded_answer: Histogram,
}

impl Timings {
    pub(super) fn move_into(&mut self, other: &mut Self) {
        let pairs = [
            (&mut self.lateness, &mut other.lateness),
            (&mut self.held, &mut other.held),
            (&mut self.connect_lateness, &mut other.connect_lateness),
            (&mut self.connect, &mut other.connect),
            (&mut self.answer, &mut other.answer),
            (&mut self.recorded_answer, &mut other.recorded_answer),
        ];
        for (from, to) in pairs {
            if from.count() > 0 {
                to.merge(from);
                from.clear();
            }
        }
    }
}

/// A driven session's first difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The recorded flow.
    pub flow: Flow,
    /// As whom it was driven.
    pub person: u32,
    /// What differs.
    pub difference: Difference,
}

/// A session that was not driven to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The recorded flow.
    pub flow: Flow,
    /// As whom it was driven.
    pub person: u32,
    /// How it failed.
    pub failure: Failure,
}

/// Differences, and failures, kept by a shard: the first ones tell most.
const KEPT_MAX: usize = 20;

/// What a shard shows.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Shown>);

/// What is on it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) tally: Counts,
    pub(super) timings: Timings,
    pub(super) rhythm: Rhythm,
    pub(super) differences: Vec<Differing>,
    pub(super) failures: Vec<Failing>,
    /// Nothing more will come.
    pub(super) is_final: bool,
}

impl Board {
    /// What was shown so far; timings may be taken away.
    pub(super) fn look(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shard counts, its own.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) tally: Counts,
    pub(super) timings: Timings,
    pub(super) rhythm: Rhythm,
    differences: Vec<Differing>,
    differences_kept: usize,
    failures: Vec<Failing>,
    failures_kept: usize,
}

impl Books {
    /// A session begins to connect, and was to at an instant of the clock where it is timed.
    pub(super) fn begun(&mut self, part: &Part, is_timed: bool, limit_ns: u64) {
        self.tally.begun += 1;
        if !is_timed {
            return;
        }
        let late_ns = part.since_ns.saturating_sub(part.ready_ns);
        self.timings.connect_lateness.record(late_ns / 1_000);
        self.tally.connects_late += u64::from(late_ns > limit_ns);
        self.tally.connects_held += u64::from(part.ready_ns > part.due_ns + limit_ns);
    }

    /// A session failed, with so many sends unsent. It is kept, if there were not many yet; one that was stopped says nothing.
    pub(super) fn fail(&mut self, flow: Flow, person: u32, failure: Failure, unsent: u64) {
        self.tally.fail(failure.cause, unsent);
        if self.failures_kept < KEPT_MAX && failure.cause != Cause::Stopped {
            self.failures_kept += 1;
            self.failures.push(Failing {
                flow,
                person,
                failure,
            });
        }
    }

    /// Keeps a difference, if there were not many yet.
    pub(super) fn differs(&mut self, flow: Flow, person: u32, difference: Difference) {
        if self.differences_kept < KEPT_MAX {
            self.differences_kept += 1;
            self.differences.push(Differing {
                flow,
                person,
                difference,
            });
        }
    }

    /// Shows what was counted.
    pub(super) fn show(&mut self, board: &Board) {
        let mut shown = board.look();
        shown.tally = self.tally;
        self.timings.move_into(&mut shown.timings);
        shown.differences.append(&mut self.differences);
        shown.failures.append(&mut self.failures);
    }

    /// Shows all, for the last time.
    pub(super) fn hand_in(mut self, board: &Board) {
        self.tally.open = 0;
        self.show(board);
        let mut shown = board.look();
        shown.rhythm = self.rhythm;
        shown.is_final = true;
    }
}
